// Takes the elements of a script's reply one after the other.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "services/common/redis/redis.h"

namespace tollgate {

class ReplyReader {
 public:
  // `array` outlives the reader.
  explicit ReplyReader(const RedisReply& array) : array_(array) {}

  // "" for nil.
  std::string text();
  // Of an integer or a decimal string; 0 for nil or "".
  std::int64_t integer();
  // Empty for nil or "".
  std::optional<std::int64_t> optional_integer();
  // An element was missing or not of its kind.
  bool failed() const { return failed_; }

 private:
  const RedisReply* next();

  const RedisReply& array_;
  std::size_t position_ = 0;
  bool failed_ = false;
};

// A script answered with something that its file does not describe.
absl::Status unexpected_reply(const RedisScript& script);

}  // namespace tollgate
