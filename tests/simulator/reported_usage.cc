#include "tests/simulator/reported_usage.h"

#include <nlohmann/json.hpp>

namespace tollgate::simulator {
namespace {

using Json = nlohmann::json;

void take(const Json& usage, const char* name, std::int64_t& value) {
  auto member = usage.find(name);
  if (member != usage.end() && member->is_number_integer())
    value = member->get<std::int64_t>();
}

Usage compactions_in(const Json& iterations) {
  Usage sum;
  for (const Json& iteration : iterations) {
    if (!iteration.is_object() || iteration.value("type", "") != "compaction")
      continue;
    std::int64_t input = 0;
    std::int64_t output = 0;
    take(iteration, "input_tokens", input);
    take(iteration, "output_tokens", output);
    sum.input += input;
    sum.output += output;
  }
  return sum;
}

void add_usage(const Json& usage, Reported& reported) {
  Usage& sum = reported.sums;
  take(usage, "input_tokens", sum.input);
  take(usage, "output_tokens", sum.output);
  take(usage, "cache_read_input_tokens", sum.cache_read);
  std::int64_t creation = -1;
  take(usage, "cache_creation_input_tokens", creation);
  if (creation >= 0)
    sum.cache_creation_5m = creation - sum.cache_creation_1h;
  if (usage.contains("cache_creation")) {
    take(usage["cache_creation"], "ephemeral_5m_input_tokens", sum.cache_creation_5m);
    take(usage["cache_creation"], "ephemeral_1h_input_tokens", sum.cache_creation_1h);
  }
  if (usage.contains("iterations") && usage["iterations"].is_array())
    reported.compactions = compactions_in(usage["iterations"]);
  reported.usage = sum;
  reported.usage.input += reported.compactions.input;
  reported.usage.output += reported.compactions.output;
  reported.found = true;
}

}  // namespace

void add_reported(std::string_view json, Reported& reported) {
  Json value = Json::parse(json, nullptr, false);
  if (!value.is_object())
    return;
  if (value.contains("message") && value["message"].is_object())
    value = Json(value["message"]);
  if (value.contains("id") && value["id"].is_string())
    reported.message_id = value["id"].get<std::string>();
  if (value.contains("usage") && value["usage"].is_object())
    add_usage(value["usage"], reported);
}

void add_reported_events(std::string_view sse, Reported& reported) {
  constexpr std::string_view kData = "data:";
  while (!sse.empty()) {
    std::string_view line = sse.substr(0, sse.find('\n'));
    sse.remove_prefix(std::min(sse.size(), line.size() + 1));
    if (line.starts_with(kData))
      add_reported(line.substr(kData.size()), reported);
  }
}

}  // namespace tollgate::simulator
