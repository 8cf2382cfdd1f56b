#include "tests/support/translation/accumulate.h"

#include <fmt/format.h>

#include <vector>

#include "services/provider_adapter/sse/scanner.h"

namespace tollgate::test {
namespace {

using nlohmann::json;

class Accumulator {
 public:
  // Empty: it fits.
  std::string take(const sse::Event& event) {
    const json data = json::parse(event.data, nullptr, false);
    if (!data.is_object() || data.value("type", "") != event.name)
      return fmt::format("an event {} whose data is not of that type: {}", event.name, event.data);
    if (over_)
      return fmt::format("{} after the end", event.name);
    if (event.name == "error") {
      over_ = true;
      message_["error"] = data.at("error");
      return data.at("error").value("type", "").empty() ? "an error without a type" : "";
    }
    if (event.name == "message_start")
      return start(data);
    if (message_.is_null())
      return fmt::format("{} before message_start", event.name);
    if (event.name == "ping")
      return "";
    if (stopped_ && event.name != "message_stop")
      return fmt::format("{} after message_delta", event.name);
    if (event.name == "content_block_start")
      return open(data);
    if (event.name == "content_block_delta")
      return delta(data);
    if (event.name == "content_block_stop")
      return close(data);
    if (event.name == "message_delta")
      return stop(data);
    if (event.name != "message_stop" || !stopped_)
      return fmt::format("{} where it does not belong", event.name);
    over_ = true;
    return "";
  }

  bool over() const { return over_; }
  const json& message() const { return message_; }

 private:
  std::string start(const json& data) {
    if (!message_.is_null())
      return "a second message_start";
    message_ = data.at("message");
    return message_.at("content") == json::array() && message_.at("role") == "assistant"
               ? ""
               : "a message_start with content";
  }

  std::string open(const json& data) {
    if (open_)
      return "a block within a block";
    if (data.at("index") != message_["content"].size())
      return "a block whose index does not follow";
    open_ = true;
    message_["content"].push_back(data.at("content_block"));
    text_.clear();
    return "";
  }

  std::string delta(const json& data) {
    if (!open_ || data.at("index") != message_["content"].size() - 1)
      return "a delta outside of its block";
    json& block = message_["content"].back();
    const json& delta = data.at("delta");
    const std::string kind = delta.at("type");
    const std::string of = block.at("type");
    if (kind == "text_delta" && of == "text") {
      block["text"] = block["text"].get<std::string>() + delta.at("text").get<std::string>();
    } else if (kind == "thinking_delta" && of == "thinking") {
      block["thinking"] = block["thinking"].get<std::string>() + delta.at("thinking").get<std::string>();
    } else if (kind == "signature_delta" && of == "thinking") {
      if (delta.at("signature") == "")
        return "an empty signature";
      block["signature"] = delta.at("signature");
    } else if (kind == "input_json_delta" && of == "tool_use") {
      text_ += delta.at("partial_json").get<std::string>();
    } else {
      return fmt::format("a {} in a block {}", kind, of);
    }
    return "";
  }

  std::string close(const json& data) {
    if (!open_ || data.at("index") != message_["content"].size() - 1)
      return "the end of a block that is not open";
    open_ = false;
    json& block = message_["content"].back();
    if (block.at("type") == "text" && block.at("text") == "")
      return "an empty text";
    if (block.at("type") == "thinking" && block.value("signature", "") == "")
      return "thinking without a signature";
    if (block.at("type") == "tool_use") {
      const json input = text_.empty() ? json::object() : json::parse(text_, nullptr, false);
      // A cut answer may end within an input; the test sees it by this.
      block["input"] = input.is_object() ? input : json(text_);
    }
    return "";
  }

  std::string stop(const json& data) {
    if (open_)
      return "message_delta within a block";
    stopped_ = true;
    message_["stop_reason"] = data.at("delta").at("stop_reason");
    message_["stop_sequence"] = data.at("delta").at("stop_sequence");
    message_["usage"].update(data.at("usage"));
    return message_["stop_reason"].is_string() ? "" : "no stop_reason";
  }

  json message_;
  std::string text_;
  bool open_ = false;
  bool stopped_ = false;
  bool over_ = false;
};

}  // namespace

json accumulate(std::string_view events, std::string& wrong) {
  Accumulator accumulator;
  sse::Scanner scanner;
  scanner.scan(events, true, [&](const sse::Event& event) {
    if (wrong.empty())
      wrong = accumulator.take(event);
  });
  if (wrong.empty() && scanner.end() != events.size())
    wrong = "an event that does not end";
  if (wrong.empty() && !accumulator.over())
    wrong = "no terminal event";
  return wrong.empty() ? accumulator.message() : json();
}

}  // namespace tollgate::test
