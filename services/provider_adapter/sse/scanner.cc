#include "services/provider_adapter/sse/scanner.h"

#include <utility>

namespace tollgate::sse {

void Scanner::begin_event() {
  name_.clear();
  data_lines_ = 0;
  data_size_ = 0;
  event_cut_ = false;
}

void Scanner::field(std::string_view window, std::string_view line) {
  if (line_cut_)
    return;  // What is left of a line that was let go; consume() has counted it.
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (std::exchange(first_line_, false) && line.starts_with(kByteOrderMark))
    line.remove_prefix(kByteOrderMark.size());
  const std::size_t colon = std::min(line.find(':'), line.size());
  const std::string_view key = line.substr(0, colon);
  std::string_view value = line.substr(std::min(colon + 1, line.size()));
  if (value.starts_with(' '))
    value.remove_prefix(1);
  if (key == "event") {
    name_ = value;
  } else if (key == "data") {
    if (data_lines_ == 1)
      joined_ = window.substr(data_offset_, data_size_);
    if (data_lines_ > 0)
      joined_.append(1, '\n').append(value);
    ++data_lines_;
    data_offset_ = static_cast<std::size_t>(value.data() - window.data());
    data_size_ = value.size();
  }
}

void Scanner::consume(std::size_t size) {
  if (size > end_) {
    // Inside an event. A data line that is cut counts as data that is not whole.
    event_cut_ = true;
    data_offset_ = data_size_ = 0;
    joined_.clear();
    if (size > line_) {
      line_cut_ = true;
      data_lines_ = std::max(data_lines_, 1);
    }
  }
  position_ = position_ > size ? position_ - size : 0;
  line_ = line_ > size ? line_ - size : 0;
  end_ = end_ > size ? end_ - size : 0;
  if (data_lines_ > 0 && !event_cut_)
    data_offset_ = data_offset_ > size ? data_offset_ - size : 0;
}

}  // namespace tollgate::sse
