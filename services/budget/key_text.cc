#include "services/budget/key_text.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>

#include "services/common/base/digest.h"
#include "services/common/base/errors.h"
#include "services/common/base/money.h"
#include "services/common/base/preferences.h"

namespace tollgate {
namespace {

constexpr std::size_t kMaxNameCharacters = 200;
constexpr std::size_t kMaxPreferencesBytes = 8 * 1024;

bool is_alphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
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

absl::Status check_text(std::string_view field, std::string_view text, std::size_t most) {
  const auto invalid = [field](std::string_view why) {
    return error(v1::Failure::KIND_INVALID_REQUEST, fmt::format("{}: {}", field, why));
  };
  if (!simdjson::validate_utf8(text.data(), text.size()))
    return invalid("expected UTF-8 text");
  if (std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < ' ' || c == 127; }))
    return invalid("control characters are not allowed");
  const auto characters = std::count_if(text.begin(), text.end(), [](unsigned char c) { return (c & 0xC0) != 0x80; });
  if (characters < 1 || static_cast<std::size_t>(characters) > most)
    return invalid(fmt::format("expected 1 to {} characters, got {}", most, characters));
  return absl::OkStatus();
}

absl::Status check_name(std::string_view name) {
  return check_text("name", name, kMaxNameCharacters);
}

absl::Status check_workspace_id(std::string_view id) {
  if (is_workspace(id))
    return absl::OkStatus();
  return error(v1::Failure::KIND_INVALID_REQUEST,
               "workspace: expected 1 to 64 letters, digits, dots, dashes or underscores");
}

absl::Status check_preferences(std::string_view json) {
  if (json.empty())
    return absl::OkStatus();
  if (json.size() > kMaxPreferencesBytes)
    return error(v1::Failure::KIND_INVALID_REQUEST,
                 fmt::format("provider: expected at most {} bytes, got {}", kMaxPreferencesBytes, json.size()));
  return parse_preferences(json, "provider").status();
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

}  // namespace tollgate
