#include "services/provider_adapter/vertex/upstream.h"

#include <fmt/format.h>

#include "services/common/base/errors.h"
#include "services/provider_adapter/vertex/address.h"
#include "services/provider_adapter/vertex/route.h"

namespace tollgate::vertex {

absl::StatusOr<std::unique_ptr<anthropic::Upstream>> make_upstream(asio::io_context& context, Deadlines& deadlines,
                                                                   anthropic::UpstreamOptions options) {
  UpstreamConfig& config = options.config;
  const auto wrong = [&config](std::string_view field, const absl::Status& status) {
    return error(v1::Failure::KIND_INVALID_REQUEST,
                 fmt::format("upstreams.{}.{}: {}", config.name, field, std::string(status.message())));
  };
  if (config.url.empty())
    config.url = host_url(config.vertex.region);
  const absl::StatusOr<upstream::Url> url = upstream::parse_url(config.url);
  if (!url.ok())
    return wrong("url", url.status());
  absl::StatusOr<gcp::Credentials> credentials = gcp::find_credentials(config.vertex.credentials_file);
  if (!credentials.ok())
    return wrong("credentials_file", credentials.status());
  gcp::TokenSource::Options token_options;
  token_options.name = config.name;
  token_options.ca_file = config.ca_file;
  gcp::TokenSource tokens(context, deadlines, *std::move(credentials), std::move(token_options));
  auto route = std::make_unique<VertexRoute>(config, *url, std::move(tokens));
  return anthropic::Upstream::make(context, deadlines, std::move(options), *url, std::move(route));
}

}  // namespace tollgate::vertex
