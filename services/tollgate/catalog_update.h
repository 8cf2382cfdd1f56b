// Makes a catalog from the pinned packages.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace tollgate {

struct CatalogUpdate {
  // Where it goes.
  std::string out;
  // Files of the form of catalog/overrides.json, read after that one.
  std::vector<std::string> overrides;
  // NAME=VERSION: another version of a package than the pinned one.
  std::vector<std::string> pins;
  // A folder with the packages, unpacked; empty: npm fetches them.
  std::string packages;
};

// Runs the generator, which this program has in itself, by node. What it has to say goes to stderr. `out` is written
// whole or not at all.
absl::Status update_catalog(const CatalogUpdate& update);

}  // namespace tollgate
