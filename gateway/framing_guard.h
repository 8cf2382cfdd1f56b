// Decides on the raw bytes of a request's head whether its framing can be believed, before any parser sees them.
//
// Stricter than the standard on purpose: whatever two HTTP implementations are known to read in two ways is refused, so
// that no request can hide behind another one. A refused connection must be closed, and nothing behind the refused head
// may be looked at.
// Source: RFC 9112 (HTTP/1.1), sections 2.2, 3, 5 and 6; RFC 9110, section 7.6.1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tollgate {

enum class Method { kGet, kHead, kPost, kOptions, kPut, kPatch, kDelete };

std::string_view name_of(Method method);

// What follows from the head of an accepted request.
struct Framing {
  Method method = Method::kGet;
  // HTTP/1.0: the connection ends with the response.
  bool http_1_0 = false;
  bool keep_alive = true;
  bool expect_continue = false;
  bool chunked = false;
  // Of the body; 0 with chunked.
  std::uint64_t content_length = 0;

  bool has_body() const { return chunked || content_length > 0; }
};

// Why a request is not served: an HTTP status (400, 417, 431, 501, 505) and a text for a person.
struct Refusal {
  unsigned status;
  std::string message;
};

struct HeadLimits {
  // The whole head, request line and blank line included.
  std::size_t bytes = 32 * 1024;
  std::size_t count = 100;
};

// Where the head at the begin of `data` ends.
struct HeadEnd {
  // Size of the head, blank line included; 0 while it is incomplete.
  std::size_t size = 0;
  // True as soon as it can be said that no good head will come of it: waiting would only cost time.
  bool bad = false;
};

// `scanned` bytes of `data` were seen incomplete by an earlier call.
HeadEnd find_head_end(std::string_view data, std::size_t scanned);

// `head` ends with its blank line. Fills `framing` and returns nothing when the request may be parsed.
std::optional<Refusal> inspect_head(std::string_view head, const HeadLimits& limits, Framing& framing);

}  // namespace tollgate
