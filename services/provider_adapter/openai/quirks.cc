#include "services/provider_adapter/openai/quirks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <initializer_list>
#include <nlohmann/json.hpp>

#include "openai_presets.h"
#include "services/common/base/errors.h"

namespace tollgate::openai {
namespace {

using Json = nlohmann::ordered_json;

absl::Status wrong(std::string_view where, std::string_view why) {
  return error(v1::Failure::KIND_INVALID_REQUEST, fmt::format("{}: {}", where, why));
}

template <class Enum>
struct Choice {
  std::string_view name;
  Enum value;
};

// Applies one member; false when it is none of that name. Errors go to `status`.
class Applied {
 public:
  Applied(std::string_view where, std::string_view name, const Json& value)
      : where_(fmt::format("{}.{}", where, name)), name_(name), value_(value) {}

  template <class Enum>
  void choice(std::string_view name, Enum& out, std::initializer_list<Choice<Enum>> choices) {
    if (name != name_)
      return;
    known_ = true;
    std::vector<std::string_view> names;
    for (const Choice<Enum>& choice : choices) {
      if (value_.is_string() && value_.get_ref<const std::string&>() == choice.name) {
        out = choice.value;
        return;
      }
      names.push_back(choice.name);
    }
    status_ = wrong(where_, fmt::format("expected one of {}, found {}", fmt::join(names, ", "), value_.dump()));
  }

  void flag(std::string_view name, bool& out) {
    if (name != name_)
      return;
    known_ = true;
    if (value_.is_boolean())
      out = value_.get<bool>();
    else
      status_ = wrong(where_, fmt::format("expected true or false, found {}", value_.dump()));
  }

  void count(std::string_view name, std::uint32_t& out) {
    if (name != name_)
      return;
    known_ = true;
    if (value_.is_number_unsigned() && value_.get<std::uint64_t>() <= 1000)
      out = value_.get<std::uint32_t>();
    else
      status_ = wrong(where_, fmt::format("expected a whole number from 0 to 1000, found {}", value_.dump()));
  }

  absl::Status status() const { return known_ ? status_ : wrong(where_, "is no quirk that is known"); }

 private:
  const std::string where_;
  const std::string_view name_;
  const Json& value_;
  bool known_ = false;
  absl::Status status_;
};

absl::Status apply(std::string_view where, const Json& members, Quirks& quirks) {
  if (!members.is_object())
    return wrong(where, fmt::format("expected an object, found {}", members.dump()));
  using Q = Quirks;
  for (const auto& [name, value] : members.items()) {
    if (name == "like" || name == "models")
      continue;
    Applied member(where, name, value);
    member.choice<Q::MaxTokensField>("max_tokens_field", quirks.max_tokens_field,
                                     {{"max_tokens", Q::MaxTokensField::kMaxTokens},
                                      {"max_completion_tokens", Q::MaxTokensField::kMaxCompletionTokens}});
    member.choice<Q::SystemRole>("system_role", quirks.system_role,
                                 {{"system", Q::SystemRole::kSystem}, {"developer", Q::SystemRole::kDeveloper}});
    member.choice<Q::MidSystem>("mid_system", quirks.mid_system,
                                {{"native", Q::MidSystem::kNative}, {"hoist", Q::MidSystem::kHoist}});
    member.choice<Q::ReasoningIn>("reasoning_in", quirks.reasoning_in,
                                  {{"any", Q::ReasoningIn::kAny},
                                   {"reasoning_content", Q::ReasoningIn::kReasoningContent},
                                   {"reasoning", Q::ReasoningIn::kReasoning},
                                   {"reasoning_details", Q::ReasoningIn::kReasoningDetails},
                                   {"none", Q::ReasoningIn::kNone}});
    member.choice<Q::ReplayReasoning>("replay_reasoning", quirks.replay_reasoning,
                                      {{"none", Q::ReplayReasoning::kNone},
                                       {"reasoning_content", Q::ReplayReasoning::kReasoningContent},
                                       {"reasoning", Q::ReplayReasoning::kReasoning},
                                       {"reasoning_details", Q::ReplayReasoning::kReasoningDetails},
                                       {"required", Q::ReplayReasoning::kRequired}});
    member.choice<Q::EffortForm>("effort_form", quirks.effort_form,
                                 {{"none", Q::EffortForm::kNone},
                                  {"openai", Q::EffortForm::kOpenAi},
                                  {"openrouter", Q::EffortForm::kOpenRouter},
                                  {"thinking_toggle", Q::EffortForm::kThinkingToggle},
                                  {"chat_template", Q::EffortForm::kChatTemplate}});
    member.choice<Q::ResponseFormat>("response_format", quirks.response_format,
                                     {{"none", Q::ResponseFormat::kNone},
                                      {"json_object", Q::ResponseFormat::kJsonObject},
                                      {"json_schema", Q::ResponseFormat::kJsonSchema}});
    member.choice<Q::Prefill>("prefill", quirks.prefill,
                              {{"none", Q::Prefill::kNone},
                               {"prefix", Q::Prefill::kPrefix},
                               {"partial", Q::Prefill::kPartial},
                               {"continue", Q::Prefill::kContinue}});
    member.choice<Q::ToolId>("tool_id", quirks.tool_id,
                             {{"any", Q::ToolId::kAny}, {"alnum9", Q::ToolId::kAlnum9}, {"max40", Q::ToolId::kMax40}});
    member.choice<Q::UserField>("user_field", quirks.user_field,
                                {{"none", Q::UserField::kNone},
                                 {"user", Q::UserField::kUser},
                                 {"safety_identifier", Q::UserField::kSafetyIdentifier}});
    member.flag("stream_usage", quirks.stream_usage);
    member.flag("parallel_tool_calls", quirks.parallel_tool_calls);
    member.flag("temperature_allowed", quirks.temperature_allowed);
    member.flag("top_k", quirks.top_k);
    member.flag("strict_tools", quirks.strict_tools);
    member.flag("images", quirks.images);
    member.flag("documents", quirks.documents);
    member.flag("assistant_after_tools", quirks.assistant_after_tools);
    member.flag("cache_control", quirks.cache_control);
    member.count("stop_max", quirks.stop_max);
    if (!member.status().ok())
      return member.status();
  }
  return absl::OkStatus();
}

bool fits(std::string_view pattern, std::string_view model) {
  return pattern.ends_with('*') ? model.starts_with(pattern.substr(0, pattern.size() - 1)) : model == pattern;
}

// A preset with those that it is like below it, the most general first.
std::vector<const Json*> lineage(const Json& presets, const Json& preset) {
  std::vector<const Json*> steps;
  if (preset.contains("like"))
    steps = lineage(presets, presets.at(preset.at("like").get<std::string>()));
  steps.push_back(&preset);
  return steps;
}

}  // namespace

absl::StatusOr<QuirkTable> QuirkTable::make(std::string_view preset, std::string_view overrides) {
  static const Json presets = Json::parse(presets_json);
  const auto found = presets.find(preset.empty() ? "default" : std::string(preset));
  if (found == presets.end()) {
    std::vector<std::string> names;
    for (const auto& [name, unused] : presets.items())
      names.push_back(name);
    return wrong("preset", fmt::format("expected one of {}, found \"{}\"", fmt::join(names, ", "), preset));
  }
  const Json own = overrides.empty() ? Json::object() : Json::parse(overrides, nullptr, false);
  // Whatever stands in the configuration counts for every model, a preset's single ones too.
  struct Pattern {
    std::string name;
    const Json* members;
    bool configured;
  };
  std::vector<Pattern> patterns;
  const auto add_patterns = [&patterns](const Json& members, bool configured) {
    const auto models = members.is_object() ? members.find("models") : members.end();
    if (!members.is_object() || models == members.end())
      return absl::OkStatus();
    if (!models->is_object())
      return wrong("quirks.models", "expected an object of patterns, \"gpt-5*\": {...}");
    for (const auto& [pattern, quirks] : models->items())
      patterns.push_back({pattern, &quirks, configured});
    return absl::OkStatus();
  };
  QuirkTable table;
  Quirks base;
  absl::Status status = add_patterns(own, true);
  for (const Json* step : lineage(presets, *found)) {
    if (status.ok())
      status = apply("presets", *step, base);
    if (status.ok())
      status = add_patterns(*step, false);
  }
  table.quirks_ = base;
  if (status.ok())
    status = apply("quirks", own, table.quirks_);
  for (const Pattern& pattern : patterns) {
    Quirks quirks = base;
    if (status.ok() && !pattern.configured)
      status = apply("presets", *pattern.members, quirks);
    if (status.ok())
      status = apply("quirks", own, quirks);
    if (status.ok() && pattern.configured)
      status = apply(fmt::format("quirks.models.{}", pattern.name), *pattern.members, quirks);
    table.models_.emplace_back(pattern.name, quirks);
  }
  if (!status.ok())
    return status;
  return table;
}

const Quirks& QuirkTable::of(std::string_view model) const {
  for (const auto& [pattern, quirks] : models_) {
    if (fits(pattern, model))
      return quirks;
  }
  return quirks_;
}

}  // namespace tollgate::openai
