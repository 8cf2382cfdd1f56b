#include "gateway/openai/chat_call.h"

#include <ctime>
#include <utility>

#include "gateway/ascii.h"
#include "gateway/forwarding.h"
#include "gateway/openai/chat_request.h"
#include "gateway/openai/chat_stream.h"
#include "services/common/base/errors.h"

namespace tollgate::chat {
namespace {

// An event that is larger stays away from clients: nobody sends one.
constexpr std::size_t kMaxEvent = 64 * 1024 * 1024;

v1::Frame data_frame(std::string data) {
  v1::Frame frame;
  frame.set_data(std::move(data));
  return frame;
}

void set_header(std::string_view name, std::string_view value, HeaderList& headers) {
  v1::Header* header = headers.Add();
  header->set_name(name.data(), name.size());
  header->set_value(value.data(), value.size());
}

// What speaks of OpenAI's API says nothing to the Messages API. Under the version of before 2026 it still takes
// `temperature` and the like.
void to_messages_headers(HeaderList& headers) {
  int kept = 0;
  for (int i = 0; i < headers.size(); ++i) {
    const std::string& name = headers.Get(i).name();
    const bool dropped = starts_with_ignoring_case(name, "openai-") ||
                         starts_with_ignoring_case(name, "x-stainless-") ||
                         equals_ignoring_case(name, "anthropic-version");
    if (!dropped)
      headers.SwapElements(kept++, i);
  }
  headers.DeleteSubrange(kept, headers.size() - kept);
  set_header("anthropic-version", "2023-06-01", headers);
}

// Turns the frames of a Messages answer into those of a chat completion.
class ChatSink final : public FrameSink {
 public:
  ChatSink(FrameSink& next, ChatOptions options, std::string model)
      : next_(next), options_(options), head_{.id = {}, .model = std::move(model), .created = std::time(nullptr)} {}

  Awaitable<absl::Status> write(v1::Frame frame) override {
    switch (frame.kind_case()) {
      case v1::Frame::kHead:
        take_head(*frame.mutable_head());
        co_return co_await next_.write(std::move(frame));
      case v1::Frame::kData:
        co_return co_await take_data(std::move(frame));
      case v1::Frame::kDone:
        co_return co_await finish(std::move(frame));
      default:
        co_return co_await next_.write(std::move(frame));
    }
  }

 private:
  void take_head(v1::Head& head) {
    HeaderList& headers = *head.mutable_headers();
    head_.id = find_header(headers, "x-generation-id");
    if (starts_with_ignoring_case(find_header(headers, "content-type"), "text/event-stream"))
      stream_.emplace(options_, head_);
    std::string request_id(find_header(headers, "request-id"));
    if (request_id.empty())
      request_id = head_.id;
    if (!request_id.empty() && find_header(headers, "x-request-id").empty())
      set_header("x-request-id", request_id, headers);
  }

  Awaitable<absl::Status> take_data(v1::Frame frame) {
    held_ += frame.data();
    const bool more = !stream_ || frame.mid_event();
    if (more && stream_ && held_.size() > kMaxEvent)
      co_return error(v1::Failure::KIND_UNAVAILABLE, "The upstream's stream has an event that is too large.");
    if (more)
      co_return absl::OkStatus();
    std::string chunks;
    stream_->push(held_, chunks);
    held_.clear();
    if (chunks.empty())
      co_return absl::OkStatus();
    v1::Frame data = data_frame(std::move(chunks));
    co_return co_await next_.write(std::move(data));
  }

  Awaitable<absl::Status> finish(v1::Frame done) {
    std::string rest;
    if (stream_) {
      stream_->finish(done.done().cost_nano_usd(), rest);
    } else {
      absl::StatusOr<std::string> json =
          completion_json(held_, head_, options_.exclude_reasoning, done.done().cost_nano_usd());
      if (!json.ok())
        co_return json.status();
      rest = *std::move(json);
    }
    if (!rest.empty()) {
      v1::Frame data = data_frame(std::move(rest));
      const absl::Status sent = co_await next_.write(std::move(data));
      if (!sent.ok())
        co_return sent;
    }
    co_return co_await next_.write(std::move(done));
  }

  FrameSink& next_;
  const ChatOptions options_;
  CompletionHead head_;
  // Set when the answer is a stream.
  std::optional<ChatStream> stream_;
  // A whole answer, or an event that has come in part.
  std::string held_;
};

Awaitable<ModelTraits> find_traits(Catalog& catalog, std::string model, std::string api_key) {
  v1::GetModelRequest request;
  request.set_api_key(std::move(api_key));
  // What stands behind a colon can be part of the name, or say how to choose among providers.
  request.set_id(model);
  absl::StatusOr<v1::Model> found = co_await catalog.get_model(request);
  if (const auto colon = model.rfind(':'); !found.ok() && colon != std::string::npos) {
    request.set_id(model.substr(0, colon));
    found = co_await catalog.get_model(request);
  }
  // The router says what is wrong with a model or key.
  co_return found.ok() ? traits_of(*found) : cautious_traits();
}

}  // namespace

Awaitable<absl::Status> complete_chat(Messages& messages, Catalog& catalog, v1::CreateRequest request,
                                      FrameSink& sink) {
  const absl::StatusOr<ChatRequest> chat = ChatRequest::read(request.body());
  if (!chat.ok())
    co_return chat.status();
  ModelTraits traits = cautious_traits();
  if (chat->depends_on_model()) {
    Awaitable<ModelTraits> finding = find_traits(catalog, chat->model(), request.api_key());
    traits = co_await std::move(finding);
  }
  absl::StatusOr<std::string> body = chat->messages_body(traits);
  if (!body.ok())
    co_return body.status();
  request.set_body(*std::move(body));
  request.set_api(v1::CLIENT_API_CHAT_COMPLETIONS);
  to_messages_headers(*request.mutable_headers());
  ChatSink translated(sink, chat->options(), chat->model());
  co_return co_await messages.create(std::move(request), translated);
}

}  // namespace tollgate::chat
