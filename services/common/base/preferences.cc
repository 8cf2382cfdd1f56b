#include "services/common/base/preferences.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "services/common/base/errors.h"
#include "services/common/base/money.h"

namespace tollgate {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxBytes = 64 * 1024;
constexpr std::size_t kMaxSlugs = 100;
constexpr std::size_t kMaxSlugBytes = 128;
constexpr std::int64_t kNanoPerMicro = 1000;

constexpr std::array<std::string_view, 12> kQuantizations = {"int4", "int8",  "fp4",  "mxfp4", "nvfp4", "fp6",
                                                             "fp8",  "mxfp8", "fp16", "bf16",  "fp32",  "unknown"};

absl::Status bad(std::string message) {
  return error(v1::Failure::KIND_INVALID_REQUEST, std::move(message));
}

// Names as they stand in messages: whole ones only, and nothing that garbles a line.
std::string shown(std::string_view name) {
  std::string text(name.substr(0, 64));
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c >= 0x7f; }, '?');
  return text;
}

// One object of the document. Each read takes a member; what nobody took is unknown.
class Object {
 public:
  Object(const Json& value, std::string where) : value_(value), where_(std::move(where)) {}

  // Null when absent.
  const Json* take(const char* name) {
    known_.push_back(name);
    const auto found = value_.find(name);
    return found == value_.end() || found->is_null() ? nullptr : &*found;
  }

  void flag(const char* name, bool& out) {
    const Json* value = take(name);
    if (value == nullptr)
      return;
    if (value->is_boolean())
      out = value->get<bool>();
    else
      fail(name, "expected true or false");
  }

  // One of `names`; sets the index.
  template <std::size_t N>
  void choice(const char* name, const std::array<std::string_view, N>& names, std::size_t& out) {
    const Json* value = take(name);
    if (value == nullptr)
      return;
    const auto found = value->is_string()
                           ? std::find(names.begin(), names.end(), value->get_ref<const Json::string_t&>())
                           : names.end();
    if (found == names.end())
      return fail(name, fmt::format("expected one of {}", fmt::join(names, ", ")));
    out = static_cast<std::size_t>(found - names.begin());
  }

  // True when it is given and names anything.
  bool texts(const char* name, std::vector<std::string>& out) {
    const Json* value = take(name);
    if (value == nullptr)
      return false;
    const bool strings = value->is_array() && std::all_of(value->begin(), value->end(), [](const Json& element) {
                           return element.is_string() && !element.get_ref<const Json::string_t&>().empty() &&
                                  element.get_ref<const Json::string_t&>().size() <= kMaxSlugBytes;
                         });
    if (!strings || value->size() > kMaxSlugs) {
      fail(name,
           fmt::format("expected an array of at most {} strings, each of 1 to {} bytes", kMaxSlugs, kMaxSlugBytes));
      return false;
    }
    out = value->get<std::vector<std::string>>();
    return !out.empty();
  }

  void price(const char* name, std::optional<std::int64_t>& out) {
    const Json* value = take(name);
    if (value == nullptr)
      return;
    absl::StatusOr<std::int64_t> nano = absl::InvalidArgumentError("");
    if (value->is_string())
      nano = parse_usd(value->get_ref<const Json::string_t&>());
    else if (value->is_number() && value->get<double>() >= 0 && value->get<double>() <= to_usd(kMaxNanoUsd))
      nano = std::llround(value->get<double>() * static_cast<double>(kNanoPerUsd));
    if (!nano.ok())
      return fail(name, "expected USD as a decimal number: 2.5 or \"2.5\"");
    out = *nano / kNanoPerMicro;
  }

  void positive(const char* name, const Json& value, double& out) {
    if (value.is_number() && value.get<double>() > 0 && std::isfinite(value.get<double>()))
      out = value.get<double>();
    else
      fail(name, "expected a number above 0");
  }

  std::string path(const char* name) const { return fmt::format("{}.{}", where_, name); }

  void fail(const std::string& name, const std::string& text) {
    if (status_.ok())
      status_ = bad(fmt::format("{}.{}: {}", where_, name, text));
  }
  void fail(const absl::Status& status) {
    if (status_.ok())
      status_ = status;
  }

  absl::Status finish() {
    for (const auto& [name, value] : value_.items()) {
      if (std::find(known_.begin(), known_.end(), name) == known_.end())
        fail(shown(name), fmt::format("this preference is not known; known are {}", fmt::join(known_, ", ")));
    }
    return status_;
  }

 private:
  const Json& value_;
  const std::string where_;
  std::vector<std::string> known_;
  absl::Status status_;
};

void read_max_price(Object& object, MaxPrice& out) {
  const Json* value = object.take("max_price");
  if (value == nullptr)
    return;
  if (!value->is_object())
    return object.fail("max_price", "expected an object");
  Object prices(*value, object.path("max_price"));
  prices.price("prompt", out.prompt);
  prices.price("completion", out.completion);
  prices.price("request", out.request);
  prices.price("image", out.image);
  prices.price("audio", out.audio);
  object.fail(prices.finish());
}

// A number means the median.
void read_cutoffs(Object& object, const char* name, Cutoffs& out) {
  const Json* value = object.take(name);
  if (value == nullptr)
    return;
  if (!value->is_object())
    return object.positive(name, *value, out[50]);
  Object cutoffs(*value, object.path(name));
  for (const int percentile : {50, 75, 90, 99}) {
    const std::string member = fmt::format("p{}", percentile);
    if (const Json* cutoff = cutoffs.take(member.c_str()))
      cutoffs.positive(member.c_str(), *cutoff, out[percentile]);
  }
  object.fail(cutoffs.finish());
}

constexpr std::array<std::string_view, 3> kSorts = {"price", "throughput", "latency"};
constexpr std::array<SortBy, 3> kSortValues = {SortBy::kPrice, SortBy::kThroughput, SortBy::kLatency};
constexpr std::array<std::string_view, 2> kPartitions = {"model", "none"};

void read_sort(Object& object, ProviderPreferences& out) {
  const Json* value = object.take("sort");
  if (value == nullptr)
    return;
  std::size_t by = kSorts.size();
  if (value->is_object()) {
    Object sort(*value, object.path("sort"));
    std::size_t partition = 0;
    sort.choice("by", kSorts, by);
    sort.choice("partition", kPartitions, partition);
    out.across_models = partition == 1;
    object.fail(sort.finish());
  } else {
    object.choice("sort", kSorts, by);
  }
  if (by < kSorts.size())
    out.sort = kSortValues[by];
}

void read_quantizations(Object& object, std::optional<std::vector<std::string>>& out) {
  std::vector<std::string> names;
  if (!object.texts("quantizations", names))
    return;
  for (const std::string& name : names) {
    if (std::find(kQuantizations.begin(), kQuantizations.end(), name) == kQuantizations.end())
      return object.fail("quantizations",
                         fmt::format("\"{}\" is none of {}", shown(name), fmt::join(kQuantizations, ", ")));
  }
  out = std::move(names);
}

// The first member of any object that stands twice in it; empty when none does.
class Duplicates {
 public:
  bool operator()(int, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::object_start)
      open_.emplace_back();
    else if (event == Json::parse_event_t::object_end)
      open_.pop_back();
    else if (event == Json::parse_event_t::key && !open_.back().insert(parsed.get<std::string>()).second)
      *found_ = parsed.get<std::string>();
    return true;
  }
  explicit Duplicates(std::optional<std::string>& found) : found_(&found) {}

 private:
  std::vector<std::set<std::string>> open_;
  std::optional<std::string>* found_;
};

// Both lists hold: what either of two slugs means, the narrower means.
std::vector<std::string> both(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  std::vector<std::string> out;
  const auto add = [&](const std::string& slug) {
    if (std::find(out.begin(), out.end(), slug) == out.end())
      out.push_back(slug);
  };
  for (const std::string& left : a) {
    for (const std::string& right : b) {
      if (slug_means(right, left))
        add(left);
      else if (slug_means(left, right))
        add(right);
    }
  }
  return out;
}

std::optional<std::vector<std::string>> both(const std::optional<std::vector<std::string>>& a,
                                             const std::optional<std::vector<std::string>>& b) {
  return a && b ? both(*a, *b) : a ? a : b;
}

std::optional<std::int64_t> lower(std::optional<std::int64_t> a, std::optional<std::int64_t> b) {
  return a && b ? std::min(*a, *b) : a ? a : b;
}

Cutoffs stricter(const Cutoffs& a, const Cutoffs& b, bool higher) {
  Cutoffs out = a;
  for (const auto& [percentile, value] : b) {
    const auto [there, added] = out.emplace(percentile, value);
    if (!added)
      there->second = higher ? std::max(there->second, value) : std::min(there->second, value);
  }
  return out;
}

}  // namespace

absl::StatusOr<ProviderPreferences> parse_preferences(std::string_view json, std::string_view where) {
  if (json.size() > kMaxBytes)
    return bad(fmt::format("{}: expected an object of at most {} bytes", where, kMaxBytes));
  std::optional<std::string> duplicate;
  const Json document = Json::parse(json.begin(), json.end(), Duplicates(duplicate), false);
  if (!document.is_object())
    return bad(fmt::format("{}: expected an object", where));
  if (duplicate)
    return bad(fmt::format("{}.{}: this member stands twice", where, shown(*duplicate)));

  ProviderPreferences out;
  Object object(document, std::string(where));
  object.texts("order", out.order);
  std::vector<std::string> only;
  if (object.texts("only", only))
    out.only = std::move(only);
  object.texts("ignore", out.ignore);
  object.flag("allow_fallbacks", out.allow_fallbacks);
  object.flag("require_parameters", out.require_parameters);
  std::size_t collection = 0;
  object.choice("data_collection", std::array<std::string_view, 2>{"allow", "deny"}, collection);
  out.deny_data_collection = collection == 1;
  object.flag("zdr", out.zdr);
  read_quantizations(object, out.quantizations);
  read_sort(object, out);
  read_max_price(object, out.max_price);
  read_cutoffs(object, "preferred_min_throughput", out.min_throughput);
  read_cutoffs(object, "preferred_max_latency", out.max_latency);
  bool distillable = false;
  object.flag("enforce_distillable_text", distillable);
  if (distillable)
    object.fail("enforce_distillable_text", "the catalog does not say which models allow that; leave it out");
  if (absl::Status status = object.finish(); !status.ok())
    return status;
  return out;
}

ProviderPreferences merge_preferences(const ProviderPreferences& request, const ProviderPreferences& defaults) {
  ProviderPreferences out = request;
  out.only = both(request.only, defaults.only);
  out.ignore.insert(out.ignore.end(), defaults.ignore.begin(), defaults.ignore.end());
  out.quantizations = both(request.quantizations, defaults.quantizations);
  out.allow_fallbacks = request.allow_fallbacks && defaults.allow_fallbacks;
  out.require_parameters = request.require_parameters || defaults.require_parameters;
  out.deny_data_collection = request.deny_data_collection || defaults.deny_data_collection;
  out.zdr = request.zdr || defaults.zdr;
  out.max_price.prompt = lower(request.max_price.prompt, defaults.max_price.prompt);
  out.max_price.completion = lower(request.max_price.completion, defaults.max_price.completion);
  out.max_price.request = lower(request.max_price.request, defaults.max_price.request);
  out.max_price.image = lower(request.max_price.image, defaults.max_price.image);
  out.max_price.audio = lower(request.max_price.audio, defaults.max_price.audio);
  if (request.order.empty() && request.sort == SortBy::kNone) {
    out.order = defaults.order;
    out.sort = defaults.sort;
    out.across_models = defaults.across_models;
  }
  out.min_throughput = stricter(request.min_throughput, defaults.min_throughput, true);
  out.max_latency = stricter(request.max_latency, defaults.max_latency, false);
  return out;
}

bool slug_means(std::string_view slug, std::string_view provider) {
  if (provider == slug)
    return true;
  if (provider.size() <= slug.size() || !provider.starts_with(slug) || provider[slug.size()] != '/')
    return false;
  const std::string_view variant = provider.substr(slug.size() + 1);
  return variant != "priority" && variant != "flex";
}

}  // namespace tollgate
