// The head of a request as fields, read by Beast from bytes that the framing guard has passed: two parsers must agree
// that it is a request.
#pragma once

#include <string_view>
#include <vector>

namespace tollgate {

// Views into the head that was parsed.
struct HeaderField {
  std::string_view name;
  std::string_view value;
};

struct RequestHead {
  std::string_view target;
  // In their order, as written.
  std::vector<HeaderField> fields;

  // The value of the first field of that name (any case); empty when there is none.
  std::string_view find(std::string_view name) const;
  // Those of all fields of that name.
  std::vector<std::string_view> find_all(std::string_view name) const;
};

// False when Beast refuses what the guard has passed.
bool parse_head(std::string_view bytes, RequestHead& head);

}  // namespace tollgate
