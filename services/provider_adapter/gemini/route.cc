#include "services/provider_adapter/gemini/route.h"

#include <fmt/format.h>

#include <boost/beast/core/string.hpp>
#include <utility>

#include "services/common/base/errors.h"
#include "services/provider_adapter/anthropic/headers.h"
#include "services/provider_adapter/gemini/request.h"
#include "services/provider_adapter/gemini/stream.h"
#include "services/provider_adapter/translation/message_writer.h"
#include "services/provider_adapter/upstream_failure.h"
#include "services/provider_adapter/vertex/address.h"

namespace tollgate::gemini {

using anthropic::Call;
using anthropic::ClientHeaders;
using anthropic::Outgoing;
using boost::beast::iequals;

namespace {

// A reader keeps the memory of the largest request that it has read, many times its size: larger ones get one of their
// own.
constexpr std::size_t kKeptReaderLimit = 256 * 1024;

translation::RequestReader& kept_reader() {
  thread_local translation::RequestReader reader;
  return reader;
}

}  // namespace

Route::Route(UpstreamConfig config, upstream::Url url, std::optional<gcp::TokenSource> tokens)
    : config_(std::move(config)),
      url_(std::move(url)),
      tokens_(std::move(tokens)),
      envelopes_(translation::envelope_key(config_.signing_key, config_.api_key)) {}

absl::StatusOr<std::string> Route::body_of(Call call, const v1::SendRequest& request,
                                           const ClientHeaders& headers) const {
  const auto spliced = upstream::splice(request.body(), request.edits());
  if (!spliced.ok())
    return spliced.status();
  std::string body;
  body.reserve(spliced->size);
  for (const std::string_view piece : spliced->pieces)
    body.append(piece);
  translation::RequestReader own;
  translation::RequestReader& reader = body.size() > kKeptReaderLimit ? own : kept_reader();
  const auto asked = reader.read(body, call == Call::kMessages);
  if (!asked.ok())
    return asked.status();
  Destination destination;
  destination.upstream = config_.name;
  destination.model = request.model();
  destination.vertex = door() == Door::kVertex;
  destination.without_signatures = anthropic::has_header(headers, kWithoutSignatures);
  return call == Call::kCountTokens ? count_body(*asked, destination, envelopes_)
                                    : generate_body(*asked, destination, envelopes_);
}

std::string Route::path_of(Call call, const v1::SendRequest& request) const {
  std::string path = url_.prefix;
  std::string query = config_.query;
  const auto add = [&query](std::string_view text) { query.append(query.empty() ? "" : "&").append(text); };
  const bool models = call == Call::kModels;
  if (door() == Door::kVertex) {
    path.append(vertex::location_path(config_.vertex.project, config_.vertex.region));
    if (!models)
      path.append("/publishers/google");
  } else if (models) {
    add("pageSize=1");
  }
  if (!models || door() == Door::kStudio)
    path.append("/models");
  if (!models) {
    const bool stream = call == Call::kMessages && request.stream();
    path.append("/").append(vertex::path_segment(request.model()));
    path.append(call == Call::kCountTokens ? ":countTokens" : stream ? ":streamGenerateContent" : ":generateContent");
    if (stream)
      add("alt=sse");
  }
  return query.empty() ? path : path.append("?").append(query);
}

Awaitable<absl::StatusOr<Outgoing>> Route::prepare(Call call, const v1::SendRequest& request,
                                                   const ClientHeaders& headers) {
  Outgoing outgoing;
  if (call != Call::kModels) {
    absl::StatusOr<std::string> body = body_of(call, request, headers);
    if (!body.ok())
      co_return body.status();
    outgoing.body = std::make_unique<const std::string>(*std::move(body));
    outgoing.message.body.pieces.push_back(*outgoing.body);
    outgoing.message.body.size = outgoing.body->size();
  }
  anthropic::Target target;
  target.method = call == Call::kModels ? "GET" : "POST";
  target.path = path_of(call, request);
  target.add_version = false;
  if (tokens_) {
    const absl::StatusOr<gcp::TokenSource::Token> token = co_await tokens_->token();
    if (!token.ok())
      co_return token.status();
    outgoing.credentials = token->number;
    target.headers.emplace_back("authorization", "Bearer " + token->value);
    if (!tokens_->quota_project().empty())
      target.headers.emplace_back("x-goog-user-project", tokens_->quota_project());
  } else {
    target.headers.emplace_back("x-goog-api-key", config_.api_key);
  }
  target.headers.insert(target.headers.end(), config_.headers.begin(), config_.headers.end());
  // The client's are about another API.
  const ClientHeaders none;
  auto head = anthropic::request_head(target, url_, none, outgoing.message.body.size);
  if (!head.ok())
    co_return head.status();
  outgoing.message.head = *std::move(head);
  co_return std::move(outgoing);
}

bool Route::renew(const Outgoing& outgoing) {
  if (!tokens_)
    return false;
  tokens_->drop(outgoing.credentials);
  return true;
}

v1::Failure Route::failure(unsigned status, const boost::beast::http::fields& headers, std::string body, bool complete,
                           std::chrono::system_clock::time_point now) const {
  return failure_of_response(config_.name, door(), status, headers, std::move(body), complete, now);
}

Answer::Context Route::context(const v1::SendRequest& request) const {
  return {request, envelopes_, config_.name, door()};
}

std::unique_ptr<anthropic::StreamDecoder> Route::decoder(const v1::SendRequest& request,
                                                         const upstream::Response&) const {
  if (!request.stream())
    return nullptr;
  return std::make_unique<ChunkDecoder>(context(request));
}

absl::StatusOr<std::string> Route::translate(const v1::SendRequest& request, std::string body) const {
  simdjson::dom::parser parser;
  simdjson::dom::element response;
  if (parser.parse(body).get(response)) {
    return to_status(
        bad_response(config_.name, fmt::format("Upstream {} answered with something that is not JSON.", config_.name)));
  }
  translation::MessageWriter writer;
  const Answer::Context whose = context(request);
  Answer answer(whose, writer);
  absl::Status status = answer.take(response);
  if (status.ok())
    status = answer.finish();
  if (!status.ok())
    return status;
  return writer.take();
}

absl::StatusOr<std::string> Route::translate_count(const v1::SendRequest&, std::string body) const {
  simdjson::dom::parser parser;
  simdjson::dom::element reply;
  std::int64_t tokens = 0;
  if (parser.parse(body).get(reply) || reply["totalTokens"].get_int64().get(tokens)) {
    return to_status(bad_response(
        config_.name, fmt::format("Upstream {} answered with something that is no count of tokens.", config_.name)));
  }
  return fmt::format("{{\"input_tokens\":{}}}", tokens);
}

void Route::dress(v1::Head& head) const {
  // Nothing else of Google's is any of the Messages API's.
  google::protobuf::RepeatedPtrField<v1::Header> kept;
  for (v1::Header& header : *head.mutable_headers()) {
    if (!iequals(header.name(), "content-type"))
      continue;
    const bool stream = iequals(std::string_view(header.value()).substr(0, 17), "text/event-stream");
    header.set_value(stream ? "text/event-stream; charset=utf-8" : "application/json");
    *kept.Add() = std::move(header);
  }
  head.mutable_headers()->Swap(&kept);
}

}  // namespace tollgate::gemini
