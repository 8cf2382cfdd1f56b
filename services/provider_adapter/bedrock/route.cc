#include "services/provider_adapter/bedrock/route.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/beast/core/string.hpp>
#include <utility>

#include "services/common/base/digest.h"
#include "services/provider_adapter/bedrock/chunk_decoder.h"
#include "services/provider_adapter/bedrock/failures.h"
#include "services/provider_adapter/bedrock/invoke_body.h"
#include "services/provider_adapter/upstream_failure.h"

namespace tollgate::bedrock {
namespace {

using anthropic::Call;
using anthropic::ClientHeaders;
using boost::beast::iequals;

constexpr std::string_view kEventStream = "application/vnd.amazon.eventstream";

Moved moved_from(const ClientHeaders& headers) {
  Moved moved;
  moved.version = anthropic::header_of(headers, "anthropic-version");
  moved.user_profile = anthropic::header_of(headers, "anthropic-user-profile-id");
  for (const v1::Header& header : headers) {
    if (iequals(header.name(), "anthropic-beta"))
      add_betas(header.value(), moved.betas);
  }
  return moved;
}

}  // namespace

std::string default_url(const BedrockConfig& config) {
  if (config.wire == BedrockWire::kMessages)
    return fmt::format("https://bedrock-mantle.{}.api.aws/anthropic", config.region);
  return fmt::format("https://bedrock-runtime.{}.amazonaws.com{}", config.region,
                     config.region.starts_with("cn-") ? ".cn" : "");
}

std::string service_of(std::string_view host) {
  for (const char* service : {"bedrock-mantle", "aws-external-anthropic"}) {
    if (host.starts_with(fmt::format("{}.", service)))
      return service;
  }
  return "bedrock";
}

std::string invoke_path(Call call, std::string_view model, bool stream) {
  const std::string_view action = call == Call::kCountTokens ? "count-tokens"
                                  : stream                   ? "invoke-with-response-stream"
                                                             : "invoke";
  return fmt::format("/model/{}/{}", aws::percent_encoded(model, ":"), action);
}

Route::Route(asio::io_context& context, Deadlines& deadlines, UpstreamConfig config, upstream::Url url,
             std::string api_key, std::shared_ptr<aws::CredentialCache> cache)
    : context_(context),
      deadlines_(deadlines),
      config_(std::move(config)),
      url_(std::move(url)),
      api_key_(std::move(api_key)),
      service_(config_.bedrock.service.empty() ? service_of(url_.host) : config_.bedrock.service),
      cache_(std::move(cache)) {}

absl::StatusOr<std::string> Route::body_of(Call call, const v1::SendRequest& request,
                                           const ClientHeaders& headers) const {
  const auto spliced = upstream::splice(request.body(), request.edits());
  if (!spliced.ok())
    return spliced.status();
  std::string body;
  body.reserve(spliced->size + 64);
  for (const std::string_view piece : spliced->pieces)
    body.append(piece);
  Moved moved = moved_from(headers);
  if (!invokes())
    return moved.user_profile.empty() ? std::move(body) : messages_body(body, moved.user_profile);
  if (call == Call::kCountTokens)
    return count_tokens_body(body, std::move(moved), request.model());
  return invoke_body(body, std::move(moved), request.model());
}

anthropic::Target Route::target_of(Call call, const v1::SendRequest& request, const ClientHeaders& headers) const {
  anthropic::Target target;
  target.path = url_.prefix;
  // The type is signed: ours alone.
  target.dropped = {"anthropic-user-profile-id", "content-type"};
  // Names that AWS gives a meaning to are ours, but for those that configure Bedrock.
  for (const v1::Header& header : headers) {
    const std::string_view name = header.name();
    if (iequals(name.substr(0, 6), "x-amz-") || iequals(name, "x-amzn-trace-id"))
      target.dropped.push_back(name);
  }
  if (invokes()) {
    target.path += invoke_path(call, request.model(), request.stream());
    target.add_version = false;
    target.dropped.insert(target.dropped.end(), {"anthropic-version", "anthropic-beta"});
    const bool streams = call == Call::kMessages && request.stream();
    target.headers.emplace_back("accept", streams ? kEventStream : "application/json");
  } else {
    target.path += call == Call::kCountTokens ? "/v1/messages/count_tokens" : "/v1/messages";
    if (anthropic::has_header(headers, "anthropic-beta"))
      target.path += "?beta=true";
  }
  if (!config_.query.empty())
    target.path.append(target.path.find('?') == std::string::npos ? "?" : "&").append(config_.query);
  target.headers.insert(target.headers.end(), config_.headers.begin(), config_.headers.end());
  return target;
}

Awaitable<absl::Status> Route::authorize(anthropic::Target& target, const std::string& body, std::uint64_t& version) {
  if (!api_key_.empty()) {
    target.headers.emplace_back("authorization", "Bearer " + api_key_);
    co_return absl::OkStatus();
  }
  aws::Credentials credentials{config_.bedrock.access_key_id, config_.bedrock.secret_access_key,
                               config_.bedrock.session_token};
  if (cache_ != nullptr) {
    const auto held = co_await cache_->get(context_, deadlines_);
    if (!held.ok()) {
      co_return to_status(upstream_failure(
          v1::Failure::KIND_UPSTREAM_AUTH, config_.name,
          fmt::format("Upstream {} has no credentials for AWS: {}. Set upstreams.{}.credentials or "
                      "upstreams.{}.api_key, or one of these.",
                      config_.name, std::string(held.status().message()), config_.name, config_.name)));
    }
    credentials = held->credentials->credentials;
    version = held->version;
  }
  aws::Signable request;
  request.method = target.method;
  const std::size_t question = std::min(target.path.find('?'), target.path.size());
  request.path = std::string_view(target.path).substr(0, question);
  request.query = std::string_view(target.path).substr(std::min(target.path.size(), question + 1));
  request.payload_sha256 = sha256_hex(body);
  target.headers.emplace_back("x-amz-content-sha256", request.payload_sha256);
  request.headers = {{"host", url_.authority()},
                     {"content-type", "application/json"},
                     {"x-amz-content-sha256", request.payload_sha256}};
  const aws::Scope scope{config_.bedrock.region, service_};
  aws::Signature signature = aws::sign(request, credentials, scope, std::chrono::system_clock::now());
  target.headers.emplace_back("x-amz-date", std::move(signature.amz_date));
  if (!signature.security_token.empty())
    target.headers.emplace_back("x-amz-security-token", std::move(signature.security_token));
  target.headers.emplace_back("authorization", std::move(signature.authorization));
  co_return absl::OkStatus();
}

Awaitable<absl::StatusOr<anthropic::Outgoing>> Route::prepare(Call call, const v1::SendRequest& request,
                                                              const ClientHeaders& headers) {
  absl::StatusOr<std::string> made = body_of(call, request, headers);
  if (!made.ok())
    co_return made.status();
  anthropic::Outgoing outgoing;
  outgoing.body = std::make_unique<const std::string>(*std::move(made));
  outgoing.message.body.pieces.push_back(*outgoing.body);
  outgoing.message.body.size = outgoing.body->size();
  anthropic::Target target = target_of(call, request, headers);
  const absl::Status authorized = co_await authorize(target, *outgoing.body, outgoing.credentials);
  if (!authorized.ok())
    co_return authorized;
  auto head = anthropic::request_head(target, url_, headers, outgoing.message.body.size);
  if (!head.ok())
    co_return head.status();
  outgoing.message.head = *std::move(head);
  co_return std::move(outgoing);
}

bool Route::refuses_credentials(unsigned status, const boost::beast::http::fields& headers) const {
  return bedrock::refuses_credentials(status, headers);
}

bool Route::renew(const anthropic::Outgoing& outgoing) {
  return cache_ != nullptr && cache_->forget(outgoing.credentials);
}

v1::Failure Route::failure(unsigned status, const boost::beast::http::fields& headers, std::string body, bool complete,
                           std::chrono::system_clock::time_point now) const {
  return failure_of_response(config_.name, status, headers, std::move(body), complete, now);
}

std::unique_ptr<anthropic::StreamDecoder> Route::decoder(const v1::SendRequest&,
                                                         const upstream::Response& response) const {
  const std::string_view type = response.header("content-type");
  if (!invokes() || !iequals(type.substr(0, kEventStream.size()), kEventStream))
    return nullptr;
  return std::make_unique<ChunkDecoder>(config_.name);
}

void Route::dress(v1::Head& head) const {
  std::string request_id;
  bool has_request_id = false;
  for (v1::Header& header : *head.mutable_headers()) {
    const std::string_view value = header.value();
    if (iequals(header.name(), "content-type") && iequals(value.substr(0, kEventStream.size()), kEventStream))
      header.set_value("text/event-stream; charset=utf-8");
    has_request_id |= iequals(header.name(), "request-id");
    if (iequals(header.name(), "x-amzn-requestid"))
      request_id = header.value();
  }
  if (has_request_id || request_id.empty())
    return;
  v1::Header& header = *head.add_headers();
  header.set_name("request-id");
  header.set_value(std::move(request_id));
}

}  // namespace tollgate::bedrock
