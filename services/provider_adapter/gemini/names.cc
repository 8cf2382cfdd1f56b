#include "services/provider_adapter/gemini/names.h"

#include <algorithm>

#include "services/common/base/digest.h"

namespace tollgate::gemini {
namespace {

constexpr std::size_t kNameLimit = 64;
constexpr std::size_t kDigits = 8;
constexpr std::string_view kIdPrefix = "toolu_g_";
constexpr std::size_t kIdLimit = 128;

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool is_name_character(char c) {
  return is_letter(c) || (c >= '0' && c <= '9') || c == '-';
}

bool fits(std::string_view name) {
  return !name.empty() && name.size() <= kNameLimit && is_letter(name.front()) &&
         std::all_of(name.begin(), name.end(), is_name_character);
}

}  // namespace

std::string function_name(std::string_view tool) {
  if (fits(tool))
    return std::string(tool);
  std::string name(tool.substr(0, kNameLimit - kDigits - 2));
  std::replace_if(
      name.begin(), name.end(), [](char c) { return !is_name_character(c); }, '_');
  if (name.empty() || !is_letter(name.front()))
    name.insert(name.begin(), '_');
  return name.append("_").append(sha256_hex(tool).substr(0, kDigits));
}

bool may_be_changed(std::string_view function) {
  if (function.size() <= kDigits || function[function.size() - kDigits - 1] != '_')
    return false;
  const std::string_view digits = function.substr(function.size() - kDigits);
  return digits.find_first_not_of("0123456789abcdef") == digits.npos;
}

std::string tool_of(const translation::MessagesRequest& request, std::string_view function) {
  for (const translation::Tool& tool : request.tools) {
    if (tool.name == function)
      return std::string(function);
  }
  for (const translation::Tool& tool : request.tools) {
    if (function_name(tool.name) == function)
      return std::string(tool.name);
  }
  return std::string(function);
}

std::string tool_use_id(std::string_view call_id) {
  const bool usable =
      !call_id.empty() && call_id.size() <= kIdLimit && std::all_of(call_id.begin(), call_id.end(), is_name_character);
  return usable ? std::string(kIdPrefix).append(call_id) : std::string();
}

std::string_view call_id(std::string_view tool_use_id) {
  return tool_use_id.starts_with(kIdPrefix) ? tool_use_id.substr(kIdPrefix.size()) : std::string_view();
}

}  // namespace tollgate::gemini
