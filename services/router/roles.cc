#include "services/router/roles.h"

#include <simdjson.h>

#include <string_view>

namespace tollgate::router {
namespace {

namespace ondemand = simdjson::ondemand;

bool is_system(ondemand::value message) {
  ondemand::object object;
  if (message.get_object().get(object))
    return false;
  ondemand::value role;
  std::string_view name;
  return !object.find_field_unordered("role").get(role) && !role.get_string().get(name) && name == "system";
}

}  // namespace

bool has_system_message(const std::string& body) {
  thread_local ondemand::parser parser;
  ondemand::document document;
  ondemand::array messages;
  if (parser.iterate(body.data(), body.size(), body.capacity()).get(document) ||
      document.find_field_unordered("messages").get_array().get(messages))
    return false;
  for (auto element : messages) {
    ondemand::value message;
    if (element.get(message))
      return false;
    if (is_system(message))
      return true;
  }
  return false;
}

}  // namespace tollgate::router
