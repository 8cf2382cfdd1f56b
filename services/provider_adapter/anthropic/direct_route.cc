#include "services/provider_adapter/anthropic/direct_route.h"

#include "services/provider_adapter/anthropic/failures.h"

namespace tollgate::anthropic {
namespace {

std::string_view path_of(Call call) {
  switch (call) {
    case Call::kMessages:
      return "/v1/messages";
    case Call::kCountTokens:
      return "/v1/messages/count_tokens";
    case Call::kModels:
      break;
  }
  return "/v1/models";
}

}  // namespace

Target direct_target(Call call, const UpstreamConfig& config, const upstream::Url& url, const ClientHeaders& headers) {
  Target target;
  target.method = call == Call::kModels ? "GET" : "POST";
  target.path = url.prefix;
  target.path.append(path_of(call));
  std::string query = config.query;
  if (call == Call::kModels)
    query.append(query.empty() ? "" : "&").append("limit=1");
  else if (has_header(headers, "anthropic-beta"))
    query.append(query.empty() ? "" : "&").append("beta=true");
  if (!query.empty())
    target.path.append("?").append(query);
  if (!config.api_key.empty() && config.auth == "bearer")
    target.headers.emplace_back("authorization", "Bearer " + config.api_key);
  else if (!config.api_key.empty())
    target.headers.emplace_back(config.auth, config.api_key);
  target.headers.insert(target.headers.end(), config.headers.begin(), config.headers.end());
  return target;
}

Awaitable<absl::StatusOr<Outgoing>> DirectRoute::prepare(Call call, const v1::SendRequest& request,
                                                         const ClientHeaders& headers) {
  Outgoing outgoing;
  if (call != Call::kModels) {
    auto body = upstream::splice(request.body(), request.edits());
    if (!body.ok())
      co_return body.status();
    outgoing.message.body = *std::move(body);
  }
  const Target target = direct_target(call, config_, url_, headers);
  auto head = request_head(target, url_, headers, outgoing.message.body.size);
  if (!head.ok())
    co_return head.status();
  outgoing.message.head = *std::move(head);
  co_return std::move(outgoing);
}

v1::Failure DirectRoute::failure(unsigned status, const boost::beast::http::fields& headers, std::string body,
                                 bool complete, std::chrono::system_clock::time_point now) const {
  return failure_of_response(config_.name, status, headers, std::move(body), complete, now);
}

}  // namespace tollgate::anthropic
