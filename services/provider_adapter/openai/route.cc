#include "services/provider_adapter/openai/route.h"

#include <fmt/format.h>

#include <boost/beast/core/string.hpp>
#include <utility>

#include "services/provider_adapter/anthropic/headers.h"
#include "services/provider_adapter/openai/failures.h"
#include "services/provider_adapter/openai/request.h"
#include "services/provider_adapter/openai/stream.h"
#include "services/provider_adapter/translation/token_estimate.h"

namespace tollgate::openai {
namespace {

using anthropic::Call;
using anthropic::Outgoing;
using boost::beast::iequals;

// A reader keeps the memory of the largest request that it has read, some fourteen times its size: larger ones get one
// of their own.
constexpr std::size_t kKeptReaderLimit = 256 * 1024;

translation::RequestReader& kept_reader() {
  thread_local translation::RequestReader reader;
  return reader;
}

// Calls use(request) with what `body` asks for.
template <class Use>
absl::Status with_request(std::string_view body, bool needs_max_tokens, Use use) {
  translation::RequestReader own;
  translation::RequestReader& reader = body.size() > kKeptReaderLimit ? own : kept_reader();
  const absl::StatusOr<translation::MessagesRequest> request = reader.read(body, needs_max_tokens);
  if (!request.ok())
    return request.status();
  return use(*request);
}

class ChatDecoder : public anthropic::StreamDecoder {
 public:
  explicit ChatDecoder(AnswerContext context) : stream_(std::move(context)) {}

  absl::Status decode(std::string_view bytes, std::string& events) override { return stream_.push(bytes, events); }
  absl::Status finish(std::string& events) override { return stream_.finish(events); }
  bool ending() const override { return stream_.ending(); }
  // What we have estimated is no count of the upstream's.
  void complete(v1::Usage& usage) const override { usage.set_final(usage.final() && stream_.counted()); }

 private:
  ChatStream stream_;
};

// Of an upstream that answers at once although a stream was asked for.
class WholeDecoder : public anthropic::StreamDecoder {
 public:
  explicit WholeDecoder(AnswerContext context) : context_(std::move(context)) {}

  absl::Status decode(std::string_view bytes, std::string&) override {
    body_.append(bytes);
    return absl::OkStatus();
  }
  absl::Status finish(std::string& events) override {
    absl::StatusOr<std::string> answer = stream_answer(std::move(context_), body_);
    if (!answer.ok())
      return answer.status();
    events.append(*answer);
    return absl::OkStatus();
  }
  void complete(v1::Usage&) const override {}

 private:
  AnswerContext context_;
  std::string body_;
};

}  // namespace

absl::StatusOr<std::string> ChatRoute::body_of(const v1::SendRequest& request) const {
  std::string body;
  const absl::Status status = with_request(request.body(), true, [&](const translation::MessagesRequest& asked) {
    const RequestContext context{config_.name, request.model(), quirks_.of(request.model()), envelopes_};
    absl::StatusOr<std::string> written = chat_request(asked, context);
    if (written.ok())
      body = *std::move(written);
    return written.status();
  });
  if (!status.ok())
    return status;
  return body;
}

Awaitable<absl::StatusOr<Outgoing>> ChatRoute::prepare(Call call, const v1::SendRequest& request,
                                                       const anthropic::ClientHeaders&) {
  Outgoing outgoing;
  anthropic::Target target;
  target.method = call == Call::kModels ? "GET" : "POST";
  target.path = url_.prefix + (call == Call::kModels ? "/models" : "/chat/completions");
  if (call != Call::kModels) {
    absl::StatusOr<std::string> body = body_of(request);
    if (!body.ok())
      co_return body.status();
    outgoing.body = std::make_unique<const std::string>(*std::move(body));
    outgoing.message.body.pieces = {*outgoing.body};
    outgoing.message.body.size = outgoing.body->size();
  }
  if (!config_.query.empty())
    target.path.append("?").append(config_.query);
  if (!config_.api_key.empty() && config_.auth == "bearer")
    target.headers.emplace_back("authorization", "Bearer " + config_.api_key);
  else if (!config_.api_key.empty())
    target.headers.emplace_back(config_.auth, config_.api_key);
  target.headers.insert(target.headers.end(), config_.headers.begin(), config_.headers.end());
  target.add_version = false;
  // What the client's headers say, they say about another API.
  const anthropic::ClientHeaders none;
  auto head = anthropic::request_head(target, url_, none, outgoing.message.body.size);
  if (!head.ok())
    co_return head.status();
  outgoing.message.head = *std::move(head);
  co_return std::move(outgoing);
}

v1::Failure ChatRoute::failure(unsigned status, const boost::beast::http::fields& headers, std::string body,
                               bool complete, std::chrono::system_clock::time_point now) const {
  return failure_of_response(config_.name, status, headers, std::move(body), complete, now);
}

AnswerContext ChatRoute::context_of(const v1::SendRequest& request) const {
  AnswerContext context;
  context.upstream = config_.name;
  context.model = request.model();
  context.generation_id = request.generation_id();
  context.quirks = quirks_.of(request.model());
  context.envelopes = &envelopes_;
  // It was read before: this cannot fail.
  const absl::Status read = with_request(request.body(), true, [&](const translation::MessagesRequest& asked) {
    context.prompt_tokens = translation::estimate_prompt(asked);
    context.stop_sequences.assign(asked.stop_sequences.begin(), asked.stop_sequences.end());
    context.tool_names = renamed_tools(asked);
    return absl::OkStatus();
  });
  read.IgnoreError();
  return context;
}

std::unique_ptr<anthropic::StreamDecoder> ChatRoute::decoder(const v1::SendRequest& request,
                                                             const upstream::Response& response) const {
  if (!request.stream())
    return nullptr;
  const std::string_view type = response.header("content-type");
  constexpr std::string_view kJson = "application/json";
  if (iequals(type.substr(0, kJson.size()), kJson))
    return std::make_unique<WholeDecoder>(context_of(request));
  return std::make_unique<ChatDecoder>(context_of(request));
}

absl::StatusOr<std::string> ChatRoute::translate(const v1::SendRequest& request, std::string body) const {
  return translate_answer(context_of(request), body);
}

absl::StatusOr<std::optional<std::int64_t>> ChatRoute::estimate(const v1::SendRequest& request) const {
  std::int64_t tokens = 0;
  const absl::Status status = with_request(request.body(), false, [&](const translation::MessagesRequest& asked) {
    tokens = translation::estimate_prompt(asked);
    return absl::OkStatus();
  });
  if (!status.ok())
    return status;
  return std::optional(tokens);
}

void ChatRoute::dress(v1::Head& head) const {
  // The others speak of the operator's account there.
  google::protobuf::RepeatedPtrField<v1::Header> kept;
  for (v1::Header& header : *head.mutable_headers()) {
    if (iequals(header.name(), "x-request-id"))
      header.set_name("request-id");
    if (iequals(header.name(), "content-type") || iequals(header.name(), "request-id"))
      *kept.Add() = std::move(header);
  }
  head.mutable_headers()->Swap(&kept);
}

}  // namespace tollgate::openai
