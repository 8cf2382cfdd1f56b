#include "gateway/openai/json_read.h"

#include <fmt/format.h>

#include "services/common/base/errors.h"

namespace tollgate::chat {

absl::Status bad(std::string_view path, std::string_view what) {
  return error(v1::Failure::KIND_INVALID_REQUEST, fmt::format("{}: {}", path, what));
}

std::optional<Element> find(const simdjson::dom::object& object, std::string_view name) {
  Element value;
  if (object.at_key(name).get(value) || value.is_null())
    return std::nullopt;
  return value;
}

std::optional<std::string_view> text_of(Element value) {
  std::string_view text;
  if (value.get_string().get(text))
    return std::nullopt;
  return text;
}

std::optional<std::string_view> find_text(const simdjson::dom::object& object, std::string_view name) {
  const std::optional<Element> value = find(object, name);
  return value ? text_of(*value) : std::nullopt;
}

std::string json_of(Element value) {
  return simdjson::minify(value);
}

}  // namespace tollgate::chat
