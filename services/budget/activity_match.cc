#include "services/budget/activity_match.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstring>

#include "services/budget/key_text.h"
#include "services/common/base/errors.h"

namespace tollgate {
namespace {

char lower(char c) {
  return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
}

char upper(char c) {
  return static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
}

bool is_status(std::string_view text) {
  if (text.size() != 3 || !std::isdigit(static_cast<unsigned char>(text[0])))
    return text == "0";
  const auto digit = [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; };
  return (digit(text[1]) && digit(text[2])) || text.substr(1) == "xx";
}

bool among(const google::protobuf::RepeatedPtrField<std::string>& wanted, std::string_view value) {
  return wanted.empty() ||
         std::any_of(wanted.begin(), wanted.end(), [&](const std::string& each) { return each == value; });
}

}  // namespace

absl::Status check_filter(const v1::ActivityFilter& filter) {
  for (const std::string& status : filter.statuses()) {
    if (!is_status(status)) {
      return error(v1::Failure::KIND_INVALID_REQUEST,
                   fmt::format("status: expected a number such as 429 or a class such as 5xx, got \"{}\"",
                               status.substr(0, 32)));
    }
  }
  if (filter.since_ms() < 0 || filter.until_ms() < 0) {
    return error(v1::Failure::KIND_INVALID_REQUEST,
                 fmt::format("since, until: expected Unix ms, got {} and {}", filter.since_ms(), filter.until_ms()));
  }
  if (filter.until_ms() != 0 && filter.since_ms() >= filter.until_ms()) {
    return error(v1::Failure::KIND_INVALID_REQUEST, fmt::format("until: expected a time after since ({} ms), got {} ms",
                                                                filter.since_ms(), filter.until_ms()));
  }
  return absl::OkStatus();
}

bool needs_records(const v1::ActivityFilter& filter) {
  return !filter.sessions().empty() || !filter.search().empty();
}

ActivityMatch::ActivityMatch(const v1::ActivityFilter& filter) : filter_(filter), search_(filter.search()) {
  std::transform(search_.begin(), search_.end(), search_.begin(), lower);
  names_keys_ =
      std::any_of(filter.keys().begin(), filter.keys().end(), [](const std::string& key) { return !is_key_hash(key); });
}

bool ActivityMatch::fits_key(std::string_view id, std::string_view name) const {
  const auto& keys = filter_.keys();
  return keys.empty() || std::any_of(keys.begin(), keys.end(), [&](const std::string& key) {
           return key == id || (!name.empty() && key == name);
         });
}

bool ActivityMatch::fits_status(std::string_view status) const {
  const auto& wanted = filter_.statuses();
  return wanted.empty() || std::any_of(wanted.begin(), wanted.end(), [&](const std::string& each) {
           return each == status || (each.size() == 3 && each[1] == 'x' && status.size() == 3 && each[0] == status[0]);
         });
}

// Looks for the first byte in either case with memchr: most bytes are passed over at the speed of memory.
bool ActivityMatch::found_in(std::string_view text) const {
  if (search_.size() > text.size() || search_.empty())
    return search_.empty();
  const auto rest = [&](const char* at) {
    return std::equal(search_.begin() + 1, search_.end(), at + 1, [](char a, char b) { return a == lower(b); });
  };
  const char* end = text.data() + text.size() - search_.size() + 1;
  for (const char first : {search_[0], upper(search_[0])}) {
    const char* at = text.data();
    while ((at = static_cast<const char*>(std::memchr(at, first, static_cast<std::size_t>(end - at)))) != nullptr) {
      if (rest(at))
        return true;
      if (++at == end)
        break;
    }
    if (search_[0] == upper(search_[0]))
      break;
  }
  return false;
}

// Texts stand in a serialized record as they are.
bool ActivityMatch::may_fit(std::string_view bytes) const {
  const auto any = [&](const google::protobuf::RepeatedPtrField<std::string>& wanted) {
    return wanted.empty() || std::any_of(wanted.begin(), wanted.end(), [&](const std::string& each) {
             return bytes.find(each) != std::string_view::npos;
           });
  };
  return any(filter_.sessions()) && any(filter_.models()) && any(filter_.providers()) && any(filter_.keys()) &&
         found_in(bytes);
}

bool ActivityMatch::fits(const v1::ActivityRecord& record) const {
  if (!fits_key(record.key_id(), record.key_name()) || !among(filter_.models(), record.model()) ||
      !among(filter_.providers(), record.provider()) || !among(filter_.sessions(), record.session_id()))
    return false;
  if (!filter_.statuses().empty() && !fits_status(std::to_string(record.status())))
    return false;
  return search_.empty() || found_in(record.generation_id()) || found_in(record.model()) ||
         found_in(record.model_asked()) || found_in(record.key_name()) || found_in(record.session_id()) ||
         found_in(record.user_agent()) || found_in(record.app());
}

bool ActivityMatch::fits(const SumsField& sums, std::string_view key_name) const {
  return fits_key(sums.key, key_name) && among(filter_.models(), sums.model) &&
         among(filter_.providers(), sums.provider) && fits_status(sums.status);
}

bool ActivityMatch::fits(const v1::Session& session) const {
  return fits_key(session.key_id(), session.key_name()) && among(filter_.sessions(), session.id()) &&
         (search_.empty() || found_in(session.id()) || found_in(session.key_name()));
}

}  // namespace tollgate
