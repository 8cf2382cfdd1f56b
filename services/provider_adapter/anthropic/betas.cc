#include "services/provider_adapter/anthropic/betas.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <boost/beast/core/string.hpp>

#include "services/common/base/errors.h"
#include "services/provider_adapter/anthropic/headers.h"
#include "services/provider_adapter/upstream_failure.h"

namespace tollgate::anthropic {
namespace {

using boost::beast::iequals;
using Patterns = google::protobuf::RepeatedPtrField<std::string>;

constexpr std::string_view kBeta = "anthropic-beta";
constexpr std::string_view kVersion = "anthropic-version";
constexpr std::string_view kDefaultVersion = "2023-06-01";

bool holds(const Flags& flags, std::string_view flag) {
  return std::find(flags.begin(), flags.end(), flag) != flags.end();
}

bool matches(const Patterns& patterns, std::string_view flag) {
  return std::any_of(patterns.begin(), patterns.end(), [flag](std::string_view pattern) {
    return pattern.ends_with('*') ? flag.starts_with(pattern.substr(0, pattern.size() - 1)) : flag == pattern;
  });
}

void split(std::string_view value, Flags& flags) {
  while (!value.empty()) {
    std::string_view flag = value.substr(0, value.find(','));
    value.remove_prefix(std::min(value.size(), flag.size() + 1));
    const std::size_t begin = flag.find_first_not_of(" \t");
    if (begin == flag.npos)
      continue;
    flags.emplace_back(flag.substr(begin, flag.find_last_not_of(" \t") + 1 - begin));
  }
}

// Gives each flag to `keep`, which may change it; writes the lines anew that are not what they were.
template <class Keep>
void rewrite(ClientHeaders& headers, Keep keep) {
  Flags seen;
  const auto gone = [&](v1::Header& header) {
    if (!iequals(header.name(), kBeta))
      return false;
    Flags flags;
    split(header.value(), flags);
    Flags kept;
    for (std::string flag : flags) {
      if (!keep(flag) || holds(seen, flag))
        continue;
      seen.push_back(flag);
      kept.push_back(std::move(flag));
    }
    if (kept != flags)
      header.set_value(fmt::format("{}", fmt::join(kept, ",")));
    return kept.empty();
  };
  headers.erase(std::remove_if(headers.begin(), headers.end(), gone), headers.end());
}

void fit_version(const v1::Features& features, ClientHeaders& headers) {
  const auto& versions = features.anthropic_versions();
  const auto known = [&versions](std::string_view version) {
    return std::find(versions.begin(), versions.end(), version) != versions.end();
  };
  if (versions.empty())
    return;
  if (!has_header(headers, kVersion) && !known(kDefaultVersion)) {
    v1::Header& header = *headers.Add();
    header.set_name(std::string(kVersion));
    header.set_value(versions[0]);
  }
  for (v1::Header& header : headers) {
    if (iequals(header.name(), kVersion) && !known(header.value()))
      header.set_value(versions[0]);
  }
}

}  // namespace

Flags beta_flags(const ClientHeaders& headers) {
  Flags flags;
  for (const v1::Header& header : headers) {
    if (iequals(header.name(), kBeta))
      split(header.value(), flags);
  }
  return flags;
}

bool is_unlimited(const v1::Features& features) {
  return features.anthropic_versions().empty() && !features.has_betas();
}

absl::Status fit_headers(const v1::Features& features, std::string_view name, ClientHeaders& headers) {
  const v1::BetaRules& rules = features.betas();
  for (const std::string& flag : beta_flags(headers)) {
    if (matches(rules.refuse(), flag)) {
      return to_status(upstream_failure(v1::Failure::KIND_UNSUPPORTED, name,
                                        fmt::format("anthropic-beta: upstream {} does not take the flag {}. Leave it "
                                                    "out, or ask for another provider.",
                                                    name, flag)));
    }
  }
  rewrite(headers, [&rules](std::string& flag) {
    if (matches(rules.drop(), flag))
      return false;
    const auto renamed = rules.rename().find(flag);
    if (renamed != rules.rename().end())
      flag = renamed->second;
    return rules.only().empty() || matches(rules.only(), flag);
  });
  fit_version(features, headers);
  return absl::OkStatus();
}

void drop_flags(const Flags& flags, ClientHeaders& headers) {
  rewrite(headers, [&flags](const std::string& flag) { return !holds(flags, flag); });
}

Flags refused_flags(std::string_view message, const Flags& sent) {
  const bool of_header =
      message.find("anthropic-beta") != message.npos && message.find("nexpected value") != message.npos;
  const bool of_flag = message.find("invalid beta flag") != message.npos;
  if (!of_header && !of_flag)
    return {};
  // A flag ends where a letter of another would follow: context-1m is no part of context-1m-2025-08-07.
  const auto names = [message](const std::string& flag) {
    const auto is_part = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    };
    for (std::size_t at = message.find(flag); at != message.npos; at = message.find(flag, at + 1)) {
      const std::size_t end = at + flag.size();
      if ((at == 0 || !is_part(message[at - 1])) && (end == message.size() || !is_part(message[end])))
        return true;
    }
    return false;
  };
  Flags refused;
  std::copy_if(sent.begin(), sent.end(), std::back_inserter(refused), names);
  return refused.empty() && of_flag ? sent : refused;
}

void RefusedFlags::add(const std::string& model, const Flags& sent, const Flags& refused, SteadyClock::time_point now) {
  if (models_.size() >= kMaxModels && !models_.contains(model))
    models_.erase(models_.begin());
  std::vector<Entry>& entries = models_[model];
  std::erase_if(entries, [now](const Entry& entry) { return entry.until <= now; });
  if (entries.size() >= kMaxEntries)
    entries.erase(entries.begin());
  const bool together = refused.size() > 1 && refused.size() == sent.size();
  if (together) {
    entries.push_back({sent, true, now + kRemembered});
    return;
  }
  for (const std::string& flag : refused)
    entries.push_back({{flag}, false, now + kRemembered});
}

Flags RefusedFlags::among(const std::string& model, const Flags& sent, SteadyClock::time_point now) const {
  const auto found = models_.find(model);
  if (found == models_.end())
    return {};
  Flags flags;
  for (const Entry& entry : found->second) {
    if (entry.until <= now)
      continue;
    if (entry.together && entry.flags == sent)
      return sent;
    if (!entry.together && holds(sent, entry.flags.front()))
      flags.push_back(entry.flags.front());
  }
  return flags;
}

}  // namespace tollgate::anthropic
