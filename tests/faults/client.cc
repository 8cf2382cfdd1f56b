#include "tests/faults/client.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

namespace tollgate::testing {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr std::string_view kMessageId = "\"id\":\"msg_";

std::string message_of(const std::string& body) {
  const auto at = body.find(kMessageId);
  if (at == std::string::npos)
    return {};
  const auto begin = at + kMessageId.size() - 4;
  return body.substr(begin, body.find('"', begin) - begin);
}

bool is_error(const std::string& body) {
  const json parsed = json::parse(body, nullptr, false);
  return parsed.is_object() && parsed.value("type", "") == "error" && parsed.contains("error");
}

}  // namespace

std::string without_ids(std::string body) {
  for (std::size_t at = 0; (at = body.find(kMessageId, at)) != std::string::npos;) {
    at += kMessageId.size();
    body.erase(at, body.find('"', at) - at);
  }
  return body;
}

Seen see(HttpExchange& exchange, const std::string& whole) {
  const auto start = std::chrono::steady_clock::now();
  Seen seen;
  seen.status = exchange.status();
  const std::string& body = exchange.body();
  seen.took = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - start);
  seen.message = message_of(body);
  if (seen.status != 0)
    seen.generation = exchange.header("x-generation-id");
  // What did arrive of an answer is right in any case.
  const std::string text = without_ids(body);
  const bool begins_well = whole.starts_with(text);
  if (seen.status == 0)
    seen.sight = Sight::kBroken;
  else if (seen.status >= 400)
    seen.sight = !exchange.complete() ? Sight::kBroken : is_error(body) ? Sight::kRefused : Sight::kWrong;
  else if (exchange.complete() && text == whole)
    seen.sight = Sight::kWhole;
  else if (const auto at = text.rfind("event: error\ndata: {\"type\":\"error\"");
           exchange.complete() && at != std::string::npos && whole.starts_with(text.substr(0, at)))
    seen.sight = Sight::kTold;
  else if (!exchange.complete() && (begins_well || message_of(body).empty()))
    seen.sight = Sight::kBroken;
  if (seen.sight == Sight::kWrong)
    seen.text = body;
  return seen;
}

void Sights::add(Seen seen) {
  const std::lock_guard lock(mutex_);
  all_.push_back(std::move(seen));
}

int Sights::count(Sight sight) const {
  const std::lock_guard lock(mutex_);
  return static_cast<int>(std::count_if(all_.begin(), all_.end(), [&](const Seen& one) { return one.sight == sight; }));
}

milliseconds Sights::longest() const {
  const std::lock_guard lock(mutex_);
  milliseconds longest{0};
  for (const Seen& one : all_)
    longest = std::max(longest, one.took);
  return longest;
}

std::string Sights::summary() const {
  const std::lock_guard lock(mutex_);
  static const std::map<Sight, const char*> kNames = {{Sight::kWhole, "whole"},
                                                      {Sight::kRefused, "refused"},
                                                      {Sight::kTold, "told"},
                                                      {Sight::kBroken, "broken"},
                                                      {Sight::kWrong, "WRONG"}};
  std::map<Sight, int> counts;
  std::set<unsigned> statuses;
  for (const Seen& one : all_) {
    ++counts[one.sight];
    if (one.sight == Sight::kRefused)
      statuses.insert(one.status);
  }
  std::string out;
  for (const auto& [sight, count] : counts) {
    out += fmt::format("{}{} {}", out.empty() ? "" : ", ", count, kNames.at(sight));
    if (sight == Sight::kRefused)
      out += fmt::format(" ({})", fmt::join(statuses, ", "));
  }
  return out;
}

}  // namespace tollgate::testing
