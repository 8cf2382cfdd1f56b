#include "tests/simulator/answer.h"

#include <fmt/format.h>

#include <algorithm>

#include "tests/simulator/json_text.h"

namespace tollgate::simulator {
namespace {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;

constexpr std::size_t kRepeatedBytes = 300;

std::string_view cut_word(std::string_view& text) {
  std::string_view word = text.substr(0, text.find(' '));
  text.remove_prefix(std::min(text.size(), word.size() + 1));
  return word;
}

Block tool_use(std::string_view name, std::string input) {
  return {Block::Kind::kToolUse, {}, {}, {}, std::string(name), std::move(input)};
}

// The tool use that a directive asks for.
std::optional<Block> directed(std::string_view directive) {
  std::string_view verb = cut_word(directive);
  if (verb == "tool") {
    std::string_view name = cut_word(directive);
    return tool_use(name, directive.empty() ? "{}" : std::string(directive));
  }
  if (verb != "write" && verb != "read")
    return {};
  std::string_view path = cut_word(directive);
  if (verb == "read")
    return tool_use("Read", fmt::format(R"({{"file_path":{}}})", json_string(path)));
  return tool_use("Write",
                  fmt::format(R"({{"file_path":{},"content":{}}})", json_string(path), json_string(directive)));
}

std::vector<Block> directed_tools(const Question& question, std::uint64_t serial) {
  std::vector<Block> uses;
  std::string_view text = question.text;
  for (std::size_t begin = text.find("[["); begin != text.npos; begin = text.find("[[", begin + 2)) {
    std::size_t end = text.find("]]", begin);
    if (end == text.npos)
      break;
    std::optional<Block> use = directed(text.substr(begin + 2, end - begin - 2));
    bool offered = use && std::find(question.tools.begin(), question.tools.end(), use->name) != question.tools.end();
    if (!offered)
      continue;
    use->id = fmt::format("toolu_01Sim{:012}{:04}", serial, uses.size());
    uses.push_back(std::move(*use));
  }
  return uses;
}

std::string fitting_json(element schema) {
  array values;
  if (!schema["enum"].get(values) && values.size() > 0)
    return simdjson::minify(values.at(0).value_unsafe());
  std::string_view type;
  if (schema["type"].get(type))
    return "{}";
  if (type == "string")
    return R"("Simulated session")";
  if (type == "boolean")
    return "true";
  if (type == "integer" || type == "number")
    return "1";
  if (type == "array")
    return "[]";
  if (type == "null")
    return "null";
  std::string json = "{";
  object properties;
  if (!schema["properties"].get(properties)) {
    for (auto [name, property] : properties) {
      if (json.size() > 1)
        json += ',';
      json += json_string(name) + ':' + fitting_json(property);
    }
  }
  return json + '}';
}

std::string spoken(const Question& question) {
  if (question.schema)
    return fitting_json(*question.schema);
  if (question.tool_results > 0 && question.tool_failed)
    return "The tool reported an error. I am the Tollgate simulator and leave it at that.";
  if (question.tool_results > 0)
    return "Done: the tool has answered. I am the Tollgate simulator and did what the message asked for.";
  std::string_view said = question.text;
  while (!said.empty() && (said.back() == '\n' || said.back() == ' '))
    said.remove_suffix(1);
  if (said.size() > kRepeatedBytes)
    said.remove_prefix(utf8_prefix(said, said.size() - kRepeatedBytes).size());
  return fmt::format(
      "Hello! I am the Tollgate simulator, a stand-in for a model: your request came through and back. You said: {}",
      said);
}

void stop_at_sequence(const Question& question, Message& message, std::string& text) {
  std::size_t first = text.npos;
  for (const std::string& sequence : question.stop_sequences) {
    std::size_t at = sequence.empty() ? text.npos : text.find(sequence);
    if (at >= first)
      continue;
    first = at;
    message.stop_reason = "stop_sequence";
    message.stop_sequence = sequence;
  }
  if (first != text.npos)
    text.resize(first);
}

void stop_at_limit(const Question& question, Message& message, std::string& text) {
  if (tokens_of(text) <= question.max_tokens)
    return;
  std::size_t bytes = static_cast<std::size_t>(question.max_tokens) * 4;
  text.resize(bytes == 0 ? 0 : utf8_prefix(text, bytes).size());
  message.stop_reason = "max_tokens";
  message.stop_sequence.clear();
}

}  // namespace

Message answer(const Question& question, std::uint64_t serial) {
  Message message;
  message.model = question.model;
  message.id = fmt::format("msg_01Sim{:016}", serial);
  if (question.max_tokens == 0) {
    message.stop_reason = "max_tokens";
    return message;
  }
  if (question.text.find("[[redacted]]") != std::string::npos)
    message.content.push_back({Block::Kind::kRedactedThinking, redacted_data(), {}, {}, {}, {}});
  if (question.thinking) {
    std::string thought = question.thinking_shown ? "Let me see what the last message asks of me, and do that." : "";
    std::string signature = signature_of(thought);
    message.content.push_back({Block::Kind::kThinking, std::move(thought), std::move(signature), {}, {}, {}});
  }
  std::vector<Block> tools;
  if (question.tool_results == 0 && !question.schema)
    tools = directed_tools(question, serial);
  if (!tools.empty()) {
    message.stop_reason = "tool_use";
    std::move(tools.begin(), tools.end(), std::back_inserter(message.content));
  } else {
    std::string text = spoken(question);
    stop_at_sequence(question, message, text);
    stop_at_limit(question, message, text);
    message.content.push_back({Block::Kind::kText, std::move(text), {}, {}, {}, {}});
  }
  count_output(message);
  return message;
}

}  // namespace tollgate::simulator
