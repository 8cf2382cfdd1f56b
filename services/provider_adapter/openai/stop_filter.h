// Watches a text for stop sequences, as the Messages API stops at them: neither the sequence nor what follows is shown.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tollgate::openai {

class StopFilter {
 public:
  explicit StopFilter(std::vector<std::string> sequences);

  // What of the text may be shown by now: what could be the beginning of a sequence waits.
  std::string push(std::string_view text);
  // No sequence can come any more: what has waited.
  std::string flush();

  // The sequence that was met; empty: none.
  const std::string& met() const { return met_; }

 private:
  std::vector<std::string> sequences_;
  std::string held_;
  std::string met_;
};

}  // namespace tollgate::openai
