#include "gateway/openai/event_text.h"

namespace tollgate::chat {

std::string_view take_line(std::string_view& text) {
  const std::size_t feed = text.find('\n');
  // Mostly the line ends there.
  const std::size_t carriage = text.substr(0, feed).find('\r');
  const std::size_t end = carriage == text.npos ? feed : carriage;
  const std::string_view line = text.substr(0, end);
  if (end == text.npos) {
    text = {};
    return line;
  }
  const bool pair = text[end] == '\r' && end + 1 < text.size() && text[end + 1] == '\n';
  text.remove_prefix(end + (pair ? 2 : 1));
  return line;
}

}  // namespace tollgate::chat
