#include "services/provider_adapter/bedrock/invoke_body.h"

#include <fmt/format.h>
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "services/common/base/errors.h"
#include "services/provider_adapter/aws/base64.h"
#include "services/provider_adapter/bedrock/json_members.h"

namespace tollgate::bedrock {
namespace {

constexpr std::string_view kOldVersion = "bedrock-2023-05-31";
constexpr std::string_view kNewVersion = "2026-10-21";
// Members that the newer version no longer has.
constexpr std::array<std::string_view, 3> kSampling = {"temperature", "top_p", "top_k"};

absl::Status bad(std::string message) {
  return error(v1::Failure::KIND_INVALID_REQUEST, std::move(message));
}

absl::StatusOr<Outline> read(std::string& body) {
  Outline outline = outline_of(body);
  if (!outline.error.empty())
    return bad(fmt::format("The request body is not a JSON object: {}", outline.error));
  return outline;
}

std::string quoted(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string first_members(const Moved& moved, std::string_view version, bool add_max_tokens) {
  std::string first = fmt::format(R"("anthropic_version":"{}")", version);
  if (!moved.betas.empty()) {
    std::vector<std::string> seen;
    first += R"(,"anthropic_beta":[)";
    for (const std::string& flag : moved.betas) {
      if (std::find(seen.begin(), seen.end(), flag) != seen.end())
        continue;
      first.append(seen.empty() ? "" : ",").append(quoted(flag));
      seen.push_back(flag);
    }
    first += ']';
  }
  if (!moved.user_profile.empty())
    first.append(R"(,"user_profile_id":)").append(quoted(moved.user_profile));
  if (add_max_tokens)
    first += R"(,"max_tokens":1)";
  return first;
}

absl::StatusOr<std::string> rewrite(std::string& body, Moved moved, std::string_view model, bool counts) {
  const absl::StatusOr<Outline> outline = read(body);
  if (!outline.ok())
    return outline.status();
  const std::string_view version = invoke_version(moved.version, model);
  const bool strict = moved.version == kNewVersion && version == kOldVersion;
  bool has_max_tokens = false;
  for (const Member& member : outline->members) {
    has_max_tokens |= member.name == "max_tokens";
    // The Messages API has no such members.
    if (member.name == "anthropic_version" || member.name == "anthropic_beta")
      return bad(fmt::format("{}: Extra inputs are not permitted", member.name));
    const bool sampling = std::find(kSampling.begin(), kSampling.end(), member.name) != kSampling.end();
    if (strict && sampling)
      return bad(fmt::format("{}: Extra inputs are not permitted", member.name));
  }
  const std::string first = first_members(moved, version, counts && !has_max_tokens);
  return rewritten(body, *outline, first, [&moved](const Member& member) {
    const bool profile = member.name == "user_profile_id" && !moved.user_profile.empty();
    return member.name != "model" && member.name != "stream" && !profile;
  });
}

}  // namespace

void add_betas(std::string_view header, std::vector<std::string>& betas) {
  while (!header.empty()) {
    const std::size_t comma = std::min(header.find(','), header.size());
    std::string_view flag = header.substr(0, comma);
    flag = flag.substr(0, flag.find_last_not_of(" \t") + 1);
    flag.remove_prefix(std::min(flag.size(), flag.find_first_not_of(" \t")));
    if (!flag.empty())
      betas.emplace_back(flag);
    header.remove_prefix(std::min(header.size(), comma + 1));
  }
}

std::string_view invoke_version(std::string_view client_version, std::string_view model) {
  if (client_version != kNewVersion || model.starts_with("arn:"))
    return kOldVersion;
  // -v1 or -v1:0 at the end.
  std::string_view rest = model;
  const auto drop_digits = [&rest] {
    const std::size_t size = rest.size();
    while (!rest.empty() && rest.back() >= '0' && rest.back() <= '9')
      rest.remove_suffix(1);
    return rest.size() < size;
  };
  if (drop_digits() && rest.ends_with(':')) {
    rest.remove_suffix(1);
    drop_digits();
  }
  return rest.ends_with("-v") ? kOldVersion : kNewVersion;
}

absl::StatusOr<std::string> invoke_body(std::string& body, Moved moved, std::string_view model) {
  return rewrite(body, std::move(moved), model, false);
}

absl::StatusOr<std::string> messages_body(std::string& body, const std::string& user_profile) {
  const absl::StatusOr<Outline> outline = read(body);
  if (!outline.ok())
    return outline.status();
  const std::string first = fmt::format(R"("user_profile_id":{})", quoted(user_profile));
  return rewritten(body, *outline, first, [](const Member& member) { return member.name != "user_profile_id"; });
}

absl::StatusOr<std::string> count_tokens_body(std::string& body, Moved moved, std::string_view model) {
  const absl::StatusOr<std::string> inner = rewrite(body, std::move(moved), model, true);
  if (!inner.ok())
    return inner.status();
  return fmt::format(R"({{"input":{{"invokeModel":{{"body":"{}"}}}}}})", aws::base64(*inner));
}

}  // namespace tollgate::bedrock
