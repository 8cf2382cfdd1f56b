// What both forms of a catalog are held to.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tollgate/v1/catalog.pb.h"

namespace tollgate::router {

inline constexpr std::int64_t kMaxTokens = 100'000'000;
// A hundred times the price, in thousandths.
inline constexpr std::int64_t kMaxFactor = 100'000;
// Micro-USD per million tokens with all factors: 10,000 USD. The ledger takes none above.
inline constexpr std::int64_t kMaxPrice = 10'000'000'000;

// The members of a usage that prices may depend on; v1::PriceFactor::Member counts from one in this order.
inline const std::vector<std::string> kFactorMembers = {"speed", "inference_geo", "service_tier"};

// Whether all factors together make the dearest output dearer than the ledger takes.
inline bool factors_too_dear(const v1::Endpoint& endpoint) {
  std::int64_t output = endpoint.price().output();
  for (const v1::PriceTier& tier : endpoint.price_tiers())
    output = std::max(output, tier.price().output());
  std::map<v1::PriceFactor::Member, std::int64_t> dearest;
  for (const v1::PriceFactor& factor : endpoint.price_factors())
    dearest[factor.member()] = std::max({dearest[factor.member()], factor.per_mille(), std::int64_t{1000}});
  for (const auto& [member, per_mille] : dearest) {
    output = output * per_mille / 1000;
    if (output > kMaxPrice)
      return true;
  }
  return false;
}

}  // namespace tollgate::router
