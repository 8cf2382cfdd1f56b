#include "services/provider_adapter/adapter.h"

#include <fmt/format.h>

#include <algorithm>

#include "services/common/base/errors.h"
#include "services/provider_adapter/anthropic/upstream.h"
#include "services/provider_adapter/bedrock/upstream.h"
#include "services/provider_adapter/gemini/upstream.h"
#include "services/provider_adapter/metrics.h"
#include "services/provider_adapter/openai/upstream.h"
#include "services/provider_adapter/vertex/upstream.h"

namespace tollgate {
namespace {

absl::StatusOr<std::unique_ptr<ProviderAdapter>> make_upstream(asio::io_context& context, Deadlines& deadlines,
                                                               anthropic::UpstreamOptions options) {
  if (options.config.dialect == "anthropic")
    return anthropic::Upstream::make(context, deadlines, std::move(options));
  if (options.config.dialect == "bedrock")
    return bedrock::Upstream::make(context, deadlines, std::move(options));
  if (options.config.dialect == "vertex")
    return vertex::make_upstream(context, deadlines, std::move(options));
  if (options.config.dialect == "gemini")
    return gemini::Upstream::make(context, deadlines, std::move(options));
  if (options.config.dialect == "openai")
    return openai::make_upstream(context, deadlines, std::move(options));
  return error(
      v1::Failure::KIND_INVALID_REQUEST,
      fmt::format("upstreams.{}.dialect: \"{}\" is unknown. Expected anthropic, bedrock, gemini, openai or vertex.",
                  options.config.name, options.config.dialect));
}

// Others are translated, and their thinking blocks bear signatures of the gateway's own.
bool speaks_messages(std::string_view dialect) {
  return dialect == "anthropic" || dialect == "bedrock" || dialect == "vertex";
}

}  // namespace

absl::StatusOr<std::unique_ptr<Adapter>> Adapter::make(asio::io_context& context, Deadlines& deadlines,
                                                       const Config& config) {
  Upstreams upstreams;
  std::string errors;
  const auto report = [&errors](std::string_view text) { errors.append(errors.empty() ? "" : "\n").append(text); };
  const bool other_dialects = std::any_of(config.upstreams.begin(), config.upstreams.end(),
                                          [](const auto& entry) { return !speaks_messages(entry.second.dialect); });
  for (const auto& [name, upstream] : config.upstreams) {
    anthropic::UpstreamOptions options;
    options.config = upstream;
    options.config.name = name;
    options.response_bytes = config.limits.response_bytes;
    options.ping = config.timeouts.ping;
    options.propagate_trace = config.telemetry.propagate_upstream;
    options.beside_other_dialects = other_dialects;
    absl::StatusOr<std::unique_ptr<ProviderAdapter>> made = make_upstream(context, deadlines, std::move(options));
    if (made.ok()) {
      upstreams.emplace(name, metered(name, *std::move(made)));
    } else {
      report(std::string(made.status().message()));
    }
  }
  if (!errors.empty())
    return error(v1::Failure::KIND_INVALID_REQUEST, std::move(errors));
  return std::unique_ptr<Adapter>(new Adapter(std::move(upstreams)));
}

absl::StatusOr<ProviderAdapter*> Adapter::find(const std::string& name) const {
  const auto found = upstreams_.find(name);
  if (found != upstreams_.end())
    return found->second.get();
  std::string configured;
  for (const auto& [other, upstream] : upstreams_)
    configured.append(configured.empty() ? "" : ", ").append(other);
  return error(v1::Failure::KIND_NOT_FOUND, fmt::format("No upstream \"{}\" is configured. Configured: {}.", name,
                                                        configured.empty() ? "none" : configured));
}

Awaitable<absl::Status> Adapter::send(const v1::SendRequest& request, FrameSink& sink) {
  const auto upstream = find(request.upstream());
  if (!upstream.ok())
    co_return upstream.status();
  co_return co_await (*upstream)->send(request, sink);
}

Awaitable<absl::StatusOr<v1::CountTokensReply>> Adapter::count_tokens(const v1::SendRequest& request) {
  const auto upstream = find(request.upstream());
  if (!upstream.ok())
    co_return upstream.status();
  co_return co_await (*upstream)->count_tokens(request);
}

Awaitable<absl::StatusOr<v1::ProbeReply>> Adapter::probe(const v1::ProbeRequest& request) {
  const auto upstream = find(request.upstream());
  if (!upstream.ok())
    co_return upstream.status();
  co_return co_await (*upstream)->probe(request);
}

}  // namespace tollgate
