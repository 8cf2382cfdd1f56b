#include "gateway/openai/turns.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "gateway/ascii.h"
#include "gateway/openai/completion.h"
#include "gateway/openai/parts.h"
#include "services/common/base/digest.h"

namespace tollgate::chat {
namespace {

using simdjson::dom::array;
using simdjson::dom::object;

bool is_system(std::string_view role) {
  return role == "system" || role == "developer";
}

// A block and where it stood in the message that it came from.
struct PlacedBlock {
  std::uint64_t place;
  std::string json;
};

// What is signed goes back to where it came from; what is not is of no use to anybody.
std::optional<std::string> thinking_block(const object& detail) {
  const std::string_view type = find_text(detail, "type").value_or("");
  if (find_text(detail, "format").value_or(kReasoningFormat) != kReasoningFormat)
    return std::nullopt;
  std::string block;
  JsonWriter json(block);
  if (type == "reasoning.text") {
    const std::optional<std::string_view> signature = find_text(detail, "signature");
    if (!signature || signature->empty())
      return std::nullopt;
    json.begin_object().member("type", "thinking").member("thinking", find_text(detail, "text").value_or(""));
    json.member("signature", *signature).end_object();
    return block;
  }
  const std::optional<std::string_view> data = find_text(detail, "data");
  if (type != "reasoning.encrypted" || !data)
    return std::nullopt;
  json.begin_object().member("type", "redacted_thinking").member("data", *data).end_object();
  return block;
}

absl::StatusOr<std::vector<PlacedBlock>> thinking_blocks(const object& message, const std::string& path) {
  std::vector<PlacedBlock> blocks;
  const std::optional<Element> details = find(message, "reasoning_details");
  if (!details)
    return blocks;
  array list;
  if (details->get_array().get(list))
    return bad(path + ".reasoning_details", "expected an array");
  for (const Element element : list) {
    object detail;
    if (element.get_object().get(detail))
      return bad(path + ".reasoning_details", "expected an array of objects");
    std::optional<std::string> block = thinking_block(detail);
    std::uint64_t index = 0;
    const std::optional<Element> place = find(detail, "index");
    if (!place || place->get_uint64().get(index))
      index = blocks.size();
    if (block)
      blocks.push_back({.place = index, .json = *std::move(block)});
  }
  const auto earlier = [](const PlacedBlock& a, const PlacedBlock& b) { return a.place < b.place; };
  std::stable_sort(blocks.begin(), blocks.end(), earlier);
  return blocks;
}

// The arguments as the object that they must be. A model can have written anything else, and the conversation must go
// on: that is kept as a text.
std::string tool_input(std::string_view arguments, simdjson::dom::parser& parser) {
  if (arguments.find_first_not_of(" \t\r\n") == arguments.npos)
    return "{}";
  object input;
  if (!parser.parse(arguments.data(), arguments.size()).get_object().get(input))
    return std::string(arguments);
  std::string wrapped;
  JsonWriter(wrapped).begin_object().member("arguments", arguments).end_object();
  return wrapped;
}

absl::StatusOr<std::string> tool_use(const Element& element, const std::string& path, simdjson::dom::parser& parser) {
  object call;
  object function;
  if (element.get_object().get(call))
    return bad(path, "expected an object");
  const std::string_view type = find_text(call, "type").value_or("function");
  const std::optional<Element> called = find(call, "function");
  if (type != "function" || !called || called->get_object().get(function))
    return bad(path, "expected a call of a function: {\"id\", \"type\": \"function\", \"function\": {...}}");
  const std::string_view id = find_text(call, "id").value_or("");
  const std::string_view name = find_text(function, "name").value_or("");
  if (id.empty())
    return bad(path + ".id", "expected a string");
  if (name.empty())
    return bad(path + ".function.name", "expected a string");
  std::string block;
  JsonWriter json(block);
  json.begin_object().member("type", "tool_use").member("id", tool_id(id)).member("name", name);
  json.raw_member("input", tool_input(find_text(function, "arguments").value_or(""), parser)).end_object();
  return block;
}

class TurnsReader {
 public:
  explicit TurnsReader(bool keep_system) : keep_system_(keep_system) {}

  absl::Status read(const object& message, const std::string& path) {
    const std::optional<std::string_view> role = find_text(message, "role");
    if (role && is_system(*role))
      return read_system(message, path);
    if (role == "user")
      return read_user(message, path);
    if (role == "assistant")
      return read_assistant(message, path);
    if (role == "tool")
      return read_tool(message, path);
    if (role == "function")
      return bad(path + ".role", "the role function is out of use. Send calls as tool_calls and results as role tool.");
    return bad(path + ".role", "expected system, developer, user, assistant or tool");
  }

  Turns finish() {
    // The API answers turns only: instructions alone are the turn.
    if (turns_.messages.empty())
      append(std::exchange(turns_.system, {}), "user");
    close();
    return std::move(turns_);
  }

 private:
  absl::Status read_system(const object& message, const std::string& path) {
    std::string blocks;
    JsonWriter json(blocks);
    if (absl::Status status = required_parts(message, Author::kSystem, path, json); !status.ok())
      return status;
    if (keep_system_ && role_ == "user")
      append(blocks, "system");
    else
      append_to(turns_.system, blocks);
    return absl::OkStatus();
  }

  absl::Status read_user(const object& message, const std::string& path) {
    std::string blocks;
    JsonWriter json(blocks);
    if (absl::Status status = required_parts(message, Author::kUser, path, json); !status.ok())
      return status;
    append(blocks, "user");
    turns_.loop_without_thinking = false;
    return absl::OkStatus();
  }

  absl::Status read_tool(const object& message, const std::string& path) {
    const std::string_view id = find_text(message, "tool_call_id").value_or("");
    if (id.empty())
      return bad(path + ".tool_call_id", "expected the id of the call that this is the result of");
    std::string block;
    JsonWriter json(block);
    json.begin_object().member("type", "tool_result").member("tool_use_id", tool_id(id)).key("content").begin_array();
    if (absl::Status status = required_parts(message, Author::kTool, path, json); !status.ok())
      return status;
    json.end_array().end_object();
    append(block, "user");
    return absl::OkStatus();
  }

  absl::Status read_assistant(const object& message, const std::string& path) {
    const absl::StatusOr<std::vector<PlacedBlock>> thinking = thinking_blocks(message, path);
    if (!thinking.ok())
      return thinking.status();
    std::string text;
    JsonWriter json(text);
    if (const std::optional<Element> content = find(message, "content")) {
      if (absl::Status status = write_parts(*content, Author::kAssistant, path + ".content", json); !status.ok())
        return status;
    }
    write_text_block(find_text(message, "refusal").value_or(""), json);
    std::vector<std::string> others;
    if (!text.empty())
      others.push_back(std::move(text));
    const std::size_t texts = others.size();
    if (absl::Status status = read_calls(message, path, others); !status.ok())
      return status;
    turns_.loop_without_thinking = others.size() > texts && thinking->empty();
    append(interleave(*thinking, others), "assistant");
    return absl::OkStatus();
  }

  absl::Status read_calls(const object& message, const std::string& path, std::vector<std::string>& blocks) {
    if (find(message, "function_call"))
      return bad(path + ".function_call", "this member is out of use. Send calls as tool_calls.");
    const std::optional<Element> calls = find(message, "tool_calls");
    array list;
    if (calls && calls->get_array().get(list))
      return bad(path + ".tool_calls", "expected an array");
    if (!calls)
      return absl::OkStatus();
    std::size_t index = 0;
    for (const Element element : list) {
      absl::StatusOr<std::string> block =
          tool_use(element, fmt::format("{}.tool_calls[{}]", path, index++), arguments_parser_);
      if (!block.ok())
        return block.status();
      blocks.push_back(*std::move(block));
    }
    return absl::OkStatus();
  }

  // Thinking where it stood, the rest in its order around it.
  static std::string interleave(const std::vector<PlacedBlock>& thinking, const std::vector<std::string>& others) {
    std::string blocks;
    auto next = thinking.begin();
    auto other = others.begin();
    for (std::uint64_t place = 0; next != thinking.end() || other != others.end(); ++place) {
      if (next != thinking.end() && (next->place <= place || other == others.end()))
        append_to(blocks, (next++)->json);
      else
        append_to(blocks, *other++);
    }
    return blocks;
  }

  absl::Status required_parts(const object& message, Author author, const std::string& path, JsonWriter& json) {
    const std::optional<Element> content = find(message, "content");
    if (!content)
      return bad(path + ".content", "this member is required");
    return write_parts(*content, author, path + ".content", json);
  }

  static void append_to(std::string& list, std::string_view blocks) {
    if (!list.empty() && !blocks.empty())
      list += ',';
    list += blocks;
  }

  // Messages of one role in a row are one turn: results of tools must all stand in the one behind their calls.
  void append(std::string_view blocks, std::string_view role) {
    if (blocks.empty())
      return;
    if (role == role_) {
      append_to(turns_.messages, blocks);
      return;
    }
    close();
    append_to(turns_.messages, fmt::format("{{\"role\":\"{}\",\"content\":[", role));
    turns_.messages += blocks;
    role_ = role;
  }

  void close() {
    if (!role_.empty())
      turns_.messages += "]}";
    role_ = {};
  }

  const bool keep_system_;
  simdjson::dom::parser arguments_parser_;
  Turns turns_;
  // Of the turn that is being written; empty before the first.
  std::string_view role_;
};

bool is_id_char(char c) {
  return is_alphanumeric(c) || c == '_' || c == '-';
}

}  // namespace

bool has_later_system(const simdjson::dom::array& messages) {
  bool begun = false;
  for (const Element element : messages) {
    object message;
    if (element.get_object().get(message))
      continue;
    const bool system = is_system(find_text(message, "role").value_or(""));
    if (system && begun)
      return true;
    begun |= !system;
  }
  return false;
}

absl::StatusOr<Turns> read_turns(const simdjson::dom::array& messages, bool keep_system) {
  TurnsReader reader(keep_system);
  std::size_t index = 0;
  for (const Element element : messages) {
    const std::string path = fmt::format("messages[{}]", index++);
    object message;
    if (element.get_object().get(message))
      return bad(path, "expected an object");
    if (absl::Status status = reader.read(message, path); !status.ok())
      return status;
  }
  return reader.finish();
}

std::string tool_id(std::string_view id) {
  std::string clean(id);
  if (std::all_of(id.begin(), id.end(), is_id_char))
    return clean;
  std::replace_if(
      clean.begin(), clean.end(), [](char c) { return !is_id_char(c); }, '_');
  constexpr std::size_t kDigest = 8;
  return clean + "_" + sha256_hex(id).substr(0, kDigest);
}

}  // namespace tollgate::chat
