// Who may serve a request and who is tried first: the `provider` object, in which a request, its key and its workspace
// say so. Form and meaning are OpenRouter's.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace tollgate {

enum class SortBy { kNone, kPrice, kThroughput, kLatency };

// Micro-USD, for prompt and completion per million tokens. Unset: no bound.
struct MaxPrice {
  std::optional<std::int64_t> prompt;
  std::optional<std::int64_t> completion;
  // Endpoints are billed by tokens alone: nothing exceeds these.
  std::optional<std::int64_t> request;
  std::optional<std::int64_t> image;
  std::optional<std::int64_t> audio;

  bool operator==(const MaxPrice&) const = default;
};

// By percentile, 50, 75, 90 or 99: what so many per cent of the requests do better than.
using Cutoffs = std::map<int, double>;

struct ProviderPreferences {
  // Filters. An unset list allows all, an empty one nothing.
  std::optional<std::vector<std::string>> only;
  std::vector<std::string> ignore;
  std::optional<std::vector<std::string>> quantizations;
  bool allow_fallbacks = true;
  bool require_parameters = false;
  bool deny_data_collection = false;
  bool zdr = false;
  MaxPrice max_price;
  // Order.
  std::vector<std::string> order;
  SortBy sort = SortBy::kNone;
  // `sort` takes the endpoints of all models together.
  bool across_models = false;
  // Who misses one of these is tried later, and not excluded. Output tokens a second; seconds to the first token.
  Cutoffs min_throughput;
  Cutoffs max_latency;

  bool operator==(const ProviderPreferences&) const = default;
};

// `json`: the object. INVALID_REQUEST for what is not known or of the wrong type, naming the member behind `where`:
// "provider.sort.by: ...". A member that is null is as good as absent.
absl::StatusOr<ProviderPreferences> parse_preferences(std::string_view json, std::string_view where);

// What holds when both were given: of two filters the stricter, and the order that `request` states, or else
// `defaults`.
ProviderPreferences merge_preferences(const ProviderPreferences& request, const ProviderPreferences& defaults);

// `slug` means the provider: itself, or all regions of it when it is a base slug. A tier of service (openai/priority,
// openai/flex) is meant by its own name alone.
bool slug_means(std::string_view slug, std::string_view provider);

}  // namespace tollgate
