#include "services/provider_adapter/bedrock/json_members.h"

#include <simdjson.h>

namespace tollgate::bedrock {
namespace {

namespace ondemand = simdjson::ondemand;

// The value's bytes, without the space behind it. Passes over arrays and objects.
simdjson::error_code raw_of(ondemand::value& value, std::string_view& raw) {
  ondemand::json_type type;
  simdjson::error_code error = value.type().get(type);
  if (error)
    return error;
  if (type == ondemand::json_type::object) {
    ondemand::object object;
    error = value.get_object().get(object);
    if (!error)
      error = object.raw_json().get(raw);
  } else if (type == ondemand::json_type::array) {
    ondemand::array array;
    error = value.get_array().get(array);
    if (!error)
      error = array.raw_json().get(raw);
  } else {
    raw = value.raw_json_token();
  }
  raw = raw.substr(0, raw.find_last_not_of(" \t\r\n") + 1);
  return error;
}

}  // namespace

Outline outline_of(std::string& text) {
  if (text.capacity() - text.size() < simdjson::SIMDJSON_PADDING)
    text.reserve(text.size() + simdjson::SIMDJSON_PADDING);
  thread_local ondemand::parser parser;
  ondemand::document document;
  ondemand::object object;
  Outline outline;
  simdjson::error_code failed = parser.iterate(text.data(), text.size(), text.capacity()).get(document);
  if (!failed)
    failed = document.get_object().get(object);
  if (failed) {
    outline.error = simdjson::error_message(failed);
    return outline;
  }
  outline.begin = text.find('{') + 1;
  for (auto result : object) {
    ondemand::field field;
    Member member;
    std::string_view name;
    failed = std::move(result).get(field);
    if (!failed) {
      member.begin = static_cast<std::size_t>(field.key().raw() - 1 - text.data());
      failed = field.unescaped_key().get(name);
    }
    if (!failed) {
      member.name = name;
      ondemand::value value = field.value();
      failed = raw_of(value, member.value);
    }
    if (failed) {
      outline.error = simdjson::error_message(failed);
      return outline;
    }
    member.end = static_cast<std::size_t>(member.value.data() - text.data()) + member.value.size();
    outline.members.push_back(std::move(member));
  }
  return outline;
}

std::string rewritten(const std::string& text, const Outline& outline, std::string_view first,
                      const std::function<bool(const Member&)>& keep) {
  std::string out;
  out.reserve(text.size() + first.size() + 1);
  out.append(text, 0, outline.begin).append(first);
  bool empty = first.empty();
  // Each member brings along what stands before it: its comma, unless it is the first of the text.
  std::size_t before = outline.begin;
  for (const Member& member : outline.members) {
    const bool has_comma = before != outline.begin;
    if (keep(member)) {
      if (!empty && !has_comma)
        out += ',';
      const std::size_t begin = empty && has_comma ? member.begin : before;
      out.append(text, begin, member.end - begin);
      empty = false;
    }
    before = member.end;
  }
  // No comma is left over in front of nothing, as only members bring any.
  return out.append(text, before);
}

}  // namespace tollgate::bedrock
