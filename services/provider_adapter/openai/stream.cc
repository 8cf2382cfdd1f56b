#include "services/provider_adapter/openai/stream.h"

#include <fmt/format.h>

#include "services/provider_adapter/translation/message_writer.h"
#include "services/provider_adapter/upstream_failure.h"

namespace tollgate::openai {
namespace {

// An event beyond this is none of the API's.
constexpr std::size_t kLongestEvent = 16 * 1024 * 1024;

absl::Status bad(std::string_view upstream, std::string_view why) {
  return to_status(bad_response(upstream, fmt::format("Upstream {} {}.", upstream, why)));
}

absl::Status read_whole(AnswerContext context, std::string_view body, translation::AnswerWriter& writer) {
  const std::string upstream = context.upstream;
  ChatAnswer answer(std::move(context), writer);
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (parser.parse(body.data(), body.size()).get_object().get(object))
    return bad(upstream, "answered with something else than a JSON object");
  const absl::Status taken = answer.take(object);
  return taken.ok() ? answer.finish(true) : taken;
}

}  // namespace

absl::Status ChatStream::take(std::string_view data) {
  if (over_ || data.empty())
    return absl::OkStatus();
  if (data == "[DONE]") {
    over_ = true;
    return answer_.finish(true);
  }
  simdjson::dom::object chunk;
  if (parser_.parse(data.data(), data.size()).get_object().get(chunk)) {
    // Cut within what may be missing altogether.
    return at_end_ && answer_.stopped() ? absl::OkStatus() : bad(upstream_, "sent a chunk that is not a JSON object");
  }
  return answer_.take(chunk);
}

absl::Status ChatStream::scan(bool at_end, std::string& events) {
  absl::Status status;
  scanner_.scan(held_, at_end, [this, &status](const sse::Event& event) {
    if (status.ok())
      status = take(event.data);
    over_ |= !status.ok();
  });
  const std::size_t end = scanner_.end();
  scanner_.consume(end);
  held_.erase(0, end);
  events.append(events_);
  events_.clear();
  if (status.ok() && held_.size() > kLongestEvent) {
    over_ = true;
    return bad(upstream_, fmt::format("sent an event of more than {} bytes", kLongestEvent));
  }
  return status;
}

absl::Status ChatStream::push(std::string_view bytes, std::string& events) {
  if (over_)
    return absl::OkStatus();
  held_.append(bytes);
  return scan(false, events);
}

absl::Status ChatStream::finish(std::string& events) {
  if (over_)
    return absl::OkStatus();
  // A last event that no blank line ends is still one: the next byte would not change it.
  held_.append("\n\n");
  at_end_ = true;
  absl::Status status = scan(true, events);
  if (status.ok() && !over_) {
    over_ = true;
    status = answer_.finish(false);
    events.append(events_);
    events_.clear();
  }
  return status;
}

absl::StatusOr<std::string> translate_answer(AnswerContext context, std::string_view body) {
  translation::MessageWriter writer;
  const absl::Status status = read_whole(std::move(context), body, writer);
  if (!status.ok())
    return status;
  return writer.take();
}

absl::StatusOr<std::string> stream_answer(AnswerContext context, std::string_view body) {
  std::string events;
  translation::EventWriter writer(events);
  const absl::Status status = read_whole(std::move(context), body, writer);
  if (!status.ok())
    return status;
  return events;
}

}  // namespace tollgate::openai
