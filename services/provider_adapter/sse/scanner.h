// Finds the events of a server-sent event stream in bytes that come in any pieces. Nothing is copied but the event's
// name: the caller owns the bytes and hands in a window of them.
// Source: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace tollgate::sse {

struct Event {
  // Value of `event`; empty when the event has none.
  std::string_view name;
  // Value of `data`; several lines are joined by \n.
  std::string_view data;
  // False when the beginning was consumed before the end had come: `data` is then incomplete.
  bool whole = true;
};

class Scanner {
 public:
  // `window`: the bytes of the last window that were not consumed, followed by what came since. Calls
  // visit(const Event&) for each event that ends in it. `at_end`: nothing will follow.
  template <class Visitor>
  void scan(std::string_view window, bool at_end, Visitor&& visit);

  // Offset in the window behind the last event that ended, blank lines and comments included.
  std::size_t end() const { return end_; }
  // The window begins `size` bytes later from now on. Beyond end(): the event is let go in parts.
  void consume(std::size_t size);
  // Name of the event that is under way, as far as it is known.
  std::string_view name() const { return name_; }

 private:
  void field(std::string_view window, std::string_view line);
  void begin_event();

  // Offsets in the window: where the search for a line's end goes on, where the line began.
  std::size_t position_ = 0;
  std::size_t line_ = 0;
  std::size_t end_ = 0;
  std::size_t data_offset_ = 0;
  std::size_t data_size_ = 0;
  int data_lines_ = 0;
  bool first_line_ = true;
  // The window lost the beginning of the line, or of the event, that is under way.
  bool line_cut_ = false;
  bool event_cut_ = false;
  std::string name_;
  // Data of several lines.
  std::string joined_;
};

template <class Visitor>
void Scanner::scan(std::string_view window, bool at_end, Visitor&& visit) {
  // The next \n, kept over lines that end in \r alone.
  std::size_t feed = window.find('\n', position_);
  while (position_ < window.size()) {
    if (feed != window.npos && feed < position_)
      feed = window.find('\n', position_);
    const std::size_t limit = std::min(feed, window.size());
    const std::size_t carriage = window.substr(0, limit).find('\r', position_);
    std::size_t line_end = limit;
    std::size_t next = limit + 1;
    if (carriage != window.npos) {
      // A \r at the very end may be the first half of \r\n.
      if (carriage + 1 == window.size() && !at_end) {
        position_ = carriage;
        return;
      }
      line_end = carriage;
      next = carriage + 1;
      if (next < window.size() && window[next] == '\n')
        ++next;
    } else if (feed == window.npos) {
      position_ = window.size();
      return;
    }
    const bool blank = line_end == line_ && !line_cut_;
    if (!blank)
      field(window, window.substr(line_, line_end - line_));
    line_ = position_ = next;
    line_cut_ = false;
    if (blank) {
      end_ = next;
      if (data_lines_ > 0) {
        const std::string_view data = data_lines_ > 1 ? joined_ : window.substr(data_offset_, data_size_);
        visit(Event{name_, data, !event_cut_});
      }
      begin_event();
    }
  }
}

}  // namespace tollgate::sse
