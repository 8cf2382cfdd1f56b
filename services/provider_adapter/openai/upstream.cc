#include "services/provider_adapter/openai/upstream.h"

#include <fmt/format.h>

#include "services/common/base/errors.h"
#include "services/provider_adapter/anthropic/headers.h"
#include "services/provider_adapter/openai/route.h"

namespace tollgate::openai {

absl::StatusOr<std::unique_ptr<anthropic::Upstream>> make_upstream(asio::io_context& context, Deadlines& deadlines,
                                                                   anthropic::UpstreamOptions options) {
  const UpstreamConfig& config = options.config;
  const auto wrong = [&config](std::string_view what) {
    return error(v1::Failure::KIND_INVALID_REQUEST, fmt::format("upstreams.{}.{}", config.name, what));
  };
  const absl::StatusOr<upstream::Url> url = upstream::parse_url(config.url);
  if (!url.ok())
    return wrong(fmt::format("url: {}", std::string(url.status().message())));
  if (!anthropic::is_header_value(config.api_key))
    return wrong("api_key: it holds a line break or another control character, which no header may have.");
  absl::StatusOr<QuirkTable> quirks = QuirkTable::make(config.preset, config.quirks);
  if (!quirks.ok())
    return wrong(std::string(quirks.status().message()));
  auto route = std::make_unique<ChatRoute>(config, *url, *std::move(quirks));
  return anthropic::Upstream::make(context, deadlines, std::move(options), *url, std::move(route));
}

}  // namespace tollgate::openai
