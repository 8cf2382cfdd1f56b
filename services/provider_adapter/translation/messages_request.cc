#include "services/provider_adapter/translation/messages_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "services/common/base/errors.h"

namespace tollgate::translation {
namespace {

namespace dom = simdjson::dom;

absl::Status invalid(std::string_view path, std::string_view what) {
  return error(v1::Failure::KIND_INVALID_REQUEST, path.empty() ? std::string(what) : fmt::format("{}: {}", path, what));
}

std::string join(std::string_view path, std::string_view name) {
  return path.empty() ? std::string(name) : fmt::format("{}.{}", path, name);
}

// A member that is absent or null; a null is as good as none.
std::optional<Json> find(const dom::object& object, std::string_view name) {
  dom::element value;
  if (object.at_key(name).get(value) || value.is_null())
    return std::nullopt;
  return value;
}

std::string_view text_of(const std::optional<Json>& value) {
  std::string_view text;
  if (value && !value->get_string().get(text))
    return text;
  return {};
}

std::string_view text_of(const dom::object& object, std::string_view name) {
  return text_of(find(object, name));
}

bool flag_of(const dom::object& object, std::string_view name) {
  const auto value = find(object, name);
  bool flag = false;
  return value && !value->get_bool().get(flag) && flag;
}

// The readers below: an error is the first thing that is wrong.

absl::Status read_text(const dom::object& object, std::string_view name, const std::string& path,
                       std::string_view& out) {
  const auto value = find(object, name);
  if (!value)
    return invalid(join(path, name), "Field required");
  if (value->get_string().get(out))
    return invalid(join(path, name), "Input should be a valid string");
  return absl::OkStatus();
}

absl::Status read_integer(const dom::object& object, const char* name, std::optional<std::int64_t>& out) {
  const auto value = find(object, name);
  if (!value)
    return absl::OkStatus();
  std::int64_t number = 0;
  if (value->get_int64().get(number))
    return invalid(name, "Input should be a valid integer");
  out = number;
  return absl::OkStatus();
}

absl::Status read_number(const dom::object& object, const char* name, std::optional<double>& out) {
  const auto value = find(object, name);
  if (!value)
    return absl::OkStatus();
  double number = 0;
  if (value->get_double().get(number))
    return invalid(name, "Input should be a valid number");
  out = number;
  return absl::OkStatus();
}

absl::Status read_blocks(const Json& value, const std::string& path, int depth, std::vector<Block>& out);

absl::Status read_source(const dom::object& object, const std::string& path, int depth, Block& block) {
  const auto value = find(object, "source");
  dom::object source;
  if (!value || value->get_object().get(source))
    return invalid(join(path, "source"), value ? "Input should be an object" : "Field required");
  const std::string where = join(path, "source");
  std::string_view type;
  absl::Status status = read_text(source, "type", where, type);
  if (!status.ok())
    return status;
  block.source.media_type = text_of(source, "media_type");
  if (type == "base64" || type == "text") {
    block.source.kind = type == "base64" ? Source::Kind::kBase64 : Source::Kind::kText;
    status = read_text(source, "data", where, block.source.data);
    if (status.ok() && type == "base64" && block.source.media_type.empty())
      status = invalid(join(where, "media_type"), "Field required");
  } else if (type == "url") {
    block.source.kind = Source::Kind::kUrl;
    status = read_text(source, "url", where, block.source.data);
  } else if (type == "file") {
    block.source.kind = Source::Kind::kFile;
    status = read_text(source, "file_id", where, block.source.data);
  } else if (type == "content") {
    block.source.kind = Source::Kind::kContent;
    const auto content = find(source, "content");
    status = content ? read_blocks(*content, join(where, "content"), depth + 1, block.content)
                     : invalid(join(where, "content"), "Field required");
  } else {
    status = invalid(where, fmt::format("Input tag '{}' found using 'type' does not match any of the expected tags: "
                                        "'base64', 'content', 'file', 'text', 'url'",
                                        type));
  }
  return status;
}

struct KindName {
  std::string_view type;
  Block::Kind kind;
};
constexpr KindName kKinds[] = {
    {"text", Block::Kind::kText},
    {"image", Block::Kind::kImage},
    {"document", Block::Kind::kDocument},
    {"search_result", Block::Kind::kSearchResult},
    {"tool_use", Block::Kind::kToolUse},
    {"tool_result", Block::Kind::kToolResult},
    {"thinking", Block::Kind::kThinking},
    {"redacted_thinking", Block::Kind::kRedactedThinking},
    {"server_tool_use", Block::Kind::kServerToolUse},
    {"mcp_tool_use", Block::Kind::kServerToolUse},
};

Block::Kind kind_of(std::string_view type) {
  for (const KindName& known : kKinds) {
    if (known.type == type)
      return known.kind;
  }
  return type.ends_with("_tool_result") ? Block::Kind::kServerToolResult : Block::Kind::kOther;
}

absl::Status read_tool_use(const dom::object& object, const std::string& path, Block& block) {
  absl::Status status = read_text(object, "id", path, block.id);
  if (status.ok())
    status = read_text(object, "name", path, block.name);
  if (!status.ok())
    return status;
  block.input = find(object, "input");
  if (!block.input)
    return invalid(join(path, "input"), "Field required");
  if (!block.input->is_object())
    return invalid(join(path, "input"), "Input should be a valid dictionary");
  return absl::OkStatus();
}

absl::Status read_block(const Json& value, const std::string& path, int depth, Block& block) {
  dom::object object;
  if (value.get_object().get(object))
    return invalid(path, "Input should be an object");
  const absl::Status typed = read_text(object, "type", path, block.type);
  if (!typed.ok())
    return typed;
  block.raw = value;
  block.kind = kind_of(block.type);
  block.cache_control = find(object, "cache_control");
  switch (block.kind) {
    case Block::Kind::kText:
      return read_text(object, "text", path, block.text);
    case Block::Kind::kImage:
      return read_source(object, path, depth, block);
    case Block::Kind::kDocument:
      block.title = text_of(object, "title");
      block.context = text_of(object, "context");
      return read_source(object, path, depth, block);
    case Block::Kind::kSearchResult: {
      block.title = text_of(object, "title");
      block.source.data = text_of(object, "source");
      const auto content = find(object, "content");
      return content ? read_blocks(*content, join(path, "content"), depth + 1, block.content)
                     : invalid(join(path, "content"), "Field required");
    }
    case Block::Kind::kToolUse:
      return read_tool_use(object, path, block);
    case Block::Kind::kToolResult: {
      block.is_error = flag_of(object, "is_error");
      const absl::Status status = read_text(object, "tool_use_id", path, block.id);
      const auto content = find(object, "content");
      if (!status.ok() || !content)
        return status;
      return read_blocks(*content, join(path, "content"), depth + 1, block.content);
    }
    case Block::Kind::kThinking:
      block.signature = text_of(object, "signature");
      return read_text(object, "thinking", path, block.text);
    case Block::Kind::kRedactedThinking:
      return read_text(object, "data", path, block.text);
    case Block::Kind::kServerToolUse:
    case Block::Kind::kServerToolResult:
    case Block::Kind::kOther:
      block.name = text_of(object, "name");
      block.id = text_of(object, "id");
      return absl::OkStatus();
  }
  return absl::OkStatus();
}

absl::Status read_blocks(const Json& value, const std::string& path, int depth, std::vector<Block>& out) {
  // A result of a tool holds a document that holds texts: no request of the API goes deeper.
  constexpr int kDeepest = 8;
  if (depth > kDeepest)
    return invalid(path, "Content is nested too deeply");
  std::string_view text;
  if (!value.get_string().get(text)) {
    Block& block = out.emplace_back();
    block.kind = Block::Kind::kText;
    block.type = "text";
    block.text = text;
    block.raw = value;
    return absl::OkStatus();
  }
  dom::array array;
  if (value.get_array().get(array))
    return invalid(path, "Input should be a valid string or list");
  std::size_t index = 0;
  for (const dom::element item : array) {
    const absl::Status status = read_block(item, fmt::format("{}.{}", path, index), depth, out.emplace_back());
    if (!status.ok())
      return status;
    ++index;
  }
  return absl::OkStatus();
}

absl::Status read_turn(const dom::object& message, const std::string& path, std::size_t index,
                       std::vector<Turn>& turns) {
  std::string_view name;
  const absl::Status status = read_text(message, "role", path, name);
  if (!status.ok())
    return status;
  Turn::Role role = Turn::Role::kUser;
  if (name == "assistant") {
    role = Turn::Role::kAssistant;
  } else if (name == "system") {
    role = Turn::Role::kSystem;
    if (index == 0)
      return invalid(path, "the first message may not have the role 'system': use the top-level 'system' parameter");
  } else if (name != "user") {
    return invalid(join(path, "role"), "Input should be 'user', 'assistant' or 'system'");
  }
  const auto content = find(message, "content");
  // An entry of the system's may hold nothing but settings for the turn.
  if (!content)
    return role == Turn::Role::kSystem ? absl::OkStatus() : invalid(join(path, "content"), "Field required");
  if (turns.empty() || turns.back().role != role) {
    turns.emplace_back().role = role;
    turns.back().index = index;
  }
  return read_blocks(*content, join(path, "content"), 0, turns.back().blocks);
}

absl::Status read_turns(const dom::object& object, std::vector<Turn>& turns) {
  const auto value = find(object, "messages");
  if (!value)
    return invalid("messages", "Field required");
  dom::array messages;
  if (value->get_array().get(messages))
    return invalid("messages", "Input should be a valid list");
  std::size_t index = 0;
  for (const dom::element item : messages) {
    const std::string path = fmt::format("messages.{}", index);
    dom::object message;
    if (item.get_object().get(message))
      return invalid(path, "Input should be an object");
    const absl::Status status = read_turn(message, path, index, turns);
    if (!status.ok())
      return status;
    ++index;
  }
  if (turns.empty())
    return invalid("messages", "at least one message is required");
  return absl::OkStatus();
}

// Every use of a tool has its result in the user's next turn, and every result its use.
absl::Status check_results(const std::vector<Turn>& turns) {
  std::vector<std::string_view> open;
  std::size_t asked = 0;
  const auto missing = [&open, &asked] {
    return invalid(fmt::format("messages.{}", asked),
                   fmt::format("`tool_use` ids were found without `tool_result` blocks immediately after: {}. Each "
                               "`tool_use` block must have a corresponding `tool_result` block in the next message.",
                               fmt::join(open, ", ")));
  };
  for (const Turn& turn : turns) {
    if (turn.role == Turn::Role::kSystem)
      continue;
    if (turn.role == Turn::Role::kAssistant) {
      if (!open.empty())
        return missing();
      asked = turn.index;
      for (const Block& block : turn.blocks) {
        if (block.kind != Block::Kind::kToolUse)
          continue;
        if (std::find(open.begin(), open.end(), block.id) != open.end())
          return invalid(fmt::format("messages.{}", turn.index), "`tool_use` ids must be unique");
        open.push_back(block.id);
      }
      continue;
    }
    for (const Block& block : turn.blocks) {
      if (block.kind != Block::Kind::kToolResult)
        continue;
      const auto found = std::find(open.begin(), open.end(), block.id);
      if (found == open.end()) {
        return invalid(fmt::format("messages.{}", turn.index),
                       fmt::format("unexpected `tool_use_id` found in `tool_result` blocks: {}. Each `tool_result` "
                                   "block must have a corresponding `tool_use` block in the previous message.",
                                   block.id));
      }
      open.erase(found);
    }
    if (!open.empty())
      return missing();
  }
  return open.empty() ? absl::OkStatus() : missing();
}

absl::Status read_tools(const dom::object& object, std::vector<Tool>& tools) {
  const auto value = find(object, "tools");
  if (!value)
    return absl::OkStatus();
  dom::array array;
  if (value->get_array().get(array))
    return invalid("tools", "Input should be a valid list");
  for (const dom::element item : array) {
    const std::string path = fmt::format("tools.{}", tools.size());
    dom::object members;
    if (item.get_object().get(members))
      return invalid(path, "Input should be an object");
    Tool& tool = tools.emplace_back();
    tool.raw = item;
    tool.type = text_of(members, "type");
    tool.description = text_of(members, "description");
    tool.input_schema = find(members, "input_schema");
    tool.cache_control = find(members, "cache_control");
    if (find(members, "strict"))
      tool.strict = flag_of(members, "strict");
    tool.name = text_of(members, "name");
    if (!tool.custom())
      continue;
    const absl::Status status = read_text(members, "name", path, tool.name);
    if (!status.ok())
      return status;
    if (!tool.input_schema || !tool.input_schema->is_object())
      return invalid(join(path, "input_schema"), tool.input_schema ? "Input should be an object" : "Field required");
  }
  return absl::OkStatus();
}

absl::Status read_tool_choice(const dom::object& object, std::optional<ToolChoice>& out) {
  const auto value = find(object, "tool_choice");
  if (!value)
    return absl::OkStatus();
  dom::object members;
  if (value->get_object().get(members))
    return invalid("tool_choice", "Input should be an object");
  ToolChoice choice;
  std::string_view type;
  const absl::Status status = read_text(members, "type", "tool_choice", type);
  if (!status.ok())
    return status;
  choice.disable_parallel = flag_of(members, "disable_parallel_tool_use");
  if (type == "any") {
    choice.kind = ToolChoice::Kind::kAny;
  } else if (type == "none") {
    choice.kind = ToolChoice::Kind::kNone;
  } else if (type == "tool") {
    choice.kind = ToolChoice::Kind::kTool;
    const absl::Status named = read_text(members, "name", "tool_choice", choice.name);
    if (!named.ok())
      return named;
  } else if (type != "auto") {
    return invalid("tool_choice",
                   fmt::format("Input tag '{}' found using 'type' does not match any of the expected tags: 'any', "
                               "'auto', 'none', 'tool'",
                               type));
  }
  out = choice;
  return absl::OkStatus();
}

absl::Status read_stop_sequences(const dom::object& object, std::vector<std::string_view>& out) {
  const auto value = find(object, "stop_sequences");
  if (!value)
    return absl::OkStatus();
  dom::array array;
  if (value->get_array().get(array))
    return invalid("stop_sequences", "Input should be a valid list");
  for (const dom::element item : array) {
    std::string_view text;
    if (item.get_string().get(text))
      return invalid(fmt::format("stop_sequences.{}", out.size()), "Input should be a valid string");
    out.push_back(text);
  }
  return absl::OkStatus();
}

absl::Status read_thinking(const dom::object& object, Thinking& thinking) {
  const auto value = find(object, "thinking");
  dom::object members;
  if (!value)
    return absl::OkStatus();
  if (value->get_object().get(members))
    return invalid("thinking", "Input should be an object");
  const std::string_view type = text_of(members, "type");
  thinking.kind = type == "disabled"  ? Thinking::Kind::kDisabled
                  : type == "enabled" ? Thinking::Kind::kEnabled
                                      : Thinking::Kind::kAdaptive;
  thinking.omitted = text_of(members, "display") == "omitted";
  if (const auto budget = find(members, "budget_tokens")) {
    if (budget->get_int64().get(thinking.budget_tokens))
      return invalid("thinking.budget_tokens", "Input should be a valid integer");
  }
  return absl::OkStatus();
}

absl::Status read_output(const dom::object& object, MessagesRequest& request) {
  // `output_format` is what it was called in its beta.
  std::optional<Json> format = find(object, "output_format");
  dom::object config;
  if (const auto value = find(object, "output_config"); value && !value->get_object().get(config)) {
    request.effort = text_of(config, "effort");
    if (const auto newer = find(config, "format"))
      format = newer;
  }
  dom::object members;
  if (!format || format->get_object().get(members))
    return absl::OkStatus();
  request.output_schema = find(members, "schema");
  if (!request.output_schema || !request.output_schema->is_object())
    return invalid("output_config.format.schema", "Field required");
  return absl::OkStatus();
}

absl::Status read_sampling(const dom::object& object, bool needs_max_tokens, MessagesRequest& request) {
  absl::Status status = read_integer(object, "max_tokens", request.max_tokens);
  if (status.ok() && needs_max_tokens && !request.max_tokens)
    status = invalid("max_tokens", "Field required");
  if (status.ok() && request.max_tokens && *request.max_tokens < 0)
    status = invalid("max_tokens", "Input should be greater than or equal to 0");
  if (status.ok())
    status = read_number(object, "temperature", request.temperature);
  if (status.ok())
    status = read_number(object, "top_p", request.top_p);
  if (status.ok())
    status = read_integer(object, "top_k", request.top_k);
  if (status.ok())
    status = read_stop_sequences(object, request.stop_sequences);
  return status;
}

}  // namespace

std::string to_json(const Json& value) {
  return simdjson::minify(value);
}

std::string_view MessagesRequest::tool_name(std::string_view id) const {
  for (const Turn& turn : turns) {
    for (const Block& block : turn.blocks) {
      if (block.kind == Block::Kind::kToolUse && block.id == id)
        return block.name;
    }
  }
  return {};
}

absl::StatusOr<MessagesRequest> RequestReader::read(std::string_view body, bool needs_max_tokens) {
  MessagesRequest request;
  dom::element document;
  dom::object object;
  if (const auto failed = parser_.parse(body.data(), body.size()).get(document)) {
    return invalid("", fmt::format("The request body is not valid JSON: {}.", simdjson::error_message(failed)));
  }
  if (document.get_object().get(object))
    return invalid("", "The request body should be a JSON object.");
  absl::Status status = read_text(object, "model", "", request.model);
  request.stream = flag_of(object, "stream");
  if (status.ok())
    status = read_sampling(object, needs_max_tokens, request);
  if (const auto system = find(object, "system"); status.ok() && system)
    status = read_blocks(*system, "system", 0, request.system);
  if (status.ok())
    status = read_turns(object, request.turns);
  if (status.ok())
    status = check_results(request.turns);
  if (status.ok())
    status = read_tools(object, request.tools);
  if (status.ok())
    status = read_tool_choice(object, request.tool_choice);
  if (status.ok())
    status = read_thinking(object, request.thinking);
  if (status.ok())
    status = read_output(object, request);
  if (!status.ok())
    return status;
  dom::object metadata;
  if (const auto value = find(object, "metadata"); value && !value->get_object().get(metadata))
    request.user_id = text_of(metadata, "user_id");
  return request;
}

}  // namespace tollgate::translation
