// Reads the members of a JSON object strictly: what is unknown or wrong is an error that names it, says what came and
// what would do. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "gateway/json_body.h"

namespace tollgate {

// Each reading makes its name a known one and returns nothing when the member is not there or is wrong; finish() tells.
class MemberReader {
 public:
  // `thing` is what the object describes: "a key"; `path` stands before the names in messages: "limits[0].". The value
  // outlives the reader.
  MemberReader(const JsonValue& value, std::string thing, std::string path = {});

  // As it stands there.
  const JsonValue* find(std::string_view name);

  std::optional<std::string> text(std::string_view name);
  std::optional<bool> flag(std::string_view name);
  // Null becomes "".
  std::optional<std::string> text_or_null(std::string_view name);
  // The index of one of `names`, from 1; null becomes 0.
  std::optional<std::size_t> choice_or_null(std::string_view name, const std::vector<std::string>& names);
  // USD as nano-USD.
  std::optional<std::int64_t> usd(std::string_view name);
  // A positive number; null becomes 0.
  std::optional<std::int64_t> count_or_null(std::string_view name);
  // One or more texts, none of them empty; null becomes none.
  std::optional<std::vector<std::string>> texts_or_null(std::string_view name);
  // A time in the future, ISO 8601 in UTC, as Unix ms; null becomes 0.
  std::optional<std::int64_t> future_or_null(std::string_view name);

  bool is_null(std::string_view name);

  // The first error stands.
  void fail(std::string_view name, std::string_view message);
  void fail(const absl::Status& status);

  // KIND_INVALID_REQUEST when a member is unknown, else the first error.
  absl::Status finish();

 private:
  // Says what was expected.
  void expected(std::string_view name, std::string_view what, const JsonValue& got);

  const JsonValue& value_;
  const std::string thing_;
  const std::string path_;
  std::vector<std::string> known_;
  absl::Status error_;
};

// 2027-12-31T23:59:59Z, with or without fractions of a second, as Unix ms. Nothing for any other text or zone.
std::optional<std::int64_t> parse_utc(std::string_view text);

}  // namespace tollgate
