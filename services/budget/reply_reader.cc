#include "services/budget/reply_reader.h"

#include <fmt/format.h>

#include <charconv>

#include "services/common/base/errors.h"

namespace tollgate {

const RedisReply* ReplyReader::next() {
  if (position_ < array_.elements.size())
    return &array_.elements[position_++];
  failed_ = true;
  return nullptr;
}

std::string ReplyReader::text() {
  const RedisReply* element = next();
  return element == nullptr ? std::string() : element->text;
}

std::optional<std::int64_t> ReplyReader::optional_integer() {
  const RedisReply* element = next();
  if (element == nullptr)
    return std::nullopt;
  if (element->type == RedisReply::Type::kInteger)
    return element->integer;
  if (element->text.empty())
    return std::nullopt;
  std::int64_t value = 0;
  const char* end = element->text.data() + element->text.size();
  const auto [stop, problem] = std::from_chars(element->text.data(), end, value);
  if (problem != std::errc() || stop != end)
    failed_ = true;
  return value;
}

std::int64_t ReplyReader::integer() {
  return optional_integer().value_or(0);
}

absl::Status unexpected_reply(const RedisScript& script) {
  return error(v1::Failure::KIND_INTERNAL, fmt::format("Redis script {} gave an unexpected reply.", script.name()));
}

}  // namespace tollgate
