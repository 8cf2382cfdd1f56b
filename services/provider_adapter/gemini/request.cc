#include "services/provider_adapter/gemini/request.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <vector>

#include "services/common/base/errors.h"
#include "services/common/base/json_writer.h"
#include "services/provider_adapter/gemini/model.h"
#include "services/provider_adapter/gemini/names.h"
#include "services/provider_adapter/gemini/schema.h"
#include "services/provider_adapter/gemini/thought.h"

namespace tollgate::gemini {
namespace {

using translation::Block;
using translation::MessagesRequest;
using translation::Source;
using translation::ToolChoice;
using translation::Turn;

constexpr std::size_t kStopSequences = 5;
// What Gemini 2.5 thinks at most, but for its pro models, which take as much.
constexpr std::int64_t kThinkingBudget = 24576;
constexpr std::int64_t kLeastBudget = 128;
// Of Claude Code's own accounting: it differs with every request and would defeat Google's cache of prefixes.
constexpr std::string_view kBillingHeader = "x-anthropic-billing-header";

absl::Status unsupported(std::string_view what, std::string_view upstream, std::string_view way_out) {
  return error(v1::Failure::KIND_UNSUPPORTED,
               fmt::format("{} cannot be sent to upstream {}, which speaks Gemini's API. {}", what, upstream, way_out));
}

// The texts of a document, of a result or of a source, one a line.
void append_texts(const std::vector<Block>& blocks, std::string& out) {
  const auto add = [&out](std::string_view text) {
    if (text.empty())
      return;
    if (!out.empty())
      out += '\n';
    out.append(text);
  };
  for (const Block& block : blocks) {
    switch (block.kind) {
      case Block::Kind::kText:
        add(block.text);
        break;
      case Block::Kind::kSearchResult:
        add(block.title);
        add(block.source.data);
        append_texts(block.content, out);
        break;
      case Block::Kind::kDocument:
        if (block.source.kind != Source::Kind::kText && block.source.kind != Source::Kind::kContent)
          break;
        add(block.title);
        add(block.context);
        if (block.source.kind == Source::Kind::kText)
          add(block.source.data);
        append_texts(block.content, out);
        break;
      case Block::Kind::kOther:
        add(translation::to_json(block.raw));
        break;
      default:
        break;
    }
  }
}

bool is_media(const Block& block) {
  return block.kind == Block::Kind::kImage ||
         (block.kind == Block::Kind::kDocument && block.source.kind != Source::Kind::kText &&
          block.source.kind != Source::Kind::kContent);
}

// What the results of tools may hold in themselves; the rest stands beside them.
bool fits_result(const Block& block) {
  const std::string_view type = block.source.media_type;
  return block.source.kind == Source::Kind::kBase64 &&
         (type == "image/png" || type == "image/jpeg" || type == "image/webp" || type == "application/pdf");
}

std::string_view media_type(const Block& block) {
  if (!block.source.media_type.empty())
    return block.source.media_type;
  if (block.kind == Block::Kind::kDocument)
    return "application/pdf";
  std::string_view path = block.source.data.substr(0, block.source.data.find_first_of("?#"));
  for (const auto& [ending, type] : {std::pair(".png", "image/png"), {".webp", "image/webp"}, {".gif", "image/gif"}}) {
    if (path.ends_with(ending))
      return type;
  }
  return "image/jpeg";
}

// The parts of one content, each behind a comma but the first.
class Parts {
 public:
  JsonWriter begin() {
    if (!text_.empty())
      text_ += ',';
    return JsonWriter(text_);
  }
  const std::string& text() const { return text_; }
  bool empty() const { return text_.empty(); }
  void append(Parts&& others) {
    if (text_.empty()) {
      text_ = std::move(others.text_);
    } else if (!others.empty()) {
      text_.append(",").append(others.text_);
    }
  }

 private:
  std::string text_;
};

struct Content {
  bool model = false;
  // Of tools, which come first.
  Parts results;
  Parts parts;
};

class Writer {
 public:
  Writer(const MessagesRequest& request, const Destination& destination, const translation::Envelopes& envelopes,
         std::string& out)
      : request_(request),
        destination_(destination),
        envelopes_(envelopes),
        control_(thinking_control(destination.model)),
        out_(out) {}

  // The members that both calls have, without braces around them.
  absl::Status prompt() {
    system();
    absl::Status status = tools();
    if (status.ok())
      status = contents();
    return status;
  }

  absl::Status generation() {
    tool_choice();
    if (request_.stop_sequences.size() > kStopSequences) {
      return unsupported(fmt::format("stop_sequences: {} of them", request_.stop_sequences.size()),
                         destination_.upstream, fmt::format("At most {} are taken.", kStopSequences));
    }
    comma();
    JsonWriter json(out_);
    json.key("generationConfig").begin_object();
    if (request_.max_tokens)
      json.member("maxOutputTokens", std::max<std::int64_t>(1, *request_.max_tokens));
    if (request_.temperature)
      json.member("temperature", *request_.temperature);
    if (request_.top_p)
      json.member("topP", *request_.top_p);
    if (request_.top_k)
      json.member("topK", *request_.top_k);
    if (!request_.stop_sequences.empty()) {
      json.key("stopSequences").begin_array();
      for (const std::string_view sequence : request_.stop_sequences)
        json.string(sequence);
      json.end_array();
    }
    if (request_.output_schema) {
      json.member("responseMimeType", "application/json").key("responseSchema").raw("");
      append_schema(out_, *request_.output_schema);
    }
    thinking(json);
    json.end_object();
    return absl::OkStatus();
  }

 private:
  void comma() {
    if (!out_.empty() && out_.back() != '{')
      out_ += ',';
  }

  void system() {
    Parts parts;
    for (const Block& block : request_.system) {
      if (block.kind == Block::Kind::kText && !block.text.empty() && !block.text.starts_with(kBillingHeader))
        parts.begin().begin_object().member("text", block.text).end_object();
    }
    if (parts.empty())
      return;
    comma();
    out_.append(R"("systemInstruction":{"parts":[)").append(parts.text()).append("]}");
  }

  absl::Status tools() {
    if (request_.tools.empty())
      return absl::OkStatus();
    comma();
    JsonWriter json(out_);
    json.key("tools").begin_array().begin_object().key("functionDeclarations").begin_array();
    for (const translation::Tool& tool : request_.tools) {
      if (!tool.custom()) {
        return unsupported(fmt::format("tools: \"{}\", a tool of Anthropic's own ({}),", tool.name, tool.type),
                           destination_.upstream, "Leave it out, or route the request to a Claude model.");
      }
      json.begin_object().member("name", function_name(tool.name));
      if (!tool.description.empty())
        json.member("description", tool.description);
      if (tool.input_schema && has_properties(*tool.input_schema)) {
        json.key("parameters").raw("");
        append_schema(out_, *tool.input_schema);
      }
      json.end_object();
    }
    json.end_array().end_object().end_array();
    return absl::OkStatus();
  }

  void tool_choice() {
    if (request_.tools.empty())
      return;
    const bool strict = std::any_of(request_.tools.begin(), request_.tools.end(),
                                    [](const translation::Tool& tool) { return tool.strict.value_or(false); });
    const ToolChoice choice = request_.tool_choice.value_or(ToolChoice());
    std::string_view mode = strict ? "VALIDATED" : "";
    if (choice.kind == ToolChoice::Kind::kAny || choice.kind == ToolChoice::Kind::kTool)
      mode = "ANY";
    else if (choice.kind == ToolChoice::Kind::kNone)
      mode = "NONE";
    if (mode.empty())
      return;
    comma();
    JsonWriter json(out_);
    json.key("toolConfig").begin_object().key("functionCallingConfig").begin_object().member("mode", mode);
    if (choice.kind == ToolChoice::Kind::kTool)
      json.key("allowedFunctionNames").begin_array().string(function_name(choice.name)).end_array();
    json.end_object().end_object();
  }

  void thinking(JsonWriter& json) {
    const translation::Thinking& asked = request_.thinking;
    const bool unset = asked.kind == translation::Thinking::Kind::kUnset && request_.effort.empty();
    if (control_ == ThinkingControl::kNone || unset)
      return;
    const bool off = asked.kind == translation::Thinking::Kind::kDisabled;
    json.key("thinkingConfig").begin_object();
    if (asked.on() && !asked.omitted)
      json.member("includeThoughts", true);
    if (control_ == ThinkingControl::kLevel) {
      const std::string_view level = off ? "low" : thinking_level();
      if (!level.empty())
        json.member("thinkingLevel", level);
    } else {
      json.member("thinkingBudget", off ? (must_think(destination_.model) ? kLeastBudget : 0) : thinking_budget());
    }
    json.end_object();
  }

  // Empty: the model's own.
  std::string_view thinking_level() const {
    if (!request_.effort.empty()) {
      if (request_.effort == "low" || request_.effort == "medium")
        return request_.effort;
      return "high";
    }
    const std::int64_t budget = request_.thinking.budget_tokens;
    if (budget == 0)
      return {};
    return budget <= 4096 ? "low" : budget <= 16384 ? "medium" : "high";
  }

  // -1: as much as the model finds right.
  std::int64_t thinking_budget() const {
    if (request_.thinking.budget_tokens > 0)
      return std::clamp(request_.thinking.budget_tokens, kLeastBudget, kThinkingBudget);
    if (request_.effort == "low")
      return 1024;
    if (request_.effort == "medium")
      return 8192;
    return request_.effort.empty() ? -1 : kThinkingBudget;
  }

  absl::Status contents() {
    for (const Turn& turn : request_.turns) {
      const bool model = turn.role == Turn::Role::kAssistant;
      thought_ = Thought();
      signed_call_ = false;
      const absl::Status status = model ? assistant(turn) : user(turn);
      if (!status.ok())
        return status;
      end_turn(model);
    }
    if (contents_.empty()) {
      return error(v1::Failure::KIND_INVALID_REQUEST,
                   "messages: nothing is left to send: every message is empty, or the thinking of another model.");
    }
    comma();
    out_.append(R"("contents":[)");
    for (const Content& content : contents_) {
      if (&content != &contents_.front())
        out_ += ',';
      out_.append(content.model ? R"({"role":"model","parts":[)" : R"({"role":"user","parts":[)");
      out_.append(content.results.text());
      if (!content.results.empty() && !content.parts.empty())
        out_ += ',';
      out_.append(content.parts.text()).append("]}");
    }
    out_ += ']';
    return absl::OkStatus();
  }

  // Turns of one role that follow each other are one content, and a turn of nothing parts none: Google wants results
  // right behind their calls, first and all together.
  void end_turn(bool model) {
    if (results_.empty() && parts_.empty())
      return;
    if (contents_.empty() || contents_.back().model != model)
      contents_.emplace_back().model = model;
    contents_.back().results.append(std::exchange(results_, Parts()));
    contents_.back().parts.append(std::exchange(parts_, Parts()));
  }

  void text(std::string_view text) {
    if (!text.empty())
      parts_.begin().begin_object().member("text", text).end_object();
  }

  static void inline_data(JsonWriter& json, const Block& block) {
    json.key("inlineData").begin_object().member("mimeType", media_type(block)).member("data", block.source.data);
    json.end_object();
  }

  absl::Status media(const Block& block) {
    if (!block.title.empty())
      text(block.title);
    if (!block.context.empty())
      text(block.context);
    JsonWriter json = parts_.begin();
    switch (block.source.kind) {
      case Source::Kind::kBase64:
        json.begin_object();
        inline_data(json, block);
        json.end_object();
        return absl::OkStatus();
      case Source::Kind::kUrl:
        json.begin_object().key("fileData").begin_object();
        json.member("mimeType", media_type(block)).member("fileUri", block.source.data).end_object().end_object();
        return absl::OkStatus();
      default:
        return unsupported(fmt::format("A block of type \"{}\" with a file of Anthropic's Files API", block.type),
                           destination_.upstream, "Send its bytes as base64 instead.");
    }
  }

  absl::Status user(const Turn& turn) {
    for (const Block& block : turn.blocks) {
      absl::Status status;
      switch (block.kind) {
        case Block::Kind::kText:
          // Where it stood and not in the system instruction: that would change the prefix, which Google caches.
          if (turn.role == Turn::Role::kSystem && !block.text.empty())
            text(fmt::format("<system-reminder>\n{}\n</system-reminder>", block.text));
          else
            text(block.text);
          break;
        case Block::Kind::kImage:
          status = media(block);
          break;
        case Block::Kind::kDocument:
          if (is_media(block)) {
            status = media(block);
          } else {
            one_text(block);
          }
          break;
        case Block::Kind::kSearchResult:
          one_text(block);
          break;
        case Block::Kind::kToolResult:
          status = result(block);
          break;
        default:
          status = unsupported(fmt::format("messages.{}: a block of type \"{}\"", turn.index, block.type),
                               destination_.upstream, "Leave it out, or route the request to a Claude model.");
      }
      if (!status.ok())
        return status;
    }
    return absl::OkStatus();
  }

  void one_text(const Block& block) {
    std::string all;
    append_texts({block}, all);
    text(all);
  }

  absl::Status result(const Block& block) {
    const auto found = function_of_.find(block.id);
    const std::string_view function = found == function_of_.end() ? std::string_view() : found->second;
    std::string output;
    append_texts(block.content, output);
    JsonWriter json = results_.begin();
    json.begin_object().key("functionResponse").begin_object();
    if (const std::string_view id = id_of(block.id); !id.empty())
      json.member("id", id);
    json.member("name", function).key("response").begin_object();
    json.member(block.is_error ? "error" : "output", output).end_object();
    const bool within = control_ == ThinkingControl::kLevel;
    bool first = true;
    for (const Block& content : block.content) {
      if (!within || !is_media(content) || !fits_result(content))
        continue;
      if (std::exchange(first, false))
        json.key("parts").begin_array();
      json.begin_object();
      inline_data(json, content);
      json.end_object();
    }
    if (!first)
      json.end_array();
    json.end_object().end_object();
    for (const Block& content : block.content) {
      if (!is_media(content) || (within && fits_result(content)))
        continue;
      text(fmt::format("From the result of the tool {}:", function));
      const absl::Status status = media(content);
      if (!status.ok())
        return status;
    }
    return absl::OkStatus();
  }

  std::string_view id_of(std::string_view tool_use_id) const {
    return destination_.vertex ? std::string_view() : call_id(tool_use_id);
  }

  // `name` of a part, unless it is empty.
  static void signature(JsonWriter& json, std::string& signature) {
    if (!signature.empty())
      json.member("thoughtSignature", std::exchange(signature, std::string()));
  }

  // Blocks that Gemini has no word for (tools that Anthropic ran) are left out: they are history, and what came of them
  // stands in the texts around them.
  absl::Status assistant(const Turn& turn) {
    for (const Block& block : turn.blocks) {
      switch (block.kind) {
        case Block::Kind::kThinking:
          thought(block.signature, block.text);
          break;
        case Block::Kind::kRedactedThinking:
          thought(block.text, "");
          break;
        case Block::Kind::kText: {
          if (block.text.empty())
            break;
          JsonWriter json = parts_.begin();
          json.begin_object().member("text", block.text);
          signature(json, thought_.text);
          json.end_object();
          break;
        }
        case Block::Kind::kToolUse:
          call(block);
          break;
        default:
          break;
      }
    }
    return absl::OkStatus();
  }

  void thought(std::string_view sealed, std::string_view text) {
    if (destination_.without_signatures)
      return;
    const auto payload = envelopes_.open_for(sealed, kDialect, destination_.upstream, destination_.model);
    if (!payload)
      return;
    thought_ = from_payload(*payload);
    // Its text alone is worth nothing to the model.
    if (thought_.own.empty() || text.empty())
      return;
    JsonWriter json = parts_.begin();
    json.begin_object().member("text", text).member("thought", true);
    signature(json, thought_.own);
    json.end_object();
  }

  void call(const Block& block) {
    const std::string function = function_name(block.name);
    function_of_[block.id] = function;
    JsonWriter json = parts_.begin();
    json.begin_object().key("functionCall").begin_object();
    if (const std::string_view id = id_of(block.id); !id.empty())
      json.member("id", id);
    json.member("name", function).raw_member("args", translation::to_json(*block.input)).end_object();
    // Of calls side by side the first has the signature of all.
    if (thought_.call.empty() && !signed_call_ && control_ == ThinkingControl::kLevel)
      thought_.call = kNoSignature;
    signed_call_ |= !thought_.call.empty();
    signature(json, thought_.call);
    json.end_object();
  }

  const MessagesRequest& request_;
  const Destination& destination_;
  const translation::Envelopes& envelopes_;
  const ThinkingControl control_;
  std::string& out_;
  std::vector<Content> contents_;
  // Of the turn that is being read.
  Parts results_;
  Parts parts_;
  bool signed_call_ = false;
  // Signatures that wait for the part that they belong to.
  Thought thought_;
  // By the id of the tool use.
  std::unordered_map<std::string_view, std::string> function_of_;
};

}  // namespace

absl::StatusOr<std::string> generate_body(const MessagesRequest& request, const Destination& destination,
                                          const translation::Envelopes& envelopes) {
  std::string body = "{";
  Writer writer(request, destination, envelopes, body);
  absl::Status status = writer.prompt();
  if (status.ok())
    status = writer.generation();
  if (!status.ok())
    return status;
  body += '}';
  return body;
}

absl::StatusOr<std::string> count_body(const MessagesRequest& request, const Destination& destination,
                                       const translation::Envelopes& envelopes) {
  std::string body = "{";
  if (!destination.vertex) {
    // Only within it are system and tools counted.
    JsonWriter json(body);
    json.key("generateContentRequest").begin_object();
    json.member("model", fmt::format("models/{}", destination.model));
  }
  Writer writer(request, destination, envelopes, body);
  const absl::Status status = writer.prompt();
  if (!status.ok())
    return status;
  body.append(destination.vertex ? "}" : "}}");
  return body;
}

}  // namespace tollgate::gemini
