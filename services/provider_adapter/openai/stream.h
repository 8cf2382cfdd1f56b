// The answers of the chat completions API as the Messages API gives them. Pure: no sockets.
#pragma once

#include <simdjson.h>

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "services/provider_adapter/openai/answer.h"
#include "services/provider_adapter/sse/scanner.h"
#include "services/provider_adapter/translation/event_writer.h"

namespace tollgate::openai {

// Server-sent events to server-sent events. The same bytes come out for every split of those that come in.
class ChatStream {
 public:
  explicit ChatStream(AnswerContext context)
      : upstream_(context.upstream), writer_(events_), answer_(std::move(context), writer_) {}

  // Appends to `events` what the bytes bring about. An error ends the stream; what was appended before it counts.
  absl::Status push(std::string_view bytes, std::string& events);
  // The body ended.
  absl::Status finish(std::string& events);

  // Only counts or the end of the body are missing, which some never send.
  bool ending() const { return answer_.stopped() && !writer_.ended(); }
  bool counted() const { return answer_.counted(); }

 private:
  absl::Status scan(bool at_end, std::string& events);
  absl::Status take(std::string_view data);

  const std::string upstream_;
  std::string events_;
  translation::EventWriter writer_;
  ChatAnswer answer_;
  sse::Scanner scanner_;
  simdjson::dom::parser parser_;
  std::string held_;
  // [DONE] came, or the stream failed: what follows is not looked at.
  bool over_ = false;
  bool at_end_ = false;
};

// A whole answer.
absl::StatusOr<std::string> translate_answer(AnswerContext context, std::string_view body);
// The same as a stream's events, for upstreams that do not stream although they were asked to.
absl::StatusOr<std::string> stream_answer(AnswerContext context, std::string_view body);

}  // namespace tollgate::openai
