// Token counts and errors out of the JSON of the Messages API. Only the members that matter are read.
// Source: https://docs.anthropic.com/en/api/messages, https://docs.anthropic.com/en/docs/build-with-claude/streaming
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tollgate/v1/usage.pb.h"

namespace tollgate::anthropic {

// The counts of one response, as its parts report them. message_start has them all, with a provisional output;
// message_delta is cumulative and repeats some: each field that is given, and not null, replaces the one before. The
// usage of a message_delta, and of a message that is not streamed, is final.
//
// `iterations` lists the inferences behind a response. The upstream's sums leave those out that summed the conversation
// up (compaction), and those of an advising model, which have that model's price: the first are added, the second kept
// apart. A response that a fallback model gave has that model's sums.
class UsageTracker {
 public:
  // The three places where usage stands. False when `json` is not the object it should be; a missing usage is none.
  bool read_message_start(std::string_view json);
  bool read_message_delta(std::string_view json);

  // True once after the counts changed.
  bool take_change();
  v1::Usage usage() const;

 private:
  friend struct UsageReader;
  struct Tokens {
    // Writes of a life that is not stated count as five minutes.
    std::int64_t write_5m() const { return std::max(cache_write_5m, cache_write - cache_write_1h); }
    void add(const Tokens& other);

    std::int64_t input = 0;
    std::int64_t output = 0;
    std::int64_t cache_read = 0;
    // Of any life; message_delta knows no other.
    std::int64_t cache_write = 0;
    std::int64_t cache_write_5m = 0;
    std::int64_t cache_write_1h = 0;
    bool operator==(const Tokens&) const = default;
  };
  struct Iterations {
    // What to add to the sums.
    Tokens compaction;
    // The whole of what the sums should hold.
    Tokens own;
    bool fallback = false;
    // By model.
    std::vector<std::pair<std::string, Tokens>> advisors;
    bool operator==(const Iterations&) const = default;
  };
  struct Counts {
    Tokens tokens;
    Iterations iterations;
    bool final = false;
    std::int64_t web_search = 0;
    std::int64_t web_fetch = 0;
    std::string service_tier;
    std::string speed;
    std::string inference_geo;
    bool operator==(const Counts&) const = default;
  };
  Counts counts_;
  Counts taken_;
  // No count, and no change of them.
  std::string stop_reason_;
};

struct ApiError {
  // error.type and error.message; empty when they are missing.
  std::string type;
  std::string message;
  // The whole has the API's shape: {"type":"error","error":{"type":...,"message":...}}.
  bool of_api = false;
};

// Nothing when `json` is not an object with an `error` member that is an object.
std::optional<ApiError> read_error(std::string_view json);

// A complete response to a request that is not streamed. False when `json` is not one JSON object; `error` is set when
// it is an error in spite of its status.
bool read_message(std::string_view json, UsageTracker& usage, std::optional<ApiError>& error);

}  // namespace tollgate::anthropic
