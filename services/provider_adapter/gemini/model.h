// What models take by their generation, since Google's ids are open-ended: one that is not known to be older takes what
// the newest take.
#pragma once

#include <string_view>

namespace tollgate::gemini {

// How a model is told to think.
enum class ThinkingControl {
  // Not at all: Gemini 1 and 2.0, Gemma, tuned models.
  kNone,
  // thinkingBudget: Gemini 2.5.
  kBudget,
  // thinkingLevel: Gemini 3 and later. These refuse a call in the history that has no thought signature, and take
  // images within the results of tools.
  kLevel,
};

// `model` as the upstream names it.
ThinkingControl thinking_control(std::string_view model);

// Cannot do without thinking, but with little of it.
bool must_think(std::string_view model);

}  // namespace tollgate::gemini
