#include "services/provider_adapter/openai/stop_filter.h"

#include <algorithm>
#include <utility>

namespace tollgate::openai {

StopFilter::StopFilter(std::vector<std::string> sequences) : sequences_(std::move(sequences)) {
  std::erase_if(sequences_, [](const std::string& sequence) { return sequence.empty(); });
}

std::string StopFilter::push(std::string_view text) {
  if (sequences_.empty())
    return std::string(text);
  if (!met_.empty())
    return {};
  held_.append(text);
  // The sequence that ends first is the one that stops; of several that end there, the one that began first.
  std::size_t best_end = std::string::npos;
  std::size_t best_begin = 0;
  std::size_t keep = 0;
  for (const std::string& sequence : sequences_) {
    const std::size_t begin = held_.find(sequence);
    if (begin != held_.npos) {
      const std::size_t end = begin + sequence.size();
      if (best_end == held_.npos || end < best_end || (end == best_end && begin < best_begin)) {
        best_end = end;
        best_begin = begin;
        met_ = sequence;
      }
      continue;
    }
    for (std::size_t size = std::min(sequence.size() - 1, held_.size()); size > keep; --size) {
      if (held_.compare(held_.size() - size, size, sequence, 0, size) == 0) {
        keep = size;
        break;
      }
    }
  }
  std::string shown = best_end != held_.npos ? held_.substr(0, best_begin) : held_.substr(0, held_.size() - keep);
  held_ = best_end != held_.npos ? std::string() : held_.substr(held_.size() - keep);
  return shown;
}

std::string StopFilter::flush() {
  return std::exchange(held_, std::string());
}

}  // namespace tollgate::openai
