#include "gateway/openai/completion.h"

#include <array>
#include <utility>

#include "services/common/base/errors.h"
#include "services/common/base/money.h"

namespace tollgate::chat {
namespace {

using simdjson::dom::array;
using simdjson::dom::object;

struct Reason {
  std::string_view stop;
  std::string_view finish;
};

constexpr std::array kReasons = {Reason{"end_turn", "stop"},         Reason{"stop_sequence", "stop"},
                                 Reason{"pause_turn", "stop"},       Reason{"max_tokens", "length"},
                                 Reason{"tool_use", "tool_calls"},   Reason{"model_context_window_exceeded", "length"},
                                 Reason{"refusal", "content_filter"}};

void take_count(const object& from, std::string_view name, std::int64_t& count) {
  const std::optional<Element> value = find(from, name);
  std::int64_t number = 0;
  if (value && !value->get_int64().get(number) && number >= 0)
    count = number;
}

// The blocks of a message, sorted into the members that they become.
class Parts {
 public:
  explicit Parts(bool exclude_reasoning) : exclude_reasoning_(exclude_reasoning) {}

  void take(const object& block, std::uint64_t index) {
    const std::string_view type = find_text(block, "type").value_or("");
    if (type == "text")
      content_ += find_text(block, "text").value_or("");
    else if (type == "tool_use")
      take_call(block);
    else if (!exclude_reasoning_)
      take_reasoning(block, type, index);
  }

  void write(bool refused, JsonWriter& message) {
    message.member("role", "assistant").key("content");
    // A model that only calls tools has said nothing, not the empty text.
    content_.empty() && !calls_.empty() ? message.null() : message.string(content_);
    message.key("refusal");
    refused&& content_.empty() ? message.string("The model has declined to answer.") : message.null();
    if (!reasoning_.empty())
      message.member("reasoning", reasoning_).member("reasoning_content", reasoning_);
    if (!details_.empty())
      message.key("reasoning_details").begin_array().raw(details_).end_array();
    if (!calls_.empty())
      message.key("tool_calls").begin_array().raw(calls_).end_array();
  }

 private:
  void take_call(const object& block) {
    const std::optional<Element> input = find(block, "input");
    if (!calls_.empty())
      calls_ += ',';
    JsonWriter json(calls_);
    json.begin_object();
    write_call(find_text(block, "id").value_or(""), find_text(block, "name").value_or(""),
               input ? json_of(*input) : "{}", json);
    json.end_object();
  }

  void take_reasoning(const object& block, std::string_view type, std::uint64_t index) {
    const bool shown = type == "thinking";
    if (!shown && type != "redacted_thinking")
      return;
    if (!details_.empty())
      details_ += ',';
    JsonWriter json(details_);
    begin_detail(shown ? "reasoning.text" : "reasoning.encrypted", index, json);
    if (shown) {
      const std::string_view thinking = find_text(block, "thinking").value_or("");
      reasoning_ += thinking;
      json.member("text", thinking).member("signature", find_text(block, "signature").value_or(""));
    } else {
      json.member("data", find_text(block, "data").value_or(""));
    }
    json.end_object();
  }

  const bool exclude_reasoning_;
  std::string content_;
  std::string reasoning_;
  std::string details_;
  std::string calls_;
};

}  // namespace

void CompletionHead::begin(std::string_view type, JsonWriter& json) const {
  json.begin_object().member("id", id).member("object", type).member("created", created).member("model", model);
}

std::string_view finish_reason(std::string_view stop_reason) {
  for (const Reason& row : kReasons) {
    if (row.stop == stop_reason)
      return row.finish;
  }
  return "stop";
}

void ChatUsage::take(Element usage) {
  object counts;
  if (usage.get_object().get(counts))
    return;
  take_count(counts, "input_tokens", input_);
  take_count(counts, "output_tokens", output_);
  take_count(counts, "cache_read_input_tokens", cache_read_);
  take_count(counts, "cache_creation_input_tokens", cache_write_);
  object details;
  const std::optional<Element> value = find(counts, "output_tokens_details");
  if (value && !value->get_object().get(details))
    take_count(details, "thinking_tokens", thinking_);
}

void ChatUsage::write(std::optional<std::int64_t> cost_nano_usd, JsonWriter& json) const {
  const std::int64_t prompt = input_ + cache_read_ + cache_write_;
  json.begin_object().member("prompt_tokens", prompt).member("completion_tokens", output_);
  json.member("total_tokens", prompt + output_);
  json.key("prompt_tokens_details").begin_object().member("cached_tokens", cache_read_);
  json.member("cache_write_tokens", cache_write_).end_object();
  json.key("completion_tokens_details").begin_object().member("reasoning_tokens", thinking_).end_object();
  if (cost_nano_usd)
    json.raw_member("cost", format_usd(*cost_nano_usd));
  json.end_object();
}

void write_call(std::string_view id, std::string_view name, std::string_view arguments, JsonWriter& json) {
  json.member("id", id).member("type", "function").key("function").begin_object();
  json.member("name", name).member("arguments", arguments).end_object();
}

void begin_detail(std::string_view type, std::uint64_t index, JsonWriter& json) {
  json.begin_object().member("type", type).member("format", kReasoningFormat).member("index", index);
}

absl::StatusOr<std::string> completion_json(std::string_view message, CompletionHead head, bool exclude_reasoning,
                                            std::optional<std::int64_t> cost_nano_usd) {
  simdjson::dom::parser parser;
  object answer;
  const std::optional<Element> content =
      parser.parse(message.data(), message.size()).get_object().get(answer) ? std::nullopt : find(answer, "content");
  array blocks;
  if (!content || content->get_array().get(blocks))
    return error(v1::Failure::KIND_UNAVAILABLE, "The upstream's answer is no message.");
  Parts parts(exclude_reasoning);
  std::uint64_t index = 0;
  for (const Element element : blocks) {
    object block;
    if (!element.get_object().get(block))
      parts.take(block, index++);
  }
  head.model = find_text(answer, "model").value_or(head.model);
  if (head.id.empty())
    head.id = find_text(answer, "id").value_or("");
  ChatUsage usage;
  if (const std::optional<Element> counts = find(answer, "usage"))
    usage.take(*counts);

  const std::string_view stop = find_text(answer, "stop_reason").value_or("end_turn");
  std::string out;
  JsonWriter json(out);
  head.begin("chat.completion", json);
  json.key("choices").begin_array().begin_object().member("index", 0).key("message").begin_object();
  parts.write(stop == "refusal", json);
  json.end_object().key("logprobs").null();
  json.member("finish_reason", finish_reason(stop)).member("native_finish_reason", stop).end_object().end_array();
  usage.write(cost_nano_usd, json.key("usage"));
  json.end_object();
  return out;
}

}  // namespace tollgate::chat
