#include "services/provider_adapter/bedrock/upstream.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/beast/core/string.hpp>
#include <nlohmann/json.hpp>

#include "services/common/base/errors.h"
#include "services/provider_adapter/bedrock/failures.h"
#include "services/provider_adapter/bedrock/route.h"
#include "services/provider_adapter/upstream_failure.h"

namespace tollgate::bedrock {
namespace {

constexpr std::string_view kProbedModel = "anthropic.tollgate-probe";

absl::Status wrong_config(const std::string& name, std::string_view field, std::string_view why) {
  return error(v1::Failure::KIND_INVALID_REQUEST, fmt::format("upstreams.{}.{}: {}", name, field, why));
}

// {"inputTokens": N} as the Messages API says it.
bool translate_count(v1::CountTokensReply& reply) {
  const auto json = nlohmann::json::parse(reply.body(), nullptr, false);
  if (!json.is_object() || !json.contains("inputTokens") || !json["inputTokens"].is_number_unsigned())
    return false;
  reply.set_body(fmt::format(R"({{"input_tokens":{}}})", json["inputTokens"].get<std::uint64_t>()));
  return true;
}

v1::CountTokensReply estimate(const v1::SendRequest& request) {
  constexpr std::size_t kBytesPerToken = 4;
  v1::CountTokensReply reply;
  reply.mutable_head()->set_status(200);
  for (const auto& [name, value] : {std::pair("content-type", "application/json"), {"x-tollgate-estimated", "true"}}) {
    v1::Header& header = *reply.mutable_head()->add_headers();
    header.set_name(name);
    header.set_value(value);
  }
  const std::size_t tokens = std::max<std::size_t>(1, request.body().size() / kBytesPerToken);
  reply.set_body(fmt::format(R"({{"input_tokens":{}}})", tokens));
  return reply;
}

std::string exception_in(const v1::Failure& failure) {
  for (const v1::Header& header : failure.headers()) {
    if (boost::beast::iequals(header.name(), "x-amzn-errortype"))
      return exception_name(header.value());
  }
  return {};
}

// Bedrock does not count for this id, which another way of counting may mend.
bool cannot_count(const v1::Failure& failure) {
  const std::string exception = exception_in(failure);
  return exception == "ValidationException" || exception == "ResourceNotFoundException" ||
         exception == "AccessDeniedException" || failure.kind() == v1::Failure::KIND_NOT_FOUND;
}

}  // namespace

std::string_view base_model(std::string_view model) {
  // The prefixes of inference profiles: global., us., eu., apac., jp., au., us-gov.
  constexpr std::string_view kMaker = ".anthropic.";
  const std::size_t maker = model.find(kMaker);
  return maker == model.npos || model.starts_with("arn:") ? model : model.substr(maker + 1);
}

absl::StatusOr<std::unique_ptr<Upstream>> Upstream::make(asio::io_context& context, Deadlines& deadlines,
                                                         anthropic::UpstreamOptions options) {
  UpstreamConfig& config = options.config;
  const BedrockConfig& bedrock = config.bedrock;
  if (config.url.empty())
    config.url = default_url(bedrock);
  auto url = upstream::parse_url(config.url);
  if (!url.ok())
    return wrong_config(config.name, "url", std::string(url.status().message()));
  std::string api_key = config.api_key;
  const bool own = !bedrock.access_key_id.empty() || !bedrock.profile.empty();
  if (api_key.empty() && !own)
    api_key = aws::process_environment("AWS_BEARER_TOKEN_BEDROCK");
  using Field = std::pair<const char*, const std::string*>;
  for (const auto& [field, value] : {Field("api_key", &api_key),
                                     {"credentials.access_key_id", &bedrock.access_key_id},
                                     {"credentials.session_token", &bedrock.session_token}}) {
    if (!anthropic::is_header_value(*value)) {
      return wrong_config(config.name, field,
                          "it holds a line break or another control character, which no header may have.");
    }
  }
  std::shared_ptr<aws::CredentialCache> cache;
  if (api_key.empty() && bedrock.access_key_id.empty()) {
    aws::ChainOptions chain;
    chain.region = bedrock.region;
    chain.profile = bedrock.profile;
    cache = aws::CredentialCache::shared(chain);
  }
  auto route = std::make_unique<Route>(context, deadlines, config, *url, std::move(api_key), std::move(cache));
  UpstreamConfig kept = config;
  auto made = anthropic::Upstream::make(context, deadlines, std::move(options), *url, std::move(route));
  if (!made.ok())
    return made.status();
  return std::unique_ptr<Upstream>(new Upstream(std::move(kept), *std::move(made)));
}

Awaitable<absl::Status> Upstream::send(const v1::SendRequest& request, FrameSink& sink) {
  return upstream_->send(request, sink);
}

Awaitable<absl::StatusOr<v1::CountTokensReply>> Upstream::count_tokens(const v1::SendRequest& request) {
  absl::StatusOr<v1::CountTokensReply> reply = co_await upstream_->count_tokens(request);
  if (config_.bedrock.wire == BedrockWire::kMessages)
    co_return reply;
  const std::string base(base_model(request.model()));
  if (!reply.ok() && cannot_count(failure_of(reply.status())) && base != request.model()) {
    v1::SendRequest other = request;
    other.set_model(base);
    reply = co_await upstream_->count_tokens(other);
  }
  if (!reply.ok()) {
    if (cannot_count(failure_of(reply.status())))
      co_return estimate(request);
    co_return reply;
  }
  if (!translate_count(*reply))
    co_return estimate(request);
  co_return reply;
}

Awaitable<absl::StatusOr<v1::ProbeReply>> Upstream::probe(const v1::ProbeRequest&) {
  v1::SendRequest request;
  request.set_upstream(config_.name);
  request.set_model(std::string(kProbedModel));
  request.set_body(fmt::format(R"({{"model":"{}","messages":[]}})", kProbedModel));
  const auto reply = co_await upstream_->count_tokens(request);
  const v1::Failure failure = reply.ok() ? v1::Failure() : failure_of(reply.status());
  const std::string exception = exception_in(failure);
  v1::ProbeReply answer;
  const bool judged = failure.kind() == v1::Failure::KIND_INVALID_REQUEST ||
                      failure.kind() == v1::Failure::KIND_NOT_FOUND || exception == "ValidationException";
  if (reply.ok() || judged) {
    answer.set_detail(fmt::format("{}: reachable, credentials accepted.", config_.url));
    co_return answer;
  }
  if (exception == "AccessDeniedException" && config_.api_key.empty()) {
    answer.set_detail(fmt::format(
        "{}: reachable, signature accepted; the role may not count tokens for the model {}, which is made up.",
        config_.url, kProbedModel));
    co_return answer;
  }
  co_return reply.status();
}

}  // namespace tollgate::bedrock
