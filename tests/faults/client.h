// What a client of the Messages API saw of its requests while something was broken.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "tests/support/http/http_client.h"

namespace tollgate::testing {

enum class Sight {
  // The whole answer, byte for byte.
  kWhole,
  // An error of the API's, in the API's words, instead of an answer.
  kRefused,
  // An answer that ended with an `error` event.
  kTold,
  // The connection broke off.
  kBroken,
  // Anything else. Never right.
  kWrong,
};

struct Seen {
  Sight sight = Sight::kWrong;
  unsigned status = 0;
  // Empty: the head did not arrive.
  std::string generation;
  // The upstream's id of the message, if it arrived.
  std::string message;
  std::chrono::milliseconds took{0};
  // Of what is wrong.
  std::string text;
};

// Reads the answer to its end. `whole`: what the same request was answered without a fault; of it only ids may differ.
Seen see(HttpExchange& exchange, const std::string& whole);

// `body` without the ids that differ with each answer.
std::string without_ids(std::string body);

// From many threads.
class Sights {
 public:
  void add(Seen seen);
  int count(Sight sight) const;
  // Of all: the longest time, and each.
  std::chrono::milliseconds longest() const;
  const std::vector<Seen>& all() const { return all_; }
  // As "12 whole, 3 refused (503)".
  std::string summary() const;

 private:
  mutable std::mutex mutex_;
  std::vector<Seen> all_;
};

}  // namespace tollgate::testing
