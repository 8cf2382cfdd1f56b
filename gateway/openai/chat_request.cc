#include "gateway/openai/chat_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "gateway/openai/json_read.h"
#include "gateway/openai/members.h"
#include "gateway/openai/tools.h"
#include "gateway/openai/turns.h"
#include "services/common/base/errors.h"
#include "services/common/base/json_writer.h"

namespace tollgate::chat {
namespace {

using simdjson::dom::array;
using simdjson::dom::object;

// More than almost any answer needs; more would only make the hold on a budget larger than it need be.
constexpr std::int64_t kMostByDefault = 32000;
constexpr std::int64_t kLeastBudget = 1024;
constexpr std::size_t kMaxSessionBytes = 256;

// The models of before efforts: the list is closed. `*`: all that begin so.
constexpr std::array<std::string_view, 9> kThinkByBudget = {
    "anthropic/claude-3*",         "anthropic/claude-opus-4",     "anthropic/claude-opus-4.0",
    "anthropic/claude-opus-4.1",   "anthropic/claude-opus-4.5",   "anthropic/claude-sonnet-4",
    "anthropic/claude-sonnet-4.0", "anthropic/claude-sonnet-4.5", "anthropic/claude-haiku-4.5"};

struct Effort {
  std::string_view asked;
  // Of output_config.
  std::string_view effort;
  // Of max_tokens, as a budget.
  int percent;
};
// Shares as OpenRouter's. Source: https://openrouter.ai/docs/use-cases/reasoning-tokens
constexpr std::array kEfforts = {Effort{"minimal", "low", 10},   Effort{"low", "low", 20},
                                 Effort{"medium", "medium", 50}, Effort{"high", "high", 80},
                                 Effort{"xhigh", "xhigh", 95},   Effort{"max", "max", 95}};

struct Reasoning {
  // Neither: not asked for.
  const Effort* effort = nullptr;
  std::int64_t budget = 0;
  bool off = false;
  bool exclude = false;

  bool wanted() const { return effort != nullptr || budget > 0; }
};

absl::Status read_effort(std::string_view path, Element value, Reasoning& reasoning) {
  const std::optional<std::string_view> text = text_of(value);
  const auto found =
      std::find_if(kEfforts.begin(), kEfforts.end(), [&](const Effort& row) { return row.asked == text; });
  reasoning.off = text == "none";
  if (found != kEfforts.end())
    reasoning.effort = &*found;
  else if (!reasoning.off)
    return bad(path, "expected none, minimal, low, medium, high, xhigh or max");
  return absl::OkStatus();
}

absl::Status read_flag(const object& from, std::string_view path, std::string_view name, bool& flag) {
  const std::optional<Element> value = find(from, name);
  if (value && value->get_bool().get(flag))
    return bad(fmt::format("{}{}", path, name), "expected true or false");
  return absl::OkStatus();
}

absl::Status read_reasoning(const object& request, Reasoning& reasoning) {
  bool include = true;
  if (absl::Status status = read_flag(request, "", "include_reasoning", include); !status.ok())
    return status;
  reasoning.exclude = !include;
  if (const std::optional<Element> effort = find(request, "reasoning_effort")) {
    if (absl::Status status = read_effort("reasoning_effort", *effort, reasoning); !status.ok())
      return status;
  }
  const std::optional<Element> value = find(request, "reasoning");
  if (!value)
    return absl::OkStatus();
  object wanted;
  if (value->get_object().get(wanted))
    return bad("reasoning", "expected an object");
  if (const std::optional<Element> effort = find(wanted, "effort")) {
    if (absl::Status status = read_effort("reasoning.effort", *effort, reasoning); !status.ok())
      return status;
  }
  if (const std::optional<Element> budget = find(wanted, "max_tokens");
      budget && (budget->get_int64().get(reasoning.budget) || reasoning.budget <= 0))
    return bad("reasoning.max_tokens", "expected a whole number above zero");
  if (absl::Status status = read_flag(wanted, "reasoning.", "exclude", reasoning.exclude); !status.ok())
    return status;
  const bool said = reasoning.wanted() || reasoning.off;
  bool enabled = said;
  if (absl::Status status = read_flag(wanted, "reasoning.", "enabled", enabled); !status.ok())
    return status;
  if (!enabled)
    reasoning = {
        .effort = nullptr, .budget = 0, .off = find(wanted, "enabled").has_value(), .exclude = reasoning.exclude};
  else if (!said)
    reasoning.effort = &kEfforts[2];
  return absl::OkStatus();
}

absl::StatusOr<std::int64_t> read_max_tokens(const object& request, std::int64_t by_default) {
  for (const std::string_view name : {"max_completion_tokens", "max_tokens"}) {
    const std::optional<Element> value = find(request, name);
    std::int64_t tokens = 0;
    if (value && (value->get_int64().get(tokens) || tokens <= 0))
      return bad(name, "expected a whole number above zero");
    if (value)
      return tokens;
  }
  return by_default;
}

absl::Status write_stop(const object& request, JsonWriter& json) {
  const std::optional<Element> stop = find(request, "stop");
  if (!stop)
    return absl::OkStatus();
  array list;
  if (const std::optional<std::string_view> text = text_of(*stop)) {
    json.key("stop_sequences").begin_array().string(*text).end_array();
  } else if (!stop->get_array().get(list) &&
             std::all_of(list.begin(), list.end(), [](Element each) { return each.is_string(); })) {
    json.raw_member("stop_sequences", json_of(*stop));
  } else {
    return bad("stop", "expected a string or an array of strings");
  }
  return absl::OkStatus();
}

void pass(const object& request, std::string_view name, JsonWriter& json) {
  if (const std::optional<Element> value = find(request, name))
    json.raw_member(name, json_of(*value));
}

void write_sampling(const object& request, JsonWriter& json) {
  pass(request, "temperature", json);
  // 1 is everybody's default, and newer models take only one of the two.
  double top_p = 1;
  const std::optional<Element> value = find(request, "top_p");
  if (value && (value->get_double().get(top_p) || top_p != 1))
    json.raw_member("top_p", json_of(*value));
  pass(request, "top_k", json);
}

void write_user(const object& request, JsonWriter& json) {
  for (const std::string_view name : {"user", "safety_identifier"}) {
    const std::optional<std::string_view> user = find_text(request, name);
    if (user && !user->empty()) {
      json.key("metadata").begin_object().member("user_id", *user).end_object();
      return;
    }
  }
}

void write_own_members(const object& request, JsonWriter& json) {
  for (const std::string_view name :
       {"provider", "models", "fallbacks", "session_id", "plugins", "route", "transforms", "trace", "cache_control"})
    pass(request, name, json);
  const std::optional<std::string_view> cache_key = find_text(request, "prompt_cache_key");
  if (cache_key && !find(request, "session_id") && cache_key->size() <= kMaxSessionBytes)
    json.member("session_id", *cache_key);
}

// `thinking` and, for models that go by it, the effort.
struct Thinking {
  std::string json;
  std::string_view effort;
};

Thinking by_budget(const Reasoning& reasoning, std::int64_t max_tokens) {
  const std::int64_t share = reasoning.effort != nullptr ? max_tokens / 100 * reasoning.effort->percent : 0;
  const std::int64_t asked = reasoning.budget > 0 ? reasoning.budget : share;
  const std::int64_t budget = std::max(asked, kLeastBudget);
  Thinking thinking;
  // What is thought comes out of max_tokens: something must be left.
  if (budget < max_tokens)
    JsonWriter(thinking.json).begin_object().member("type", "enabled").member("budget_tokens", budget).end_object();
  return thinking;
}

Thinking by_effort(const Reasoning& reasoning, std::int64_t max_tokens) {
  Thinking thinking;
  const std::string_view display = reasoning.exclude ? "omitted" : "summarized";
  JsonWriter(thinking.json).begin_object().member("type", "adaptive").member("display", display).end_object();
  if (reasoning.effort != nullptr) {
    thinking.effort = reasoning.effort->effort;
    return thinking;
  }
  // The effort whose share is nearest from above.
  const auto enough = std::find_if(kEfforts.begin() + 1, kEfforts.end(), [&](const Effort& row) {
    return max_tokens / 100 * row.percent >= reasoning.budget;
  });
  thinking.effort = enough == kEfforts.end() ? "high" : enough->effort;
  return thinking;
}

Thinking thinking_of(const object& request, const Reasoning& reasoning, const Turns& turns, const ModelTraits& traits,
                     std::int64_t max_tokens) {
  if (const std::optional<Element> own = find(request, "thinking"))
    return {.json = json_of(*own), .effort = {}};
  if (reasoning.off)
    return {.json = R"({"type":"disabled"})", .effort = {}};
  if (!reasoning.wanted() || forces_tool(request))
    return {};
  if (!traits.thinks_by_budget)
    return by_effort(reasoning, max_tokens);
  return turns.loop_without_thinking ? Thinking() : by_budget(reasoning, max_tokens);
}

void write_output_config(const AnswerForm& form, std::string_view effort, JsonWriter& json) {
  if (form.format.empty() && effort.empty())
    return;
  json.key("output_config").begin_object();
  if (!effort.empty())
    json.member("effort", effort);
  if (!form.format.empty())
    json.raw_member("format", form.format);
  json.end_object();
}

absl::Status read_options(const object& request, ChatOptions& options) {
  if (absl::Status status = read_flag(request, "", "stream", options.stream); !status.ok())
    return status;
  const std::optional<Element> value = find(request, "stream_options");
  object of_stream;
  if (value && value->get_object().get(of_stream))
    return bad("stream_options", "expected an object");
  if (value)
    return read_flag(of_stream, "stream_options.", "include_usage", options.include_usage);
  return absl::OkStatus();
}

}  // namespace

ModelTraits cautious_traits() {
  return {.default_max_tokens = 4096, .later_system = false, .thinks_by_budget = false};
}

ModelTraits traits_of(const v1::Model& model) {
  ModelTraits traits{.default_max_tokens = kMostByDefault, .later_system = true, .thinks_by_budget = false};
  for (const v1::Endpoint& endpoint : model.endpoints()) {
    if (endpoint.max_output_tokens() > 0)
      traits.default_max_tokens = std::min(traits.default_max_tokens, endpoint.max_output_tokens());
    const v1::Features& features = endpoint.features();
    traits.later_system &= features.has_mid_conversation_system() && features.mid_conversation_system();
  }
  traits.later_system &= model.endpoints_size() > 0;
  traits.thinks_by_budget = std::any_of(kThinkByBudget.begin(), kThinkByBudget.end(), [&](std::string_view name) {
    return name.ends_with('*') ? model.id().starts_with(name.substr(0, name.size() - 1)) : model.id() == name;
  });
  return traits;
}

absl::StatusOr<ChatRequest> ChatRequest::read(std::string_view body) {
  ChatRequest request;
  request.parser_ = std::make_unique<simdjson::dom::parser>();
  Element document;
  if (const auto failed = request.parser_->parse(body.data(), body.size()).get(document))
    return error(v1::Failure::KIND_INVALID_REQUEST,
                 fmt::format("The request body is not valid JSON: {}", simdjson::error_message(failed)));
  if (document.get_object().get(request.object_))
    return error(v1::Failure::KIND_INVALID_REQUEST, "The request body is not a JSON object.");
  if (absl::Status status = check_members(request.object_); !status.ok())
    return status;
  const std::optional<std::string_view> model = find_text(request.object_, "model");
  if (!model || model->empty())
    return bad("model", "expected the name of a model");
  request.model_ = *model;
  const std::optional<Element> messages = find(request.object_, "messages");
  if (!messages || messages->get_array().get(request.messages_) || request.messages_.size() == 0)
    return bad("messages", "expected an array of at least one message");
  if (absl::Status status = read_options(request.object_, request.options_); !status.ok())
    return status;
  Reasoning reasoning;
  if (absl::Status status = read_reasoning(request.object_, reasoning); !status.ok())
    return status;
  request.options_.exclude_reasoning = reasoning.exclude;
  return request;
}

bool ChatRequest::depends_on_model() const {
  const bool limited = find(object_, "max_completion_tokens") || find(object_, "max_tokens");
  return !limited || find(object_, "reasoning_effort") || find(object_, "reasoning") || has_later_system(messages_);
}

absl::StatusOr<std::string> ChatRequest::messages_body(const ModelTraits& traits) const {
  const absl::StatusOr<Turns> turns = read_turns(messages_, traits.later_system);
  if (!turns.ok())
    return turns.status();
  const absl::StatusOr<std::int64_t> max_tokens = read_max_tokens(object_, traits.default_max_tokens);
  if (!max_tokens.ok())
    return max_tokens.status();
  AnswerForm form;
  if (absl::Status status = read_answer_form(object_, form); !status.ok())
    return status;
  Reasoning reasoning;
  if (absl::Status status = read_reasoning(object_, reasoning); !status.ok())
    return status;

  std::string body;
  body.reserve(turns->system.size() + turns->messages.size() + 1024);
  JsonWriter json(body);
  json.begin_object().member("model", model_).member("max_tokens", *max_tokens).member("stream", options_.stream);
  if (absl::Status status = write_tools(object_, json); !status.ok())
    return status;
  std::string system = turns->system;
  if (!system.empty() && !form.instruction.empty())
    system += ',';
  system += form.instruction;
  if (!system.empty())
    json.key("system").begin_array().raw(system).end_array();
  json.key("messages").begin_array();
  if (!turns->messages.empty())
    json.raw(turns->messages);
  json.end_array();
  if (absl::Status status = write_stop(object_, json); !status.ok())
    return status;
  write_sampling(object_, json);
  const Thinking thinking = thinking_of(object_, reasoning, *turns, traits, *max_tokens);
  if (!thinking.json.empty())
    json.raw_member("thinking", thinking.json);
  write_output_config(form, thinking.effort, json);
  write_user(object_, json);
  if (find_text(object_, "service_tier") == "default")
    json.member("service_tier", "standard_only");
  write_own_members(object_, json);
  json.end_object();
  return body;
}

}  // namespace tollgate::chat
