#include "services/provider_adapter/openai/tool_ids.h"

#include <fmt/format.h>

#include <algorithm>

#include "services/common/base/digest.h"

namespace tollgate::openai {
namespace {

constexpr std::size_t kLongest = 64;

bool is_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_id(char c) {
  return is_alnum(c) || c == '_' || c == '-';
}

std::string shortened(std::string_view id, std::size_t size) {
  constexpr std::size_t kDigest = 8;
  std::string out(id.substr(0, size - kDigest - 1));
  std::replace_if(
      out.begin(), out.end(), [](char c) { return !is_id(c); }, '_');
  return out + '_' + sha256_hex(id).substr(0, kDigest);
}

}  // namespace

std::string message_id(std::string_view identity) {
  std::string id = "msg_";
  id.append(identity.substr(0, kLongest));
  std::replace_if(
      id.begin(), id.end(), [](char c) { return !is_id(c); }, '_');
  return id;
}

std::string client_tool_id(std::string_view id) {
  if (id.size() <= kLongest && std::all_of(id.begin(), id.end(), is_id))
    return std::string(id);
  return shortened(id, kLongest);
}

std::string made_tool_id(std::string_view generation_id, std::string_view id, std::size_t number) {
  return "toolu_" + sha256_hex(fmt::format("{}/{}/{}", generation_id, id, number)).substr(0, 24);
}

std::string upstream_tool_id(std::string_view id, Quirks::ToolId rule) {
  if (rule == Quirks::ToolId::kAlnum9) {
    constexpr std::size_t kSize = 9;
    if (id.size() == kSize && std::all_of(id.begin(), id.end(), is_alnum))
      return std::string(id);
    return sha256_hex(id).substr(0, kSize);
  }
  constexpr std::size_t kMax40 = 40;
  if (rule == Quirks::ToolId::kMax40 && id.size() > kMax40)
    return shortened(id, kMax40);
  return std::string(id);
}

std::string upstream_tool_name(std::string_view name) {
  return client_tool_id(name);
}

std::string_view client_tool_name(const ToolNames& names, std::string_view name) {
  const auto found = names.find(name);
  return found == names.end() ? name : std::string_view(found->second);
}

}  // namespace tollgate::openai
