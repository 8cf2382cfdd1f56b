#include "services/provider_adapter/gemini/upstream.h"

#include <fmt/format.h>

#include "services/common/base/errors.h"
#include "services/common/base/log.h"
#include "services/provider_adapter/anthropic/headers.h"
#include "services/provider_adapter/gemini/route.h"
#include "services/provider_adapter/vertex/address.h"

namespace tollgate::gemini {
namespace {

constexpr const char* kStudioUrl = "https://generativelanguage.googleapis.com/v1beta";

}  // namespace

absl::StatusOr<std::unique_ptr<Upstream>> Upstream::make(asio::io_context& context, Deadlines& deadlines,
                                                         anthropic::UpstreamOptions options) {
  UpstreamConfig& config = options.config;
  const auto wrong = [&config](std::string_view field, std::string_view why) {
    return error(v1::Failure::KIND_INVALID_REQUEST, fmt::format("upstreams.{}.{}: {}", config.name, field, why));
  };
  const bool vertex = !config.vertex.project.empty();
  if (config.url.empty())
    config.url = vertex ? vertex::host_url(config.vertex.region) : kStudioUrl;
  const absl::StatusOr<upstream::Url> url = upstream::parse_url(config.url);
  if (!url.ok())
    return wrong("url", std::string(url.status().message()));
  if (!anthropic::is_header_value(config.api_key))
    return wrong("api_key", "it holds a line break or another control character, which no header may have.");
  std::optional<gcp::TokenSource> tokens;
  if (vertex) {
    absl::StatusOr<gcp::Credentials> credentials = gcp::find_credentials(config.vertex.credentials_file);
    if (!credentials.ok())
      return wrong("credentials_file", std::string(credentials.status().message()));
    gcp::TokenSource::Options token_options;
    token_options.name = config.name;
    token_options.ca_file = config.ca_file;
    tokens.emplace(context, deadlines, *std::move(credentials), std::move(token_options));
  }
  auto route = std::make_unique<Route>(config, *url, std::move(tokens));
  auto made = anthropic::Upstream::make(context, deadlines, std::move(options), *url, std::move(route));
  if (!made.ok())
    return made.status();
  return std::unique_ptr<Upstream>(new Upstream(*std::move(made)));
}

Awaitable<absl::Status> Upstream::send(const v1::SendRequest& request, FrameSink& sink) {
  absl::Status status = co_await upstream_->send(request, sink);
  // It comes before the head: nothing has been written.
  if (status.ok() || !refuses_signature(failure_of(status)))
    co_return status;
  Log(spdlog::level::warn, "thought_signatures_refused")
      .with("upstream", request.upstream())
      .with("model", request.model())
      .with("generation_id", request.generation_id());
  v1::SendRequest without = request;
  v1::Header& header = *without.add_headers();
  header.set_name(std::string(kWithoutSignatures));
  header.set_value("1");
  status = co_await upstream_->send(without, sink);
  co_return status;
}

Awaitable<absl::StatusOr<v1::CountTokensReply>> Upstream::count_tokens(const v1::SendRequest& request) {
  return upstream_->count_tokens(request);
}

Awaitable<absl::StatusOr<v1::ProbeReply>> Upstream::probe(const v1::ProbeRequest& request) {
  return upstream_->probe(request);
}

}  // namespace tollgate::gemini
