// Reasoning as OpenRouter passes it: `reasoning_details`, which must come back as they were.
// Source: https://openrouter.ai/docs/use-cases/reasoning-tokens
#pragma once

#include <simdjson.h>

#include <string>
#include <string_view>
#include <vector>

namespace tollgate::openai {

struct ReasoningDetail {
  // reasoning.text, reasoning.summary or reasoning.encrypted.
  std::string type;
  // Text, summary or data, by the type.
  std::string text;
  std::string signature;
  std::string id;
  std::string format;
  // JSON; empty when it has none.
  std::string index;

  // Its text is there to be read.
  bool shown() const { return type != "reasoning.encrypted" && !text.empty(); }
};

// One element of the array.
ReasoningDetail read_detail(const simdjson::dom::object& piece);

class ReasoningDetails {
 public:
  // A piece of the last detail is joined to it.
  void add(ReasoningDetail detail);
  // The same for what `json()` gave for an earlier block.
  void add_all(std::string_view json);

  bool empty() const { return details_.empty(); }
  void clear() { details_.clear(); }
  // The array. Texts of formats that sign them and have lost the signature are left out when `replay` is set: they
  // would be refused.
  std::string json(bool replay) const;

 private:
  std::vector<ReasoningDetail> details_;
};

}  // namespace tollgate::openai
