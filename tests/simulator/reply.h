// What to answer and how to put it on the wire.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/simulator/request.h"

namespace tollgate::simulator {

using std::chrono::milliseconds;

// Tokens by kind, as the Messages API reports them.
struct Usage {
  std::int64_t input = 0;
  std::int64_t cache_creation_5m = 0;
  std::int64_t cache_creation_1h = 0;
  std::int64_t cache_read = 0;
  std::int64_t output = 0;
  std::int64_t thinking = 0;
};

// A stretch of a response's body: one SSE event, or the whole of a JSON body.
struct Piece {
  std::string bytes;
  // Waited for before it is written.
  milliseconds delay{0};
  // How often it is written, each time after `delay`.
  std::uint32_t repeat = 1;
  // Output tokens that are owed once it has been written, beyond those owed before.
  std::int64_t output_tokens = 0;
};

struct Break {
  enum class How { kReset, kClose, kStall, kGarbage };
  How how = How::kClose;
  // Instead of the status line.
  bool before_head = false;
  // Body bytes (before chunked coding) or pieces that are still written. At most one is set; neither: before the body.
  std::optional<std::uint64_t> after_bytes;
  std::optional<std::uint64_t> after_event;
};

struct Reply {
  enum class Framing { kLength, kChunked, kUntilClose };

  unsigned status = 200;
  Headers headers;
  std::vector<Piece> body;
  Framing framing = Framing::kLength;
  // Largest write of body bytes, each with a chunk of its own if chunked; 0: as much as is due.
  std::size_t write_size = 0;
  std::optional<Break> broken;
  // Waited for before the head.
  milliseconds head_delay{0};
  // Nothing is ever written.
  bool no_response = false;
  bool close_after = false;

  // Of a call that is billed: who was asked and what a complete answer costs.
  bool billable = false;
  bool stream = false;
  std::string model;
  std::string message_id;
  Usage usage;
};

// What became of a reply.
struct Outcome {
  bool completed = false;
  // The client went first.
  bool client_closed = false;
  std::uint64_t body_bytes = 0;
  std::uint64_t events = 0;
  std::int64_t output_tokens = 0;
};

}  // namespace tollgate::simulator
