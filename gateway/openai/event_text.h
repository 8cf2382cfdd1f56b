// The events in the text of a server-sent event stream. The Messages interface hands over whole events, so nothing has
// to be kept between two texts.
// Source: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
#pragma once

#include <string>
#include <string_view>

namespace tollgate::chat {

// The next line of `text`, which then begins behind its end: \n, \r\n or \r.
std::string_view take_line(std::string_view& text);

// Calls visit(data) for each event that has data; several lines of it are joined by \n. `text` holds whole events: one
// that the end cuts off is left out.
template <class Visit>
void for_each_event(std::string_view text, Visit visit) {
  std::string data;
  bool any = false;
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    if (line.empty()) {
      if (any)
        visit(std::string_view(data));
      data.clear();
      any = false;
      continue;
    }
    const auto colon = line.find(':');
    if (line.substr(0, colon) != "data")
      continue;
    std::string_view value = colon == line.npos ? std::string_view() : line.substr(colon + 1);
    if (value.starts_with(' '))
      value.remove_prefix(1);
    if (any)
      data += '\n';
    data += value;
    any = true;
  }
}

}  // namespace tollgate::chat
