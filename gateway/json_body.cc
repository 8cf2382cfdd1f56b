#include "gateway/json_body.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "services/common/base/errors.h"

namespace tollgate {
namespace {

using Kind = JsonValue::Kind;

constexpr std::size_t kMaxDepth = 8;
// Of an object: each name is compared with all before it.
constexpr std::size_t kMaxMembers = 256;
constexpr std::size_t kShownBytes = 60;
// Beyond this an exponent says "too large" or "too small", whatever stands before it.
constexpr std::int64_t kMaxExponent = 1'000'000;

// Builds the tree. The parents of what is being read are open: nothing is added beside them, so pointers to them hold.
class TreeBuilder final : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit TreeBuilder(JsonValue& root) : root_(root) {}

  const std::string& error() const { return error_; }

  bool null() override { return add({.kind = Kind::kNull}); }
  bool boolean(bool value) override { return add({.kind = Kind::kBoolean, .boolean = value}); }
  bool number_integer(number_integer_t value) override {
    return add({.kind = Kind::kNumber, .text = std::to_string(value)});
  }
  bool number_unsigned(number_unsigned_t value) override {
    return add({.kind = Kind::kNumber, .text = std::to_string(value)});
  }
  bool number_float(number_float_t, const string_t& text) override {
    return add({.kind = Kind::kNumber, .text = text});
  }
  bool string(string_t& text) override { return add({.kind = Kind::kString, .text = std::move(text)}); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return open(Kind::kObject); }
  bool end_object() override { return close(); }
  bool start_array(std::size_t) override { return open(Kind::kArray); }
  bool end_array() override { return close(); }

  bool key(string_t& name) override {
    const auto& members = open_.back()->children;
    if (members.size() == kMaxMembers)
      return fail(fmt::format("An object of the request body has more than {} members.", kMaxMembers));
    if (std::any_of(members.begin(), members.end(), [&](const JsonValue& member) { return member.name == name; }))
      return fail(fmt::format("The member \"{}\" stands twice in the request body.", name.substr(0, kShownBytes)));
    name_ = std::move(name);
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception&) override {
    return fail(fmt::format("The request body is not JSON, or has a number that is too large: see byte {}.", position));
  }

 private:
  bool fail(std::string error) {
    error_ = std::move(error);
    return false;
  }

  JsonValue& place(JsonValue value) {
    if (open_.empty())
      return root_ = std::move(value);
    value.name = std::exchange(name_, {});
    return open_.back()->children.emplace_back(std::move(value));
  }

  bool add(JsonValue value) {
    place(std::move(value));
    return true;
  }

  bool open(Kind kind) {
    if (open_.size() == kMaxDepth)
      return fail(fmt::format("The request body is nested deeper than {} levels.", kMaxDepth));
    open_.push_back(&place({.kind = kind}));
    return true;
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  JsonValue& root_;
  std::vector<JsonValue*> open_;
  std::string name_;
  std::string error_;
};

// digits x 10^exponent, without zeros around the digits; no digits: zero.
struct Decimal {
  bool negative = false;
  std::string digits;
  std::int64_t exponent = 0;
};

Decimal decimal_of(std::string_view number) {
  Decimal decimal;
  decimal.negative = number.starts_with('-');
  number.remove_prefix(decimal.negative ? 1 : 0);
  const auto mark = number.find_first_of("eE");
  if (mark != std::string_view::npos) {
    std::string_view power = number.substr(mark + 1);
    power.remove_prefix(power.starts_with('+') ? 1 : 0);
    const auto read = std::from_chars(power.data(), power.data() + power.size(), decimal.exponent);
    if (read.ec == std::errc::result_out_of_range)
      decimal.exponent = power.starts_with('-') ? -kMaxExponent : kMaxExponent;
    decimal.exponent = std::clamp(decimal.exponent, -kMaxExponent, kMaxExponent);
  }
  const std::string_view mantissa = number.substr(0, mark);
  const auto dot = std::min(mantissa.find('.'), mantissa.size());
  decimal.digits = mantissa.substr(0, dot);
  if (dot < mantissa.size()) {
    decimal.digits += mantissa.substr(dot + 1);
    decimal.exponent -= static_cast<std::int64_t>(mantissa.size() - dot - 1);
  }
  const auto used = decimal.digits.find_last_not_of('0') + 1;
  decimal.exponent += static_cast<std::int64_t>(decimal.digits.size() - used);
  decimal.digits.erase(used);
  decimal.digits.erase(0, std::min(decimal.digits.find_first_not_of('0'), decimal.digits.size()));
  return decimal;
}

}  // namespace

absl::StatusOr<JsonValue> parse_json(std::string_view body) {
  JsonValue root;
  // The parser would take it for the end.
  if (body.find('\0') != std::string_view::npos)
    return error(v1::Failure::KIND_INVALID_REQUEST, "The request body is not JSON: it has a zero byte.");
  TreeBuilder builder(root);
  if (!nlohmann::json::sax_parse(body, &builder))
    return error(v1::Failure::KIND_INVALID_REQUEST, builder.error());
  return root;
}

std::string in_short(const JsonValue& value) {
  switch (value.kind) {
    case Kind::kNull:
      return "null";
    case Kind::kBoolean:
      return value.boolean ? "true" : "false";
    case Kind::kNumber:
      return value.text.size() <= kShownBytes ? value.text : value.text.substr(0, kShownBytes) + "...";
    case Kind::kString:
      return value.text.size() <= kShownBytes ? fmt::format("\"{}\"", value.text) : "a long string";
    case Kind::kArray:
      return value.children.empty() ? "[]" : "an array";
    case Kind::kObject:
      return "an object";
  }
  return {};
}

std::optional<std::int64_t> scaled(std::string_view number, int decimals, std::int64_t max) {
  const Decimal decimal = decimal_of(number);
  if (decimal.digits.empty())
    return 0;
  std::int64_t zeros = decimal.exponent + decimals;
  if (decimal.negative || zeros < 0)
    return std::nullopt;
  std::int64_t result = 0;
  // The digits, then the zeros behind them; the first that is too many ends it.
  for (std::size_t i = 0; i < decimal.digits.size() || zeros > 0; ++i) {
    const bool written = i < decimal.digits.size();
    const int digit = written ? decimal.digits[i] - '0' : 0;
    if (result > (max - digit) / 10)
      return std::nullopt;
    result = result * 10 + digit;
    zeros -= written ? 0 : 1;
  }
  return result;
}

}  // namespace tollgate
