#include "gateway/openai/chat_stream.h"

#include <utility>

#include "gateway/openai/chat_errors.h"
#include "gateway/openai/event_text.h"

namespace tollgate::chat {
namespace {

using simdjson::dom::object;

constexpr std::string_view kComment = ": keep-alive\n\n";

std::optional<object> find_object(const object& from, std::string_view name) {
  const std::optional<Element> value = find(from, name);
  object found;
  if (!value || value->get_object().get(found))
    return std::nullopt;
  return found;
}

std::uint64_t index_of(const object& event) {
  const std::optional<Element> value = find(event, "index");
  std::uint64_t index = 0;
  return value && !value->get_uint64().get(index) ? index : 0;
}

}  // namespace

template <class WriteDelta>
void ChatStream::chunk(std::string& out, WriteDelta write_delta, std::string_view stop_reason) {
  out += "data: ";
  JsonWriter json(out);
  head_.begin("chat.completion.chunk", json);
  json.key("choices").begin_array().begin_object().member("index", 0).key("delta").begin_object();
  write_delta(json);
  json.end_object().key("logprobs").null().key("finish_reason");
  if (stop_reason.empty())
    json.null();
  else
    json.string(finish_reason(stop_reason)).member("native_finish_reason", stop_reason);
  json.end_object().end_array();
  if (options_.include_usage)
    json.key("usage").null();
  json.end_object();
  out += "\n\n";
}

void ChatStream::push(std::string_view events, std::string& out) {
  for_each_event(events, [&](std::string_view data) {
    if (!failed_ && !ended_)
      take(data, out);
  });
}

void ChatStream::take(std::string_view data, std::string& out) {
  object event;
  if (parser_.parse(data.data(), data.size()).get_object().get(event))
    return fail("api_error", "The upstream's stream has an event that is not JSON.", out);
  const std::string_view type = find_text(event, "type").value_or("");
  if (type == "ping") {
    out += kComment;
  } else if (type == "message_start") {
    take_start(event, out);
  } else if (type == "content_block_start") {
    take_block(event, out);
  } else if (type == "content_block_delta") {
    take_delta(event, out);
  } else if (type == "content_block_stop") {
    take_block_end(event, out);
  } else if (type == "message_delta") {
    take_message_delta(event);
  } else if (type == "message_stop") {
    end_message(out);
  } else if (type == "error") {
    const object none;
    const std::optional<object> what = find_object(event, "error");
    fail(what ? find_text(*what, "type").value_or("api_error") : "api_error",
         what ? find_text(*what, "message").value_or("") : "", out);
  }
}

void ChatStream::begin(std::string& out) {
  if (std::exchange(begun_, true))
    return;
  chunk(out, [](JsonWriter& json) { json.member("role", "assistant").member("content", ""); });
}

void ChatStream::take_start(const object& event, std::string& out) {
  if (const std::optional<object> message = find_object(event, "message"); message && !begun_) {
    head_.model = find_text(*message, "model").value_or(head_.model);
    if (head_.id.empty())
      head_.id = find_text(*message, "id").value_or("");
    if (const std::optional<Element> usage = find(*message, "usage"))
      usage_.take(*usage);
  }
  begin(out);
}

void ChatStream::take_block(const object& event, std::string& out) {
  const std::optional<object> block = find_object(event, "content_block");
  if (!block)
    return;
  begin(out);
  const std::uint64_t index = index_of(event);
  const std::string_view type = find_text(*block, "type").value_or("");
  if (type == "text") {
    content(find_text(*block, "text").value_or(""), out);
  } else if (type == "thinking") {
    reasoning(index, "reasoning.text", "text", find_text(*block, "thinking").value_or(""), out);
  } else if (type == "redacted_thinking") {
    reasoning(index, "reasoning.encrypted", "data", find_text(*block, "data").value_or(""), out);
  } else if (type == "tool_use" && !calls_.contains(index)) {
    Call& call = calls_[index];
    call.index = calls_.size() - 1;
    const std::string_view id = find_text(*block, "id").value_or("");
    const std::string_view name = find_text(*block, "name").value_or("");
    chunk(out, [&](JsonWriter& json) {
      json.key("tool_calls").begin_array().begin_object().member("index", call.index);
      write_call(id, name, "", json);
      json.end_object().end_array();
    });
    // Mostly empty here, the input following in pieces.
    const std::optional<object> input = find_object(*block, "input");
    if (input && input->size() > 0)
      arguments(call, json_of((*block)["input"]), out);
  }
}

void ChatStream::take_delta(const object& event, std::string& out) {
  const std::optional<object> delta = find_object(event, "delta");
  if (!delta)
    return;
  begin(out);
  const std::uint64_t index = index_of(event);
  const std::string_view type = find_text(*delta, "type").value_or("");
  if (type == "text_delta") {
    content(find_text(*delta, "text").value_or(""), out);
  } else if (type == "thinking_delta") {
    reasoning(index, "reasoning.text", "text", find_text(*delta, "thinking").value_or(""), out);
  } else if (type == "signature_delta") {
    reasoning(index, "reasoning.text", "signature", find_text(*delta, "signature").value_or(""), out);
  } else if (type == "input_json_delta") {
    if (const auto call = calls_.find(index); call != calls_.end())
      arguments(call->second, find_text(*delta, "partial_json").value_or(""), out);
  }
}

// Clients parse the arguments as JSON: no input is an empty object.
void ChatStream::take_block_end(const object& event, std::string& out) {
  if (const auto call = calls_.find(index_of(event)); call != calls_.end() && !call->second.any_arguments)
    arguments(call->second, "{}", out);
}

void ChatStream::take_message_delta(const object& event) {
  if (const std::optional<object> delta = find_object(event, "delta"))
    stop_reason_ = find_text(*delta, "stop_reason").value_or(stop_reason_);
  if (const std::optional<Element> usage = find(event, "usage"))
    usage_.take(*usage);
}

void ChatStream::end_message(std::string& out) {
  begin(out);
  for (auto& [index, call] : calls_) {
    if (!call.any_arguments)
      arguments(call, "{}", out);
  }
  chunk(
      out, [](JsonWriter&) {}, stop_reason_.empty() ? "end_turn" : stop_reason_);
  ended_ = true;
}

void ChatStream::finish(std::int64_t cost_nano_usd, std::string& out) {
  if (failed_)
    return;
  if (!ended_)
    return fail("api_error", "The upstream's stream has ended early.", out);
  if (options_.include_usage) {
    out += "data: ";
    JsonWriter json(out);
    head_.begin("chat.completion.chunk", json);
    json.key("choices").begin_array().end_array();
    usage_.write(cost_nano_usd, json.key("usage"));
    json.end_object();
    out += "\n\n";
  }
  out += "data: [DONE]\n\n";
}

void ChatStream::fail(std::string_view type, std::string_view message, std::string& out) {
  failed_ = true;
  out += error_chunk(head_, type, message);
}

void ChatStream::content(std::string_view text, std::string& out) {
  if (!text.empty())
    chunk(out, [&](JsonWriter& json) { json.member("content", text); });
}

// The text for those who show it, the details for those who send it back.
void ChatStream::reasoning(std::uint64_t index, std::string_view type, std::string_view member, std::string_view text,
                           std::string& out) {
  if (text.empty() || options_.exclude_reasoning)
    return;
  chunk(out, [&](JsonWriter& json) {
    if (member == "text")
      json.member("reasoning", text).member("reasoning_content", text);
    json.key("reasoning_details").begin_array();
    begin_detail(type, index, json);
    json.member(member, text).end_object().end_array();
  });
}

void ChatStream::arguments(Call& call, std::string_view text, std::string& out) {
  if (text.empty())
    return;
  call.any_arguments = true;
  chunk(out, [&](JsonWriter& json) {
    json.key("tool_calls").begin_array().begin_object().member("index", call.index).key("function").begin_object();
    json.member("arguments", text).end_object().end_object().end_array();
  });
}

}  // namespace tollgate::chat
