// What is different between two catalogs.
#pragma once

#include <string>
#include <vector>

#include "services/router/catalog.h"

namespace tollgate::router {

struct CatalogChange {
  enum class Kind { kAdded, kRemoved, kChanged };
  Kind kind;
  std::string upstream;
  // As the upstream names it.
  std::string model;
  // "input 5 -> 4, context 200000 -> 1000000"; of what is added or removed: its prices and limits.
  std::string what;
};

// By upstream and its name of the model.
std::vector<CatalogChange> difference(const ModelTable& before, const ModelTable& after);

// "5 in, 25 out, 0.5 cache read, 6.25 written for 5 min, 10 for 1 h" of USD per million tokens, and searches if they
// cost something.
std::string price_text(const v1::Price& price);

}  // namespace tollgate::router
