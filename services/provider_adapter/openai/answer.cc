#include "services/provider_adapter/openai/answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "services/common/base/digest.h"
#include "services/provider_adapter/openai/failures.h"
#include "services/provider_adapter/upstream_failure.h"

namespace tollgate::openai {
namespace {

namespace dom = simdjson::dom;
using translation::TokenCounts;

constexpr std::size_t kBytesPerToken = 4;

std::string_view text_of(const dom::object& object, std::string_view name) {
  std::string_view text;
  return object.at_key(name).get_string().get(text) ? std::string_view() : text;
}

bool object_of(const dom::object& object, std::string_view name, dom::object& out) {
  return !object.at_key(name).get_object().get(out);
}

std::int64_t count_of(const dom::object& object, std::string_view name) {
  // A count above is no count.
  constexpr std::int64_t kMost = 1'000'000'000'000;
  std::int64_t number = 0;
  if (object.at_key(name).get_int64().get(number) || number < 0 || number > kMost)
    return 0;
  return number;
}

// Reasons to stop that are none: the answer is no good.
bool is_failure(std::string_view finish_reason) {
  constexpr std::string_view kFailures[] = {"error", "abort", "insufficient_system_resource", "malformed_function_call",
                                            "MALFORMED_FUNCTION_CALL"};
  return std::find(std::begin(kFailures), std::end(kFailures), finish_reason) != std::end(kFailures);
}

bool is_length(std::string_view finish_reason) {
  return finish_reason == "length" || finish_reason == "model_length" || finish_reason == "max_tokens" ||
         finish_reason == "MAX_TOKENS";
}

bool is_refusal(std::string_view finish_reason) {
  return finish_reason == "content_filter" || finish_reason == "SAFETY" || finish_reason == "RECITATION";
}

// "null" and "" mean that a tool has no input.
bool is_no_input(std::string_view arguments) {
  const std::size_t begin = arguments.find_first_not_of(" \t\r\n");
  if (begin == arguments.npos)
    return true;
  arguments = arguments.substr(begin, arguments.find_last_not_of(" \t\r\n") - begin + 1);
  return arguments == "null" || arguments == "\"\"";
}

bool is_object(const std::string& json) {
  dom::parser parser;
  dom::object object;
  return !parser.parse(json).get_object().get(object);
}

// JSON that was put into a string once too often.
std::string unquoted(const std::string& json) {
  dom::parser parser;
  std::string_view inner;
  return parser.parse(json).get_string().get(inner) ? std::string() : std::string(inner);
}

}  // namespace

ChatAnswer::ChatAnswer(AnswerContext context, translation::AnswerWriter& writer)
    : context_(std::move(context)), writer_(writer), stop_(context_.stop_sequences) {}

absl::Status ChatAnswer::bad(std::string_view why) const {
  return to_status(
      bad_response(context_.upstream, fmt::format("The answer of upstream {} {}.", context_.upstream, why)));
}

void ChatAnswer::start(const dom::object& chunk) {
  if (writer_.started())
    return;
  const std::string_view own = text_of(chunk, "id");
  const std::string_view model = text_of(chunk, "model");
  TokenCounts usage;
  usage.input = context_.prompt_tokens;
  usage.output = 1;
  writer_.start(message_id(context_.generation_id.empty() ? own : context_.generation_id),
                model.empty() ? std::string_view(context_.model) : model, usage);
}

absl::Status ChatAnswer::take_error(const dom::object& chunk) {
  dom::element error;
  std::string_view text;
  if (chunk.at_key("error").get(error) || error.is_null() || (!error.get_string().get(text) && text.empty()))
    return absl::OkStatus();
  return to_status(failure_of_event(context_.upstream, simdjson::minify(chunk)));
}

absl::Status ChatAnswer::take(const dom::object& chunk) {
  const absl::Status reported = take_error(chunk);
  if (!reported.ok())
    return reported;
  dom::element usage;
  if (!chunk.at_key("usage").get(usage))
    take_usage(usage);
  dom::object groq;
  if (object_of(chunk, "x_groq", groq) && !groq.at_key("usage").get(usage))
    take_usage(usage);
  dom::array choices;
  if (chunk.at_key("choices").get_array().get(choices))
    return absl::OkStatus();
  for (const dom::element item : choices) {
    dom::object choice;
    if (item.get_object().get(choice) || count_of(choice, "index") != 0)
      continue;
    if (!choice.at_key("usage").get(usage))
      take_usage(usage);
    if (is_failure(text_of(choice, "finish_reason")))
      return to_status(failure_of_event(context_.upstream, simdjson::minify(choice)));
    answered_ = true;
    start(chunk);
    take_choice(choice);
  }
  return absl::OkStatus();
}

void ChatAnswer::take_usage(const dom::element& value) {
  dom::object usage;
  if (value.get_object().get(usage))
    return;
  const std::int64_t prompt = count_of(usage, "prompt_tokens");
  std::int64_t completion = count_of(usage, "completion_tokens");
  // A placeholder of servers that count at the end.
  if (prompt == 0 && completion == 0)
    return;
  TokenCounts counts;
  dom::object details;
  if (object_of(usage, "prompt_tokens_details", details)) {
    counts.cache_read = count_of(details, "cached_tokens");
    counts.cache_write = count_of(details, "cache_write_tokens");
  }
  if (counts.cache_read == 0)
    counts.cache_read = count_of(usage, "prompt_cache_hit_tokens");
  if (counts.cache_read == 0)
    counts.cache_read = count_of(usage, "cached_tokens");
  if (object_of(usage, "completion_tokens_details", details))
    counts.thinking = count_of(details, "reasoning_tokens");
  // Whoever leaves reasoning out of the completion has it in the sum of both.
  if (counts.thinking > 0 && count_of(usage, "total_tokens") == prompt + completion + counts.thinking)
    completion += counts.thinking;
  counts.cache_read = std::min(counts.cache_read, prompt);
  counts.cache_write = std::min(counts.cache_write, prompt - counts.cache_read);
  counts.input = prompt - counts.cache_read - counts.cache_write;
  counts.output = completion;
  usage_ = counts;
  counted_ = true;
}

void ChatAnswer::take_choice(const dom::object& choice) {
  dom::object delta;
  const bool whole = !object_of(choice, "delta", delta) && object_of(choice, "message", delta);
  if (whole || object_of(choice, "delta", delta)) {
    take_reasoning(delta);
    dom::element content;
    if (!delta.at_key("content").get(content))
      take_content(content);
    const std::string_view refusal = text_of(delta, "refusal");
    if (!refusal.empty()) {
      refused_ = true;
      add(Waiting::Kind::kText, refusal);
    }
    take_calls(delta, whole);
    // The last chunk of some holds the whole message again: its calls count when no delta had them.
    dom::object message;
    if (!whole && object_of(choice, "message", message))
      take_calls(message, true);
  }
  for (const std::string_view name : {"finish_reason", "finishReason"}) {
    const std::string_view reason = text_of(choice, name);
    if (!reason.empty())
      finish_reason_ = reason;
  }
  const std::string_view sequence = text_of(choice, "stop_reason");
  if (!sequence.empty())
    stop_sequence_ = sequence;
  pump(false);
}

void ChatAnswer::take_reasoning(const dom::object& delta) {
  using In = Quirks::ReasoningIn;
  const In in = context_.quirks.reasoning_in;
  if (in == In::kNone)
    return;
  dom::array pieces;
  bool detailed = false;
  if ((in == In::kAny || in == In::kReasoningDetails) && !delta.at_key("reasoning_details").get_array().get(pieces)) {
    for (const dom::element item : pieces) {
      dom::object piece;
      if (item.get_object().get(piece))
        continue;
      Waiting& next = waiting_.emplace_back();
      next.kind = Waiting::Kind::kDetail;
      next.detail = read_detail(piece);
      detailed |= next.detail.shown();
    }
  }
  if (detailed)
    return;
  for (const std::string_view name : {"reasoning_content", "reasoning"}) {
    if ((name == "reasoning" && in == In::kReasoningContent) || (name == "reasoning_content" && in == In::kReasoning))
      continue;
    const std::string_view text = text_of(delta, name);
    if (!text.empty())
      return add(Waiting::Kind::kThinking, text);
  }
}

void ChatAnswer::take_content(const dom::element& content) {
  std::string_view text;
  if (!content.get_string().get(text))
    return add(Waiting::Kind::kText, text);
  // Mistral's parts: text, and thinking that is made of texts.
  dom::array parts;
  if (content.get_array().get(parts))
    return;
  for (const dom::element item : parts) {
    dom::object part;
    if (item.get_object().get(part))
      continue;
    dom::array inner;
    if (!part.at_key("thinking").get_array().get(inner)) {
      for (const dom::element element : inner) {
        dom::object thought;
        if (!element.get_object().get(thought))
          add(Waiting::Kind::kThinking, text_of(thought, "text"));
      }
      continue;
    }
    add(Waiting::Kind::kText, text_of(part, "text"));
  }
}

void ChatAnswer::take_calls(const dom::object& delta, bool whole) {
  dom::array calls;
  if (!delta.at_key("tool_calls").get_array().get(calls)) {
    const std::size_t known = calls_.all().size();
    std::size_t position = 0;
    for (const dom::element item : calls) {
      dom::object call;
      if (!item.get_object().get(call))
        add_call(whole ? calls_.take_whole(call, position, known) : calls_.take(call));
      ++position;
    }
  }
  dom::object function;
  if (object_of(delta, "function_call", function))
    add_call(calls_.take_function(function, whole));
}

void ChatAnswer::add(Waiting::Kind kind, std::string_view text) {
  if (text.empty())
    return;
  if (!waiting_.empty() && waiting_.back().kind == kind && kind == Waiting::Kind::kText) {
    waiting_.back().text.append(text);
    return;
  }
  Waiting& next = waiting_.emplace_back();
  next.kind = kind;
  next.text = text;
}

void ChatAnswer::add_call(ToolCall* call) {
  if (call == nullptr || call->opened)
    return;
  for (const Waiting& known : waiting_) {
    if (known.call == call)
      return;
  }
  Waiting& next = waiting_.emplace_back();
  next.kind = Waiting::Kind::kCall;
  next.call = call;
}

void ChatAnswer::pump(bool all) {
  // A sequence that stops the answer was met: nothing behind it is shown.
  if (!stop_.met().empty()) {
    waiting_.clear();
    return;
  }
  for (;;) {
    if (current_ != nullptr && writer_.tool_open()) {
      write_call(*current_, all);
      if (!current_->complete() && !all)
        return;
    }
    if (waiting_.empty() || !write(waiting_.front(), all))
      return;
    waiting_.pop_front();
    if (!stop_.met().empty()) {
      waiting_.clear();
      return;
    }
  }
}

bool ChatAnswer::write(Waiting& next, bool all) {
  switch (next.kind) {
    case Waiting::Kind::kText:
      write_text(stop_.push(next.text));
      return true;
    case Waiting::Kind::kThinking:
      write_text(stop_.flush());
      written_ += next.text.size();
      writer_.thinking(next.text);
      return true;
    case Waiting::Kind::kDetail:
      write_detail(std::move(next.detail));
      return true;
    case Waiting::Kind::kCall:
      if (!next.call->ready() && !all)
        return false;
      // A call that nobody named is none; check_calls() says so.
      if (!next.call->name.empty())
        write_call(*next.call, all);
      return true;
  }
  return true;
}

void ChatAnswer::write_detail(ReasoningDetail detail) {
  if (detail.shown()) {
    write_text(stop_.flush());
    written_ += detail.text.size();
    writer_.thinking(detail.text);
    details_.add(std::move(detail));
  } else if (writer_.thinking_open()) {
    // What has nothing to show rides in the envelope of its block.
    details_.add(std::move(detail));
  } else {
    write_text(stop_.flush());
    ReasoningDetails alone;
    alone.add(std::move(detail));
    writer_.redacted_thinking(envelope(alone.json(false)));
  }
}

void ChatAnswer::write_call(ToolCall& call, bool all) {
  if (!std::exchange(call.opened, true)) {
    write_text(stop_.flush());
    end_thinking();
    writer_.tool_use(tool_id(call), client_tool_name(context_.tool_names, call.name));
    current_ = &call;
  }
  if (call.progress.foreign() || !call.progress.begun()) {
    if (!all || is_no_input(call.arguments))
      return;
    // Not to be passed on as it is: what it holds once unpacked is; anything else check_calls() refuses.
    std::string inner = unquoted(call.arguments);
    if (!is_object(inner))
      return;
    call.arguments = std::move(inner);
    call.sent = 0;
  }
  if (call.sent < call.arguments.size()) {
    const std::string_view rest = std::string_view(call.arguments).substr(call.sent);
    written_ += rest.size();
    writer_.tool_input(rest);
    call.sent = call.arguments.size();
  }
}

void ChatAnswer::write_text(std::string_view text) {
  if (text.empty())
    return;
  end_thinking();
  written_ += text.size();
  writer_.text(text);
}

void ChatAnswer::end_thinking() {
  if (!writer_.thinking_open())
    return;
  writer_.signature(envelope(details_.empty() ? std::string() : details_.json(false)));
  details_.clear();
}

std::string ChatAnswer::envelope(std::string payload) const {
  return context_.envelopes->seal({"openai", context_.upstream, context_.model, std::move(payload)});
}

std::string ChatAnswer::tool_id(const ToolCall& call) {
  std::string id = call.id.empty() ? std::string() : client_tool_id(call.id);
  if (id.empty() || std::find(used_ids_.begin(), used_ids_.end(), id) != used_ids_.end())
    id = made_tool_id(context_.generation_id, call.id, used_ids_.size());
  used_ids_.push_back(id);
  return id;
}

// An answer that was cut may end inside a call's input.
absl::Status ChatAnswer::check_calls() {
  const bool cut = is_length(finish_reason_) || !stop_.met().empty();
  for (const ToolCall& call : calls_.all()) {
    if (call.name.empty()) {
      if (!is_no_input(call.arguments))
        return bad("has a tool call without a name");
      continue;
    }
    if (call.opened && !cut && !is_no_input(call.arguments) && !is_object(call.arguments))
      return bad(fmt::format("has a call of the tool {} whose input is not a JSON object", call.name));
  }
  return absl::OkStatus();
}

std::string ChatAnswer::stop_reason() const {
  const bool called =
      std::any_of(calls_.all().begin(), calls_.all().end(), [](const ToolCall& call) { return call.opened; });
  if (!stop_.met().empty())
    return "stop_sequence";
  if (is_length(finish_reason_))
    return "max_tokens";
  if (is_refusal(finish_reason_) || (refused_ && !called))
    return "refusal";
  if (called)
    return "tool_use";
  return stop_sequence_.empty() ? "end_turn" : "stop_sequence";
}

TokenCounts ChatAnswer::counts() const {
  if (counted_)
    return usage_;
  TokenCounts counts;
  counts.input = context_.prompt_tokens;
  counts.output = static_cast<std::int64_t>(std::max<std::size_t>(1, (written_ + kBytesPerToken - 1) / kBytesPerToken));
  return counts;
}

absl::Status ChatAnswer::finish(bool done) {
  if (finish_reason_.empty() && !done && stop_.met().empty())
    return bad("ended early, without a finish_reason");
  if (!answered_)
    return bad("has no choice in it");
  pump(true);
  if (stop_.met().empty())
    write_text(stop_.flush());
  end_thinking();
  const absl::Status calls = check_calls();
  if (!calls.ok())
    return calls;
  const std::string reason = stop_reason();
  const std::string sequence = reason != "stop_sequence" ? std::string()
                               : !stop_.met().empty()    ? stop_.met()
                                                         : stop_sequence_;
  writer_.finish(reason, sequence, counts());
  return absl::OkStatus();
}

}  // namespace tollgate::openai
