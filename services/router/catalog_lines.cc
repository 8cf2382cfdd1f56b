#include "services/router/catalog_lines.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <optional>

#include "services/common/config/features.h"
#include "services/common/config/json_file.h"
#include "services/common/config/providers.h"
#include "services/router/catalog_bounds.h"

namespace tollgate::router {
namespace {

using nlohmann::json;
using Setter = void (v1::Price::*)(std::int64_t);

constexpr std::array<Setter, 6> kPrices = {&v1::Price::set_input,          &v1::Price::set_output,
                                           &v1::Price::set_cache_read,     &v1::Price::set_cache_write_5m,
                                           &v1::Price::set_cache_write_1h, &v1::Price::set_web_search};
constexpr const char* kExpectedPrices =
    "six prices in USD with at most six decimals, none above 10000: input, output, cache read, cache write for 5 min, "
    "for an hour, a thousand web searches";

// The upstream of a line as `update` writes it, which begins with that; empty: it has to be parsed.
std::string_view upstream_at_first_sight(std::string_view line) {
  constexpr std::string_view kBegin = "{\"upstream\":\"";
  if (!line.starts_with(kBegin))
    return {};
  const std::string_view rest = line.substr(kBegin.size());
  const std::size_t end = rest.find_first_of("\"\\");
  return end == rest.npos || rest[end] == '\\' ? std::string_view() : rest.substr(0, end);
}

class Reader {
 public:
  Reader(const std::string& name, const std::set<std::string>& upstreams, Problems& problems)
      : name_(name), upstreams_(upstreams), problems_(problems) {}

  CatalogLines read(std::string_view text) {
    while (!text.empty()) {
      const std::size_t end = text.find('\n');
      const std::string_view line = text.substr(0, end);
      text.remove_prefix(end == text.npos ? text.size() : end + 1);
      ++number_;
      if (line.find_first_not_of(" \t\r") == line.npos)
        continue;
      const std::string_view upstream = upstream_at_first_sight(line);
      if (head_read_ && !upstream.empty() && !upstreams_.contains(std::string(upstream))) {
        ++lines_;
        continue;
      }
      // As the only line of a file of its own: the parser's "line 1" would say nothing.
      const absl::StatusOr<json> parsed = parse_json(std::string(line), name_);
      if (!parsed.ok())
        problem("", "is no JSON object");
      else if (!head_read_)
        read_head(*parsed);
      else
        read_line(*parsed);
    }
    if (!head_read_)
      problem("", "expected a first line with \"catalog\": 1");
    else if (expected_lines_ >= 0 && expected_lines_ != lines_)
      problem("", fmt::format("the first line speaks of {} endpoints, here are {}: is the file whole?", expected_lines_,
                              lines_));
    std::stable_sort(out_.models.begin(), out_.models.end(),
                     [](const v1::Model& a, const v1::Model& b) { return a.created() > b.created(); });
    return std::move(out_);
  }

 private:
  void problem(const std::string& path, const std::string& text) {
    problems_.push_back(fmt::format("{}:{}: {}{}", name_, number_, path.empty() ? "" : path + ": ", text));
  }

  // Problems of a section, with the line before each.
  template <class Read>
  void with_section(const json& value, const std::string& path, Read read_section) {
    Problems found;
    Section section(value, path, found);
    read_section(section);
    for (const std::string& each : found)
      problem("", each);
  }

  void read_head(const json& head) {
    head_read_ = true;
    with_section(head, "", [&](Section& section) {
      std::int64_t version = 0;
      section.integer("catalog", version, 1, 1);
      if (!section.has("catalog"))
        section.problem("catalog", "is required: 1, the version of this form");
      section.integer("endpoints", expected_lines_, 0, 1'000'000);
    });
    if (!head.is_object() || !head.contains("features") || !head["features"].is_object())
      return;
    for (const auto& [name, features] : head["features"].items()) {
      with_section(features, "features." + name,
                   [&, &key = name](Section& section) { read_features(std::move(section), features_[key]); });
    }
  }

  void read_line(const json& line) {
    ++lines_;
    std::string upstream;
    v1::Endpoint endpoint;
    v1::Model model;
    const std::size_t before = problems_.size();
    with_section(line, "", [&](Section& section) {
      section.required_text("upstream", upstream);
      if (!upstreams_.contains(upstream))
        return;
      read_names(section, model);
      read_endpoint(section, line, upstream, endpoint);
      section.finish();
    });
    if (!upstreams_.contains(upstream) || problems_.size() > before)
      return;
    keep(std::move(model), std::move(endpoint), line["usd"].is_null());
  }

  static void read_names(Section& section, v1::Model& model) {
    section.required_text("id", *model.mutable_id());
    model.set_name(model.id());
    section.text("name", *model.mutable_name());
    std::int64_t created = 0;
    section.integer("created", created, 0, 1ll << 40);
    model.set_created(created);
    std::vector<std::string> aliases;
    section.texts("aliases", aliases);
    model.mutable_aliases()->Assign(aliases.begin(), aliases.end());
  }

  void read_endpoint(Section& section, const json& line, const std::string& upstream, v1::Endpoint& endpoint) {
    endpoint.set_upstream(upstream);
    endpoint.set_provider(provider_slug(upstream));
    section.text("provider", *endpoint.mutable_provider());
    section.required_text("model", *endpoint.mutable_upstream_model());
    endpoint.set_context_tokens(tokens(section, "context"));
    endpoint.set_max_output_tokens(tokens(section, "output"));
    // What the catalog does not know is taken for the worst, as in the other form.
    endpoint.set_quantization("unknown");
    section.text("quantization", *endpoint.mutable_quantization());
    bool collects = true;
    bool zdr = false;
    bool bills = false;
    section.flag("collects_data", collects);
    section.flag("zdr", zdr);
    section.flag("bills_after_abort", bills);
    endpoint.set_collects_data(collects);
    endpoint.set_zdr(zdr);
    endpoint.set_bills_after_abort(bills);
    std::string features;
    section.text("features", features);
    if (const auto known = features_.find(features); known != features_.end())
      *endpoint.mutable_features() = known->second;
    else if (!features.empty())
      section.problem("features", fmt::format("\"{}\" is not among those of the first line", features));
    std::string from;
    section.text("from", from);
    read_prices(section, line, endpoint);
  }

  static std::int64_t tokens(Section& section, const char* name) {
    std::int64_t tokens = 0;
    if (!section.has(name))
      section.problem(name, "is required");
    section.integer(name, tokens, 1, kMaxTokens);
    return tokens;
  }

  static void read_prices(Section& section, const json& line, v1::Endpoint& endpoint) {
    bool free = false;
    section.flag("free", free);
    const json* usd = section.member("usd");
    if (usd == nullptr)
      return section.problem("usd", "is required; null: nobody knows it");
    if (const json* tiers = section.member("tiers"))
      read_tiers(section, *tiers, endpoint);
    if (const json* factors = section.member("factors"))
      read_factors(section, *factors, endpoint);
    if (usd->is_null())
      return;
    if (!usd->is_array() || !set_prices(usd->begin(), usd->end(), *endpoint.mutable_price()))
      return section.problem("usd", fmt::format("expected {}, found {}", kExpectedPrices, line["usd"].dump()));
    const bool costs_nothing = endpoint.price().input() == 0 && endpoint.price().output() == 0;
    if (costs_nothing != free)
      section.problem("free", costs_nothing ? "has to be true where input and output cost nothing: a price that is not "
                                              "known is null, not zero"
                                            : "is true, but it has a price");
    if (factors_too_dear(endpoint))
      section.problem("factors", "make the output dearer than 10000 USD per million tokens");
  }

  template <class Iterator>
  static bool set_prices(Iterator begin, Iterator end, v1::Price& price) {
    if (end - begin != static_cast<std::ptrdiff_t>(kPrices.size()))
      return false;
    for (std::size_t i = 0; i < kPrices.size(); ++i, ++begin) {
      const std::optional<std::int64_t> micro = micro_usd_of(*begin);
      if (!micro || *micro > kMaxPrice)
        return false;
      (price.*kPrices[i])(*micro);
    }
    return true;
  }

  static void read_tiers(Section& section, const json& tiers, v1::Endpoint& endpoint) {
    std::int64_t last = 0;
    for (const json& each : tiers.is_array() ? tiers : json::array({nullptr})) {
      v1::PriceTier tier;
      const bool whole = each.is_array() && !each.empty() && each[0].is_number_unsigned() &&
                         set_prices(each.begin() + 1, each.end(), *tier.mutable_price());
      if (!whole)
        return section.problem(
            "tiers",
            fmt::format("expected arrays of the prompt's tokens above which it holds, and {}", kExpectedPrices));
      tier.set_above_prompt_tokens(each[0].get<std::int64_t>());
      if (tier.above_prompt_tokens() <= last || tier.above_prompt_tokens() > kMaxTokens)
        return section.problem("tiers", "tiers ascend");
      last = tier.above_prompt_tokens();
      *endpoint.add_price_tiers() = std::move(tier);
    }
  }

  static void read_factors(Section& section, const json& factors, v1::Endpoint& endpoint) {
    const auto wrong = [&] {
      section.problem("factors",
                      fmt::format("expected an object such as {{\"speed=fast\": 6000}} of thousandths from 1 to "
                                  "{}, the members being {}",
                                  kMaxFactor, fmt::join(kFactorMembers, ", ")));
    };
    if (!factors.is_object())
      return wrong();
    for (const auto& [key, per_mille] : factors.items()) {
      const std::size_t equals = key.find('=');
      const auto member = std::find(kFactorMembers.begin(), kFactorMembers.end(), key.substr(0, equals));
      if (equals == key.npos || equals + 1 == key.size() || member == kFactorMembers.end() ||
          !per_mille.is_number_unsigned() || per_mille.get<std::uint64_t>() < 1 ||
          per_mille.get<std::uint64_t>() > static_cast<std::uint64_t>(kMaxFactor))
        return wrong();
      v1::PriceFactor& factor = *endpoint.add_price_factors();
      factor.set_member(static_cast<v1::PriceFactor::Member>(member - kFactorMembers.begin() + 1));
      factor.set_value(key.substr(equals + 1));
      factor.set_per_mille(per_mille.get<std::int64_t>());
    }
  }

  void keep(v1::Model model, v1::Endpoint endpoint, bool unpriced) {
    if (unpriced) {
      out_.unpriced[model.id()].insert(endpoint.provider());
      for (const std::string& alias : model.aliases())
        out_.unpriced[alias].insert(endpoint.provider());
      return;
    }
    const auto [known, added] = by_id_.emplace(model.id(), out_.models.size());
    if (added)
      out_.models.push_back(std::move(model));
    v1::Model& kept = out_.models[known->second];
    if (!added) {
      for (std::string& alias : *model.mutable_aliases()) {
        if (std::find(kept.aliases().begin(), kept.aliases().end(), alias) == kept.aliases().end())
          kept.add_aliases(std::move(alias));
      }
    }
    *kept.add_endpoints() = std::move(endpoint);
  }

  const std::string& name_;
  const std::set<std::string>& upstreams_;
  Problems& problems_;
  CatalogLines out_;
  std::map<std::string, std::size_t> by_id_;
  std::map<std::string, v1::Features> features_;
  bool head_read_ = false;
  std::int64_t expected_lines_ = -1;
  std::int64_t lines_ = 0;
  std::size_t number_ = 0;
};

}  // namespace

CatalogLines read_lines(std::string_view text, const std::string& name, const std::set<std::string>& upstreams,
                        Problems& problems) {
  return Reader(name, upstreams, problems).read(text);
}

}  // namespace tollgate::router
