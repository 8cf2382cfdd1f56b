#include "services/provider_adapter/openai/request.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "services/common/base/digest.h"
#include "services/common/base/errors.h"
#include "services/common/base/json_writer.h"
#include "services/provider_adapter/openai/client_tools.h"
#include "services/provider_adapter/openai/reasoning.h"

namespace tollgate::openai {
namespace {

using translation::Block;
using translation::Json;
using translation::MessagesRequest;
using translation::Source;
using translation::Thinking;
using translation::to_json;
using translation::Tool;
using translation::ToolChoice;
using translation::Turn;

absl::Status unsupported(const RequestContext& context, std::string_view where, std::string_view what) {
  return error(v1::Failure::KIND_UNSUPPORTED,
               fmt::format("{}: {} at upstream {}, model {}.", where, what, context.upstream, context.model));
}

// A piece of a user's message.
struct Part {
  enum class Kind { kText, kImage, kFile };
  Kind kind = Kind::kText;
  std::string text = {};
  // Of a file.
  std::string name = {};
  const std::optional<Json>* cache_control = nullptr;
};

std::string data_url(const Source& source) {
  return fmt::format("data:{};base64,{}", source.media_type, source.data);
}

std::string headed(const Block& block, std::string_view text) {
  std::string out;
  if (!block.title.empty())
    out.append("# ").append(block.title).append("\n\n");
  if (!block.context.empty())
    out.append(block.context).append("\n\n");
  return out.append(text);
}

std::string joined_text(const std::vector<Block>& blocks) {
  std::string out;
  for (const Block& block : blocks) {
    if (block.text.empty() || block.kind != Block::Kind::kText)
      continue;
    out.append(out.empty() ? "" : "\n\n").append(block.text);
  }
  return out;
}

// What the upstream's own tools did, for a model that has none of them: names, titles and addresses.
std::string told_server_tool(const Block& block) {
  if (block.kind == Block::Kind::kServerToolUse) {
    Json input;
    simdjson::dom::object members;
    const bool has_input = !block.raw.get_object().get(members) && !members.at_key("input").get(input);
    return fmt::format("[Tool {} was run with {}]", block.name, has_input ? to_json(input) : "{}");
  }
  std::string out = fmt::format("[Result of {}]", block.type.substr(0, block.type.find("_tool_result")));
  simdjson::dom::array results;
  if (block.raw.at_key("content").get_array().get(results))
    return out;
  for (const Json item : results) {
    std::string_view title;
    std::string_view url;
    if (!item.at_key("url").get_string().get(url))
      out.append(fmt::format("\n- {} {}", item.at_key("title").get_string().get(title) ? "" : title, url));
  }
  return out;
}

class Writer {
 public:
  Writer(const MessagesRequest& request, const RequestContext& context)
      : request_(request), context_(context), quirks_(context.quirks), json_(out_) {}

  absl::StatusOr<std::string> write();

 private:
  absl::Status messages();
  void system();
  absl::Status turn(std::size_t number);
  absl::Status user(const Turn& turn, const Turn* system_behind);
  absl::Status assistant(const Turn& turn, bool last);
  void mid_system(const Turn& turn);
  absl::Status user_part(const Block& block, const std::string& where, bool in_result, std::vector<Part>& parts);
  absl::Status tool_result(const Block& block, const std::string& where, std::vector<Part>& behind);
  void content(const std::vector<Part>& parts);
  void text_part(std::string_view text, const std::optional<Json>* cache_control);
  void reasoning(const Turn& turn);
  absl::Status tools();
  void tool_choice();
  void sampling();
  void thinking();
  void output_format();

  std::string_view system_role() const {
    return quirks_.system_role == Quirks::SystemRole::kDeveloper ? "developer" : "system";
  }
  bool cached(const std::optional<Json>* cache_control) const {
    return quirks_.cache_control && cache_control != nullptr && cache_control->has_value();
  }

  const MessagesRequest& request_;
  const RequestContext& context_;
  const Quirks& quirks_;
  std::string out_;
  JsonWriter json_;
};

void Writer::text_part(std::string_view text, const std::optional<Json>* cache_control) {
  json_.begin_object().member("type", "text").member("text", text);
  if (cached(cache_control))
    json_.raw_member("cache_control", to_json(**cache_control));
  json_.end_object();
}

void Writer::system() {
  std::vector<Part> parts;
  const auto add = [&parts](const Block& block) {
    // Changes with every session and means nothing to any model but would keep its cache cold.
    if (block.kind != Block::Kind::kText || block.text.empty() || block.text.starts_with("x-anthropic-billing-header"))
      return;
    parts.push_back({Part::Kind::kText, std::string(block.text), "", &block.cache_control});
  };
  std::for_each(request_.system.begin(), request_.system.end(), add);
  if (quirks_.mid_system == Quirks::MidSystem::kHoist) {
    for (const Turn& turn : request_.turns) {
      if (turn.role == Turn::Role::kSystem)
        std::for_each(turn.blocks.begin(), turn.blocks.end(), add);
    }
  }
  if (request_.output_schema && quirks_.response_format != Quirks::ResponseFormat::kJsonSchema) {
    parts.push_back({Part::Kind::kText, "Answer with nothing but a JSON object that fits this JSON schema:\n" +
                                            to_json(*request_.output_schema)});
  }
  if (parts.empty())
    return;
  json_.begin_object().member("role", system_role()).key("content");
  const bool marked =
      std::any_of(parts.begin(), parts.end(), [this](const Part& part) { return cached(part.cache_control); });
  if (marked) {
    content(parts);
  } else {
    json_.open_string();
    for (const Part& part : parts) {
      if (&part != parts.data())
        json_.string_part("\n\n");
      json_.string_part(part.text);
    }
    json_.close_string();
  }
  json_.end_object();
}

void Writer::content(const std::vector<Part>& parts) {
  if (parts.size() == 1 && parts[0].kind == Part::Kind::kText && !cached(parts[0].cache_control)) {
    json_.string(parts[0].text);
    return;
  }
  json_.begin_array();
  for (const Part& part : parts) {
    if (part.kind == Part::Kind::kText) {
      text_part(part.text, part.cache_control);
    } else if (part.kind == Part::Kind::kImage) {
      json_.begin_object().member("type", "image_url").key("image_url").begin_object().member("url", part.text);
      json_.end_object().end_object();
    } else {
      json_.begin_object().member("type", "file").key("file").begin_object();
      json_.member("filename", part.name).member("file_data", part.text).end_object().end_object();
    }
  }
  json_.end_array();
}

absl::Status Writer::user_part(const Block& block, const std::string& where, bool in_result, std::vector<Part>& parts) {
  const auto text = [&](std::string value) {
    if (!value.empty())
      parts.push_back({Part::Kind::kText, std::move(value), "", &block.cache_control});
    return absl::OkStatus();
  };
  switch (block.kind) {
    case Block::Kind::kText:
      return text(std::string(block.text));
    case Block::Kind::kImage:
      if (!quirks_.images) {
        // A tool's result stays in the conversation: to refuse it would end the session.
        if (in_result)
          return text("[image left out: this model takes none]");
        return unsupported(context_, where, "images are not taken");
      }
      if (block.source.kind == Source::Kind::kFile)
        return unsupported(context_, where, "files of the Files API are not known");
      parts.push_back({Part::Kind::kImage, block.source.kind == Source::Kind::kUrl ? std::string(block.source.data)
                                                                                   : data_url(block.source)});
      return absl::OkStatus();
    case Block::Kind::kDocument:
      if (block.source.kind == Source::Kind::kText)
        return text(headed(block, block.source.data));
      if (block.source.kind == Source::Kind::kContent)
        return text(headed(block, joined_text(block.content)));
      if (block.source.kind != Source::Kind::kBase64 || !quirks_.documents) {
        if (in_result)
          return text("[document left out: this model takes none]");
        return unsupported(context_, where,
                           block.source.kind == Source::Kind::kBase64 ? "documents other than text are not taken"
                                                                      : "documents by URL or file id are not taken");
      }
      parts.push_back(
          {Part::Kind::kFile, data_url(block.source), block.title.empty() ? "document.pdf" : std::string(block.title)});
      return absl::OkStatus();
    case Block::Kind::kSearchResult:
      return text(fmt::format("# {}\n{}\n\n{}", block.title, block.source.data, joined_text(block.content)));
    case Block::Kind::kServerToolUse:
    case Block::Kind::kServerToolResult:
      return text(told_server_tool(block));
    default:
      break;
  }
  if (block.type == "tool_reference") {
    std::string_view name;
    if (block.raw.at_key("tool_name").get_string().get(name))
      name = block.name;
    return text(fmt::format("[Tool {} is available]", name));
  }
  return unsupported(context_, where, fmt::format("blocks of the type {} are not taken", block.type));
}

absl::Status Writer::tool_result(const Block& block, const std::string& where, std::vector<Part>& behind) {
  std::vector<Part> parts;
  for (const Block& inner : block.content) {
    const absl::Status status = user_part(inner, where, true, parts);
    if (!status.ok())
      return status;
  }
  // The message of a tool is text: whatever else it gave follows in the user's.
  std::string text = block.is_error ? "[tool error] " : "";
  std::size_t beyond = 0;
  for (Part& part : parts) {
    if (part.kind != Part::Kind::kText) {
      ++beyond;
      behind.push_back(std::move(part));
      continue;
    }
    text.append(&part == parts.data() ? "" : "\n\n").append(part.text);
  }
  if (beyond > 0) {
    text.append(text.empty() ? "" : "\n\n")
        .append(fmt::format("[{} image or document of this result follows in the next message]", beyond));
  }
  if (text.empty())
    text = "(no output)";
  json_.begin_object().member("role", "tool").member("tool_call_id", upstream_tool_id(block.id, quirks_.tool_id));
  json_.key("content");
  if (cached(&block.cache_control)) {
    json_.begin_array();
    text_part(text, &block.cache_control);
    json_.end_array();
  } else {
    json_.string(text);
  }
  json_.end_object();
  return absl::OkStatus();
}

void Writer::mid_system(const Turn& turn) {
  const std::string text = joined_text(turn.blocks);
  if (!text.empty())
    json_.begin_object().member("role", system_role()).member("content", text).end_object();
}

absl::Status Writer::user(const Turn& turn, const Turn* system_behind) {
  const std::string where = fmt::format("messages.{}", turn.index);
  // The results of tools stand right behind the calls, whatever the client put between.
  std::vector<Part> parts;
  bool answered = false;
  for (const Block& block : turn.blocks) {
    if (block.kind != Block::Kind::kToolResult)
      continue;
    const absl::Status status = tool_result(block, where, parts);
    if (!status.ok())
      return status;
    answered = true;
  }
  for (const Block& block : turn.blocks) {
    if (block.kind == Block::Kind::kToolResult)
      continue;
    const absl::Status status = user_part(block, where, false, parts);
    if (!status.ok())
      return status;
  }
  // Models answer nothing when the system has the last word.
  if (system_behind != nullptr)
    mid_system(*system_behind);
  if (parts.empty())
    return absl::OkStatus();
  if (answered && quirks_.assistant_after_tools)
    json_.begin_object().member("role", "assistant").member("content", "I have the results.").end_object();
  json_.begin_object().member("role", "user").key("content");
  content(parts);
  json_.end_object();
  return absl::OkStatus();
}

void Writer::reasoning(const Turn& turn) {
  using Replay = Quirks::ReplayReasoning;
  const Replay replay = quirks_.replay_reasoning;
  if (replay == Replay::kNone)
    return;
  std::string text;
  ReasoningDetails details;
  for (const Block& block : turn.blocks) {
    const bool redacted = block.kind == Block::Kind::kRedactedThinking;
    if (!redacted && block.kind != Block::Kind::kThinking)
      continue;
    // Only what this very model thought: another one's is no use to it, or refused.
    const std::optional<std::string> payload = context_.envelopes.open_for(redacted ? block.text : block.signature,
                                                                           "openai", context_.upstream, context_.model);
    if (!payload)
      continue;
    if (!redacted)
      text.append(block.text);
    details.add_all(*payload);
  }
  if (replay == Replay::kReasoningDetails) {
    if (!details.empty())
      json_.raw_member("reasoning_details", details.json(true));
  } else if (!text.empty() || replay == Replay::kRequired) {
    json_.member(replay == Replay::kReasoning ? "reasoning" : "reasoning_content", text);
  }
}

absl::Status Writer::assistant(const Turn& turn, bool last) {
  std::string text;
  bool adjacent = false;
  std::vector<const Block*> calls;
  for (const Block& block : turn.blocks) {
    const bool is_text = block.kind == Block::Kind::kText;
    if (is_text && !block.text.empty()) {
      text.append(text.empty() || adjacent ? "" : "\n\n").append(block.text);
    } else if (block.kind == Block::Kind::kServerToolUse || block.kind == Block::Kind::kServerToolResult) {
      text.append(text.empty() ? "" : "\n\n").append(told_server_tool(block));
    } else if (block.kind == Block::Kind::kToolUse) {
      calls.push_back(&block);
    }
    adjacent = is_text;
  }
  // Nothing is left of a turn of foreign thinking.
  if (text.empty() && calls.empty())
    return absl::OkStatus();
  if (last && quirks_.prefill == Quirks::Prefill::kNone) {
    return unsupported(context_, fmt::format("messages.{}", turn.index),
                       "a last message of the assistant's (prefill) cannot be continued");
  }
  json_.begin_object().member("role", "assistant").key("content");
  if (text.empty()) {
    json_.null();
  } else {
    json_.string(text);
  }
  reasoning(turn);
  if (!calls.empty()) {
    json_.key("tool_calls").begin_array();
    for (const Block* call : calls) {
      json_.begin_object().member("id", upstream_tool_id(call->id, quirks_.tool_id)).member("type", "function");
      json_.key("function").begin_object().member("name", upstream_tool_name(call->name));
      json_.member("arguments", to_json(*call->input)).end_object().end_object();
    }
    json_.end_array();
  }
  if (last && quirks_.prefill == Quirks::Prefill::kPrefix)
    json_.member("prefix", true);
  if (last && quirks_.prefill == Quirks::Prefill::kPartial)
    json_.member("partial", true);
  json_.end_object();
  return absl::OkStatus();
}

absl::Status Writer::turn(std::size_t number) {
  const std::vector<Turn>& turns = request_.turns;
  const Turn& turn = turns[number];
  const bool native = quirks_.mid_system == Quirks::MidSystem::kNative;
  const bool before_last = number + 2 == turns.size() && turns.back().role == Turn::Role::kSystem;
  switch (turn.role) {
    case Turn::Role::kSystem:
      // Said before the user's words when it is the last of all; see user().
      if (native && !(number + 1 == turns.size() && turns[number - 1].role == Turn::Role::kUser))
        mid_system(turn);
      return absl::OkStatus();
    case Turn::Role::kUser:
      return user(turn, native && before_last ? &turns.back() : nullptr);
    case Turn::Role::kAssistant:
      return assistant(turn, number + 1 == turns.size());
  }
  return absl::OkStatus();
}

absl::Status Writer::messages() {
  json_.key("messages").begin_array();
  system();
  for (std::size_t number = 0; number < request_.turns.size(); ++number) {
    const absl::Status status = turn(number);
    if (!status.ok())
      return status;
  }
  json_.end_array();
  return absl::OkStatus();
}

// OpenAI wants `properties` in every object at the top.
void append_parameters(JsonWriter& json, const Json& schema) {
  simdjson::dom::object members;
  Json unused;
  if (schema.get_object().get(members) || !members.at_key("properties").get(unused)) {
    json.raw(to_json(schema));
    return;
  }
  json.begin_object();
  bool typed = false;
  for (const auto& [name, value] : members) {
    typed |= name == "type";
    json.raw_member(name, to_json(value));
  }
  if (!typed)
    json.member("type", "object");
  json.key("properties").begin_object().end_object().end_object();
}

absl::Status Writer::tools() {
  if (request_.tools.empty())
    return absl::OkStatus();
  json_.key("tools").begin_array();
  for (const Tool& tool : request_.tools) {
    const ClientTool* known = tool.custom() ? nullptr : client_tool(tool.type);
    if (!tool.custom() && known == nullptr) {
      return unsupported(context_, fmt::format("tools.{}", &tool - request_.tools.data()),
                         fmt::format("the tool {} is not known", tool.type));
    }
    json_.begin_object().member("type", "function").key("function").begin_object();
    json_.member("name", upstream_tool_name(tool.name));
    const std::string_view description = known != nullptr ? known->description : tool.description;
    if (!description.empty())
      json_.member("description", description);
    json_.key("parameters");
    if (known != nullptr) {
      json_.raw(known->parameters);
    } else {
      append_parameters(json_, *tool.input_schema);
    }
    if (quirks_.strict_tools && tool.strict.value_or(false))
      json_.member("strict", true);
    json_.end_object();
    if (cached(&tool.cache_control))
      json_.raw_member("cache_control", to_json(*tool.cache_control));
    json_.end_object();
  }
  json_.end_array();
  return absl::OkStatus();
}

void Writer::tool_choice() {
  if (request_.tools.empty() || !request_.tool_choice)
    return;
  const ToolChoice& choice = *request_.tool_choice;
  json_.key("tool_choice");
  switch (choice.kind) {
    case ToolChoice::Kind::kAuto:
      json_.string("auto");
      break;
    case ToolChoice::Kind::kAny:
      json_.string("required");
      break;
    case ToolChoice::Kind::kNone:
      json_.string("none");
      break;
    case ToolChoice::Kind::kTool:
      json_.begin_object().member("type", "function").key("function").begin_object();
      json_.member("name", upstream_tool_name(choice.name)).end_object().end_object();
      break;
  }
  if (choice.disable_parallel && quirks_.parallel_tool_calls)
    json_.member("parallel_tool_calls", false);
}

void Writer::sampling() {
  // 0 warms Anthropic's cache; nobody else takes it.
  if (request_.max_tokens) {
    json_.member(
        quirks_.max_tokens_field == Quirks::MaxTokensField::kMaxTokens ? "max_tokens" : "max_completion_tokens",
        std::max<std::int64_t>(1, *request_.max_tokens));
  }
  if (quirks_.temperature_allowed) {
    if (request_.temperature)
      json_.member("temperature", *request_.temperature);
    if (request_.top_p)
      json_.member("top_p", *request_.top_p);
  }
  if (quirks_.top_k && request_.top_k)
    json_.member("top_k", *request_.top_k);
  const std::size_t stops = std::min<std::size_t>(quirks_.stop_max, request_.stop_sequences.size());
  if (stops > 0) {
    json_.key("stop").begin_array();
    for (std::size_t i = 0; i < stops; ++i)
      json_.string(request_.stop_sequences[i]);
    json_.end_array();
  }
  if (!request_.user_id.empty() && quirks_.user_field != Quirks::UserField::kNone) {
    // Who it is stays here: the upstream gets the same 64 letters for the same user.
    json_.member(quirks_.user_field == Quirks::UserField::kUser ? "user" : "safety_identifier",
                 sha256_hex(request_.user_id));
  }
}

// The efforts that every model with efforts has.
std::string_view effort_of(const MessagesRequest& request) {
  if (request.effort == "low" || request.effort == "medium" || request.effort == "high")
    return request.effort;
  if (!request.effort.empty())
    return "high";
  if (request.thinking.kind == Thinking::Kind::kDisabled)
    return "low";
  if (request.thinking.kind != Thinking::Kind::kEnabled)
    return {};
  constexpr std::int64_t kLow = 4096;
  constexpr std::int64_t kMedium = 16384;
  const std::int64_t budget = request.thinking.budget_tokens;
  return budget < kLow ? "low" : budget < kMedium ? "medium" : "high";
}

void Writer::thinking() {
  const Thinking& thinking = request_.thinking;
  const std::string_view effort = effort_of(request_);
  const bool said = thinking.kind != Thinking::Kind::kUnset;
  switch (quirks_.effort_form) {
    case Quirks::EffortForm::kNone:
      return;
    case Quirks::EffortForm::kOpenAi:
      if (!effort.empty())
        json_.member("reasoning_effort", effort);
      return;
    case Quirks::EffortForm::kOpenRouter:
      if (!said && request_.effort.empty())
        return;
      json_.key("reasoning").begin_object();
      if (thinking.kind == Thinking::Kind::kDisabled) {
        json_.member("enabled", false);
      } else if (!request_.effort.empty()) {
        json_.member("effort", effort);
      } else if (thinking.budget_tokens > 0) {
        json_.member("max_tokens", thinking.budget_tokens);
      } else {
        json_.member("enabled", true);
      }
      json_.end_object();
      return;
    case Quirks::EffortForm::kThinkingToggle:
      if (said)
        json_.key("thinking").begin_object().member("type", thinking.on() ? "enabled" : "disabled").end_object();
      return;
    case Quirks::EffortForm::kChatTemplate:
      if (said)
        json_.key("chat_template_kwargs").begin_object().member("enable_thinking", thinking.on()).end_object();
      return;
  }
}

void Writer::output_format() {
  if (!request_.output_schema || quirks_.response_format == Quirks::ResponseFormat::kNone)
    return;
  json_.key("response_format").begin_object();
  if (quirks_.response_format == Quirks::ResponseFormat::kJsonObject) {
    json_.member("type", "json_object");
  } else {
    json_.member("type", "json_schema").key("json_schema").begin_object().member("name", "output");
    json_.member("strict", true).raw_member("schema", to_json(*request_.output_schema)).end_object();
  }
  json_.end_object();
}

absl::StatusOr<std::string> Writer::write() {
  json_.begin_object().member("model", context_.model);
  absl::Status status = messages();
  if (status.ok())
    status = tools();
  if (!status.ok())
    return status;
  tool_choice();
  sampling();
  thinking();
  output_format();
  if (request_.stream) {
    json_.member("stream", true);
    if (quirks_.stream_usage)
      json_.key("stream_options").begin_object().member("include_usage", true).end_object();
  }
  const bool prefilled = request_.turns.back().role == Turn::Role::kAssistant;
  if (prefilled && quirks_.prefill == Quirks::Prefill::kContinue)
    json_.member("add_generation_prompt", false).member("continue_final_message", true);
  json_.end_object();
  return std::move(out_);
}

}  // namespace

absl::StatusOr<std::string> chat_request(const MessagesRequest& request, const RequestContext& context) {
  return Writer(request, context).write();
}

ToolNames renamed_tools(const MessagesRequest& request) {
  ToolNames names;
  for (const Tool& tool : request.tools) {
    std::string name = upstream_tool_name(tool.name);
    if (name != tool.name)
      names.emplace(std::move(name), tool.name);
  }
  return names;
}

}  // namespace tollgate::openai
