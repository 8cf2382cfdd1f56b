#include "services/budget/key_text.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>

#include "services/common/base/digest.h"
#include "services/common/base/errors.h"
#include "services/common/base/money.h"

namespace tollgate {
namespace {

constexpr std::size_t kMaxNameCharacters = 200;

bool is_alphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

std::string_view adjective(v1::Reset reset) {
  switch (reset) {
    case v1::RESET_DAILY:
      return " (daily)";
    case v1::RESET_WEEKLY:
      return " (weekly)";
    case v1::RESET_MONTHLY:
      return " (monthly)";
    default:
      return "";
  }
}

}  // namespace

std::string new_secret() {
  return std::string(kSecretPrefix) + random_hex(32);
}

std::string mask_secret(std::string_view secret) {
  constexpr std::size_t shown = 4;
  if (!secret.starts_with(kSecretPrefix) || secret.size() < kSecretPrefix.size() + 4 * shown)
    return "...";
  return fmt::format("{}...{}", secret.substr(0, kSecretPrefix.size() + shown), secret.substr(secret.size() - shown));
}

bool is_key_hash(std::string_view text) {
  return text.size() == 64 &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_workspace(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
    return is_alphanumeric(c) || c == '_' || c == '.' || c == '-';
  });
}

bool is_generation_id(std::string_view text) {
  return !text.empty() && text.size() <= 128 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

absl::Status check_key_name(std::string_view name) {
  const auto invalid = [](std::string_view why) {
    return error(v1::Failure::KIND_INVALID_REQUEST, fmt::format("name: {}", why));
  };
  if (!simdjson::validate_utf8(name.data(), name.size()))
    return invalid("expected UTF-8 text");
  if (std::any_of(name.begin(), name.end(), [](unsigned char c) { return c < ' ' || c == 127; }))
    return invalid("control characters are not allowed");
  const auto characters = std::count_if(name.begin(), name.end(), [](unsigned char c) { return (c & 0xC0) != 0x80; });
  if (characters < 1 || static_cast<std::size_t>(characters) > kMaxNameCharacters)
    return invalid(fmt::format("expected 1 to {} characters, got {}", kMaxNameCharacters, characters));
  return absl::OkStatus();
}

absl::Status check_amount(std::string_view field, std::int64_t nano_usd) {
  if (nano_usd >= 0 && nano_usd <= kMaxNanoUsd)
    return absl::OkStatus();
  return error(v1::Failure::KIND_INVALID_REQUEST,
               fmt::format("{}: expected $0 to ${}, got ${}", field, format_usd(kMaxNanoUsd), format_usd(nano_usd)));
}

std::string format_utc(std::int64_t unix_seconds) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(static_cast<std::time_t>(unix_seconds)));
}

std::string describe(const SpentLimit& spent) {
  std::string out = fmt::format("Spending limit reached for key \"{}\": ${} of ${}{} spent", spent.key_name,
                                format_usd(spent.spent), format_usd(spent.limit), adjective(spent.reset));
  if (spent.held > 0)
    out += fmt::format(", ${} held by requests in flight", format_usd(spent.held));
  out += fmt::format(", this request needs up to ${}. ", format_usd(spent.needed));
  if (spent.reset == v1::RESET_NONE)
    out += "The limit does not reset: raise it to go on.";
  else
    out += fmt::format("The limit resets at {}.", format_utc(spent.resets_at));
  return out;
}

}  // namespace tollgate
