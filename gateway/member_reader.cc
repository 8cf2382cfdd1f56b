#include "gateway/member_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <limits>

#include "gateway/ascii.h"
#include "services/common/base/errors.h"
#include "services/common/base/money.h"

namespace tollgate {
namespace {

using Kind = JsonValue::Kind;

std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// Takes `size` digits off the front; -1 when they are not there.
int take_digits(std::string_view& text, std::size_t size) {
  if (text.size() < size || !std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(size), is_digit))
    return -1;
  int number = 0;
  for (char c : text.substr(0, size))
    number = number * 10 + (c - '0');
  text.remove_prefix(size);
  return number;
}

bool take(std::string_view& text, std::string_view prefix) {
  const bool there = text.starts_with(prefix);
  if (there)
    text.remove_prefix(prefix.size());
  return there;
}

// Of the fraction of a second at the front, if there is one; -1 for a point without digits.
int take_milliseconds(std::string_view& text) {
  if (!take(text, "."))
    return 0;
  const auto size = static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_digit) - text.begin());
  if (size == 0 || size > 9)
    return -1;
  int ms = 0;
  for (std::size_t i = 0; i < 3; ++i)
    ms = ms * 10 + (i < size ? text[i] - '0' : 0);
  text.remove_prefix(size);
  return ms;
}

}  // namespace

MemberReader::MemberReader(const JsonValue& value, std::string thing, std::string path)
    : value_(value), thing_(std::move(thing)), path_(std::move(path)) {
  if (value.kind != Kind::kObject)
    fail(error(v1::Failure::KIND_INVALID_REQUEST,
               fmt::format("{}expected an object that describes {}, got {}", path_, thing_, in_short(value))));
}

const JsonValue* MemberReader::find(std::string_view name) {
  if (std::find(known_.begin(), known_.end(), name) == known_.end())
    known_.emplace_back(name);
  const auto& members = value_.children;
  const auto found =
      std::find_if(members.begin(), members.end(), [&](const JsonValue& member) { return member.name == name; });
  return value_.kind != Kind::kObject || found == members.end() ? nullptr : &*found;
}

bool MemberReader::is_null(std::string_view name) {
  const JsonValue* member = find(name);
  return member != nullptr && member->kind == Kind::kNull;
}

std::optional<std::string> MemberReader::text(std::string_view name) {
  const JsonValue* member = find(name);
  if (member == nullptr)
    return std::nullopt;
  if (member->kind == Kind::kString && !member->text.empty())
    return member->text;
  expected(name, "a text that is not empty", *member);
  return std::nullopt;
}

std::optional<bool> MemberReader::flag(std::string_view name) {
  const JsonValue* member = find(name);
  if (member == nullptr)
    return std::nullopt;
  if (member->kind == Kind::kBoolean)
    return member->boolean;
  expected(name, "true or false", *member);
  return std::nullopt;
}

std::optional<std::string> MemberReader::text_or_null(std::string_view name) {
  return is_null(name) ? "" : text(name);
}

std::optional<std::size_t> MemberReader::choice_or_null(std::string_view name, const std::vector<std::string>& names) {
  const JsonValue* member = find(name);
  if (member == nullptr)
    return std::nullopt;
  if (member->kind == Kind::kNull)
    return 0;
  const auto found = std::find(names.begin() + 1, names.end(), member->text);
  if (member->kind == Kind::kString && found != names.end())
    return static_cast<std::size_t>(found - names.begin());
  std::string all;
  for (std::size_t i = 1; i < names.size(); ++i)
    all += fmt::format("\"{}\", ", names[i]);
  expected(name, all.erase(all.size() - 2) + " or null", *member);
  return std::nullopt;
}

std::optional<std::int64_t> MemberReader::usd(std::string_view name) {
  const JsonValue* member = find(name);
  if (member == nullptr)
    return std::nullopt;
  std::optional<std::int64_t> nano;
  if (member->kind == Kind::kNumber)
    nano = scaled(member->text, 9, kMaxNanoUsd);
  if (!nano)
    expected(name, fmt::format("USD from 0 to {} with at most nine decimals, such as 12.5", format_usd(kMaxNanoUsd)),
             *member);
  return nano;
}

std::optional<std::int64_t> MemberReader::count_or_null(std::string_view name) {
  const JsonValue* member = find(name);
  if (member == nullptr)
    return std::nullopt;
  if (member->kind == Kind::kNull)
    return 0;
  std::optional<std::int64_t> count;
  if (member->kind == Kind::kNumber)
    count = scaled(member->text, 0, std::numeric_limits<std::int64_t>::max());
  if (count && *count > 0)
    return count;
  expected(name, "a positive whole number, or null for no limit", *member);
  return std::nullopt;
}

std::optional<std::vector<std::string>> MemberReader::texts_or_null(std::string_view name) {
  const JsonValue* member = find(name);
  if (member == nullptr)
    return std::nullopt;
  std::vector<std::string> texts;
  if (member->kind == Kind::kNull)
    return texts;
  bool good = member->kind == Kind::kArray && !member->children.empty();
  for (const JsonValue& element : member->children) {
    good = good && element.kind == Kind::kString && !element.text.empty();
    texts.push_back(element.text);
  }
  if (good)
    return texts;
  expected(name, "a list of one or more texts, or null for everything", *member);
  return std::nullopt;
}

std::optional<std::int64_t> MemberReader::future_or_null(std::string_view name) {
  const JsonValue* member = find(name);
  if (member == nullptr)
    return std::nullopt;
  if (member->kind == Kind::kNull)
    return 0;
  const auto time = member->kind == Kind::kString ? parse_utc(member->text) : std::nullopt;
  if (time && *time > now_ms())
    return time;
  expected(name, "a time in the future, ISO 8601 in UTC such as 2027-12-31T23:59:59Z, or null for never", *member);
  return std::nullopt;
}

void MemberReader::fail(std::string_view name, std::string_view message) {
  fail(error(v1::Failure::KIND_INVALID_REQUEST, fmt::format("{}{}: {}", path_, name, message)));
}

void MemberReader::fail(const absl::Status& status) {
  error_.Update(status);
}

void MemberReader::expected(std::string_view name, std::string_view what, const JsonValue& got) {
  fail(name, fmt::format("expected {}; got {}", what, in_short(got)));
}

absl::Status MemberReader::finish() {
  for (const JsonValue& member : value_.children) {
    if (value_.kind != Kind::kObject || std::find(known_.begin(), known_.end(), member.name) != known_.end())
      continue;
    std::string all;
    for (const std::string& name : known_)
      all += (all.empty() ? "" : ", ") + name;
    return error(v1::Failure::KIND_INVALID_REQUEST, fmt::format("{}{}: {} has no such member. Known are: {}.", path_,
                                                                member.name.substr(0, 60), thing_, all));
  }
  return error_;
}

std::optional<std::int64_t> parse_utc(std::string_view text) {
  const int year = take_digits(text, 4);
  const int month = take(text, "-") ? take_digits(text, 2) : -1;
  const int day = take(text, "-") ? take_digits(text, 2) : -1;
  const int hour = take(text, "T") ? take_digits(text, 2) : -1;
  const int minute = take(text, ":") ? take_digits(text, 2) : -1;
  const int second = take(text, ":") ? take_digits(text, 2) : -1;
  const int ms = take_milliseconds(text);
  const bool utc = text == "Z" || text == "+00:00";
  const bool clock = hour >= 0 && hour < 24 && minute >= 0 && minute < 60 && second >= 0 && second < 60 && ms >= 0;
  if (!utc || !clock || year < 0 || month < 0 || day < 0)
    return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok())
    return std::nullopt;
  const std::chrono::milliseconds time = std::chrono::sys_days(date).time_since_epoch() + std::chrono::hours(hour) +
                                         std::chrono::minutes(minute) + std::chrono::seconds(second) +
                                         std::chrono::milliseconds(ms);
  return time.count();
}

}  // namespace tollgate
