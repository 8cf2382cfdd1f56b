// What the signatures of our thinking blocks carry for Gemini: its own thought signatures, and which part each stood
// at. Source: https://ai.google.dev/gemini-api/docs/thought-signatures
#pragma once

#include <string>
#include <string_view>

namespace tollgate::gemini {

inline constexpr std::string_view kDialect = "gemini";

// What Google documents for a call whose signature is lost, or that another model made.
inline constexpr std::string_view kNoSignature = "skip_thought_signature_validator";

// Each empty: none.
struct Thought {
  // Of the part that was the thought itself.
  std::string own;
  // Of the text, and of the function call, that came next.
  std::string text;
  std::string call;

  bool empty() const { return own.empty() && text.empty() && call.empty(); }
  bool operator==(const Thought&) const = default;
};

std::string to_payload(const Thought& thought);
Thought from_payload(std::string_view payload);

}  // namespace tollgate::gemini
