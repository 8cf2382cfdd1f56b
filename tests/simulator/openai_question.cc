#include "tests/simulator/openai_question.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

namespace tollgate::simulator {
namespace {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;

constexpr std::array<std::string_view, 15> kMembers = {"model",
                                                       "messages",
                                                       "tools",
                                                       "tool_choice",
                                                       "max_tokens",
                                                       "max_completion_tokens",
                                                       "stream",
                                                       "stop",
                                                       "stream_options",
                                                       "temperature",
                                                       "top_p",
                                                       "parallel_tool_calls",
                                                       "user",
                                                       "response_format",
                                                       "reasoning_effort"};

bool in_flavour(std::string_view member, std::string_view flavour) {
  if (std::find(kMembers.begin(), kMembers.end(), member) != kMembers.end())
    return flavour != "morph" || (member != "parallel_tool_calls" && member != "reasoning_effort");
  if (flavour == "openai")
    return member == "safety_identifier";
  if (flavour == "deepseek")
    return member == "thinking";
  if (flavour == "openrouter")
    return member == "reasoning" || member == "top_k";
  return false;
}

std::string_view text_at(element parent, std::string_view name) {
  std::string_view value;
  return parent[name].get(value) ? std::string_view() : value;
}

bool has(element parent, std::string_view name) {
  return !parent[name].error();
}

std::optional<ApiError> refused(std::string message) {
  return ApiError{400, std::move(message)};
}

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) || c == '_' || c == '-'; });
}

class Reader {
 public:
  Reader(element body, std::string_view flavour, ChatQuestion& chat)
      : body_(body), flavour_(flavour), chat_(chat), question_(chat.question) {}

  std::optional<ApiError> read() {
    for (auto step : {&Reader::members, &Reader::messages, &Reader::tools, &Reader::limits, &Reader::others}) {
      if (auto error = (this->*step)())
        return error;
    }
    return {};
  }

 private:
  std::optional<ApiError> members() {
    object object;
    if (body_.get(object))
      return refused("We could not parse the JSON body of your request.");
    for (auto [name, value] : object) {
      if (!in_flavour(name, flavour_))
        return refused(fmt::format("Unrecognized request argument supplied: {}", name));
    }
    question_.model = text_at(body_, "model");
    if (question_.model.empty())
      return refused("you must provide a model parameter");
    reasons_ = question_.model.starts_with("gpt-5") || question_.model.starts_with("gpt-6");
    if (has(body_, "stream") && body_["stream"].get(question_.stream))
      return refused("Invalid type for 'stream'");
    if (has(body_, "stream_options")) {
      if (!question_.stream)
        return refused("The 'stream_options' parameter is only allowed when 'stream' is enabled.");
      if (body_["stream_options"]["include_usage"].get(chat_.include_usage))
        return refused("Invalid value: 'stream_options'");
    }
    return {};
  }

  std::optional<ApiError> messages() {
    array list;
    if (body_["messages"].get(list) || list.size() == 0)
      return refused("[] is too short - 'messages'");
    for (element message : list) {
      if (auto error = this->message(message))
        return error;
      ++question_.messages;
    }
    if (!open_.empty())
      return missing_results();
    if (last_role_ == "assistant")
      return refused("The last message must be of the user or of a tool.");
    if (last_role_ == "system" && question_.messages > 1)
      return refused("The last message must not be the system's.");
    return {};
  }

  std::optional<ApiError> missing_results() const {
    return refused(
        fmt::format("An assistant message with 'tool_calls' must be followed by tool messages responding to "
                    "each 'tool_call_id'. The following tool_call_ids did not have response messages: {}",
                    fmt::join(open_, ", ")));
  }

  std::optional<ApiError> message(element message) {
    const std::string_view role = text_at(message, "role");
    const std::string where = fmt::format("messages.[{}]", question_.messages);
    if (!open_.empty() && role != "tool")
      return missing_results();
    if (role == "developer" && flavour_ != "openai")
      return refused(fmt::format("{}.role: unknown variant `developer`", where));
    last_role_ = role == "developer" ? "system" : role;
    if (role == "assistant")
      return assistant(message, where);
    element content;
    if (message["content"].get(content))
      return refused(fmt::format("Missing required parameter: '{}.content'.", where));
    if (role == "tool")
      return tool(message, content, where);
    if (role == "system" || role == "developer")
      return texts(content, where, nullptr);
    if (role != "user")
      return refused(
          fmt::format("Invalid value: '{}'. Supported values are: 'system', 'assistant', 'user', and 'tool'.", role));
    return texts(content, where, &question_.text);
  }

  // `into`: gets the texts but for reminders.
  std::optional<ApiError> texts(element content, const std::string& where, std::string* into) {
    std::string_view whole;
    if (!content.get(whole)) {
      if (into != nullptr)
        add(*into, whole);
      return {};
    }
    array parts;
    if (content.get(parts) || parts.size() == 0)
      return refused(fmt::format("Invalid type for '{}.content': expected a string or an array of parts.", where));
    for (element part : parts) {
      const std::string_view type = text_at(part, "type");
      if (type == "text") {
        const std::string_view text = text_at(part, "text");
        if (text.empty())
          return refused(fmt::format("{}.content: text content blocks must be non-empty", where));
        if (into != nullptr && !text.starts_with("<system-reminder>"))
          add(*into, text);
      } else if (into == nullptr || flavour_ == "morph" || flavour_ == "deepseek") {
        return refused(fmt::format("{}.content: unknown variant `{}`, expected `text`", where, type));
      } else if (type == "image_url") {
        std::string_view url;
        if (part["image_url"]["url"].get(url) || !(url.starts_with("data:image/") || url.starts_with("https://")))
          return refused(fmt::format("Invalid value: '{}.content' image_url", where));
      } else if (type != "file") {
        return refused(fmt::format("Invalid value: '{}'. Supported values are: 'text', 'image_url' and 'file'.", type));
      }
    }
    return {};
  }

  static void add(std::string& into, std::string_view text) {
    if (!into.empty())
      into += '\n';
    into += text;
  }

  std::optional<ApiError> tool(element message, element content, const std::string& where) {
    const std::string_view id = text_at(message, "tool_call_id");
    const auto found = std::find(open_.begin(), open_.end(), id);
    if (found == open_.end())
      return refused(
          "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with "
          "'tool_calls'.");
    open_.erase(found);
    ++question_.tool_results;
    std::string text;
    if (auto error = texts(content, where, nullptr))
      return error;
    std::string_view whole;
    question_.tool_failed |= !content.get(whole) && whole.starts_with("[tool error]");
    return {};
  }

  std::optional<ApiError> assistant(element message, const std::string& where) {
    question_.text.clear();
    question_.tool_results = 0;
    question_.tool_failed = false;
    array calls;
    const bool called = !message["tool_calls"].get(calls);
    element content;
    std::string_view text;
    const bool none = message["content"].get(content) || content.is_null();
    if (none && !called)
      return refused(fmt::format("Invalid value for 'content': expected a string, got null at {}.", where));
    if (!none && !content.get(text) && text.empty())
      return refused(fmt::format("{}.content: must not be empty", where));
    if (called && calls.size() == 0)
      return refused(fmt::format("[] is too short - '{}.tool_calls'", where));
    for (element call : calls_of(called, calls)) {
      const std::string_view id = text_at(call, "id");
      std::string_view arguments;
      std::string_view name;
      simdjson::dom::parser parser;
      if (id.empty() || id.size() > 40 || text_at(call, "type") != "function" || call["function"]["name"].get(name) ||
          !is_name(name) || call["function"]["arguments"].get(arguments) ||
          !parser.parse(arguments.data(), arguments.size()).is_object())
        return refused(
            fmt::format("Invalid '{}.tool_calls': id of at most 40 bytes, type, name and arguments.", where));
      open_.emplace_back(id);
    }
    return reasoning(message, where);
  }

  static std::vector<element> calls_of(bool called, const array& calls) {
    std::vector<element> all;
    if (called)
      all.assign(calls.begin(), calls.end());
    return all;
  }

  std::optional<ApiError> reasoning(element message, const std::string& where) {
    if (flavour_ == "deepseek" && !has(message, "reasoning_content"))
      return refused("The `reasoning_content` in the thinking mode must be passed back to the API.");
    if (flavour_ != "deepseek" && has(message, "reasoning_content"))
      return refused(fmt::format("Unrecognized request argument supplied: {}.reasoning_content", where));
    array details;
    if (message["reasoning_details"].get(details))
      return {};
    for (element detail : details) {
      const std::string_view signature = text_at(detail, "signature");
      if (flavour_ != "openrouter" || signature != signature_of(text_at(detail, "text")))
        return refused(fmt::format("{}: Invalid `signature` in `thinking` block", where));
    }
    return {};
  }

  std::optional<ApiError> tools() {
    array list;
    if (body_["tools"].get(list)) {
      return has(body_, "tool_choice") || has(body_, "parallel_tool_calls")
                 ? refused("'tool_choice' and 'parallel_tool_calls' are only allowed when 'tools' are specified.")
                 : std::nullopt;
    }
    if (list.size() == 0)
      return refused("[] is too short - 'tools'");
    for (element tool : list) {
      std::string_view name;
      if (text_at(tool, "type") != "function" || tool["function"]["name"].get(name) || !is_name(name))
        return refused("Invalid 'tools': string does not match pattern '^[a-zA-Z0-9_-]+$' or is too long.");
      element properties;
      if (tool["function"]["parameters"]["properties"].get(properties))
        return refused(fmt::format("Invalid schema for function '{}': object schema missing properties.", name));
      question_.tools.emplace_back(name);
    }
    return {};
  }

  std::optional<ApiError> limits() {
    const char* wanted = flavour_ == "openai" ? "max_completion_tokens" : "max_tokens";
    const char* other = flavour_ == "openai" ? "max_tokens" : "max_completion_tokens";
    if (reasons_ && has(body_, other)) {
      return refused(fmt::format("Unsupported parameter: '{}' is not supported with this model. Use '{}' instead.",
                                 other, wanted));
    }
    question_.max_tokens = 4096;
    for (const char* name : {wanted, other}) {
      if (has(body_, name) && (body_[name].get(question_.max_tokens) || question_.max_tokens < 1))
        return refused(fmt::format("Invalid '{}': expected an integer of at least 1.", name));
    }
    array stops;
    if (!body_["stop"].get(stops)) {
      if (stops.size() > 4 && flavour_ != "deepseek")
        return refused("Invalid 'stop': array too long. Expected an array with maximum length 4.");
      for (element stop : stops) {
        std::string_view text;
        if (!stop.get(text))
          question_.stop_sequences.emplace_back(text);
      }
    }
    for (const char* name : {"temperature", "top_p", "stop"}) {
      if (reasons_ && has(body_, name))
        return refused(fmt::format("Unsupported parameter: '{}' is not supported with this model.", name));
    }
    if (has(body_, "reasoning_effort") && flavour_ == "openai" && !reasons_)
      return refused("Unrecognized request argument supplied: reasoning_effort");
    return {};
  }

  std::optional<ApiError> others() {
    element schema;
    if (!body_["response_format"]["json_schema"]["schema"].get(schema)) {
      if (flavour_ == "deepseek")
        return refused("This response_format type is unavailable now");
      std::string_view name;
      if (body_["response_format"]["json_schema"]["name"].get(name) || !is_name(name))
        return refused("Missing required parameter: 'response_format.json_schema.name'.");
      question_.schema = schema;
    }
    std::string_view type;
    bool enabled = true;
    if (flavour_ == "deepseek") {
      question_.thinking = body_["thinking"]["type"].get(type) || type != "disabled";
    } else if (flavour_ == "openrouter") {
      question_.thinking = has(body_, "reasoning") && (body_["reasoning"]["enabled"].get(enabled) || enabled);
    }
    if (question_.model.starts_with("morph-v3")) {
      if (question_.messages != 1 || question_.text.find("<update>") == std::string::npos ||
          question_.text.find("<code>") == std::string::npos)
        return refused("This model takes one user message with <instruction>, <code> and <update>.");
      const std::size_t begin = question_.text.find("<update>") + 8;
      chat_.apply = question_.text.substr(begin, question_.text.find("</update>", begin) - begin);
    }
    return {};
  }

  element body_;
  const std::string_view flavour_;
  ChatQuestion& chat_;
  Question& question_;
  // A model that takes neither temperature nor stop.
  bool reasons_ = false;
  std::vector<std::string> open_;
  std::string last_role_;
};

}  // namespace

std::optional<ApiError> read_chat_question(element body, std::string_view flavour, ChatQuestion& chat) {
  return Reader(body, flavour, chat).read();
}

}  // namespace tollgate::simulator
