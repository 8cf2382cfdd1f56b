#include "services/provider_adapter/gemini/model.h"

namespace tollgate::gemini {

ThinkingControl thinking_control(std::string_view model) {
  if (const std::size_t slash = model.rfind('/'); slash != model.npos)
    model.remove_prefix(slash + 1);
  if (!model.starts_with("gemini-"))
    return ThinkingControl::kNone;
  if (model.starts_with("gemini-2.5"))
    return ThinkingControl::kBudget;
  for (const std::string_view older : {"gemini-1.", "gemini-1-", "gemini-2.", "gemini-2-"}) {
    if (model.starts_with(older))
      return ThinkingControl::kNone;
  }
  return model == "gemini-pro" || model == "gemini-pro-vision" ? ThinkingControl::kNone : ThinkingControl::kLevel;
}

bool must_think(std::string_view model) {
  return model.find("-pro") != model.npos;
}

}  // namespace tollgate::gemini
