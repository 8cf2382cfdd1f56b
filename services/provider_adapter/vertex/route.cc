#include "services/provider_adapter/vertex/route.h"

#include "services/provider_adapter/anthropic/headers.h"
#include "services/provider_adapter/vertex/address.h"
#include "services/provider_adapter/vertex/body.h"
#include "services/provider_adapter/vertex/failures.h"

namespace tollgate::vertex {

using anthropic::Call;
using anthropic::Outgoing;

Awaitable<absl::StatusOr<Outgoing>> VertexRoute::prepare(Call call, const v1::SendRequest& request,
                                                         const anthropic::ClientHeaders& headers) {
  Outgoing outgoing;
  if (call != Call::kModels) {
    const std::string_view version = version_of(anthropic::header_of(headers, "anthropic-version"));
    const std::string_view profile = anthropic::header_of(headers, "anthropic-user-profile-id");
    auto edits = edits_for(call, request, version, profile);
    if (!edits.ok())
      co_return edits.status();
    outgoing.edits = *std::move(edits);
    auto body = upstream::splice(request.body(), outgoing.edits);
    if (!body.ok())
      co_return body.status();
    outgoing.message.body = *std::move(body);
  }
  const absl::StatusOr<gcp::TokenSource::Token> token = co_await tokens_.token();
  if (!token.ok())
    co_return token.status();
  outgoing.credentials = token->number;

  anthropic::Target target;
  target.method = call == Call::kModels ? "GET" : "POST";
  target.path =
      url_.prefix + path_of(call, config_.vertex.project, config_.vertex.region, request.model(), request.stream());
  if (!config_.query.empty())
    target.path.append("?").append(config_.query);
  target.headers.emplace_back("authorization", "Bearer " + token->value);
  if (!tokens_.quota_project().empty())
    target.headers.emplace_back("x-goog-user-project", tokens_.quota_project());
  target.headers.insert(target.headers.end(), config_.headers.begin(), config_.headers.end());
  // In the body instead, or the client's own word about whom to bill.
  target.dropped = {"anthropic-version", "anthropic-user-profile-id", "x-goog-user-project", "x-goog-api-key"};
  target.add_version = false;
  auto head = anthropic::request_head(target, url_, headers, outgoing.message.body.size);
  if (!head.ok())
    co_return head.status();
  outgoing.message.head = *std::move(head);
  co_return std::move(outgoing);
}

bool VertexRoute::renew(const Outgoing& outgoing) {
  tokens_.drop(outgoing.credentials);
  return true;
}

v1::Failure VertexRoute::failure(unsigned status, const boost::beast::http::fields& headers, std::string body,
                                 bool complete, std::chrono::system_clock::time_point now) const {
  return failure_of_response(config_.name, status, headers, std::move(body), complete, now);
}

}  // namespace tollgate::vertex
