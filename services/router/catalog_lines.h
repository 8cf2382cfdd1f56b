// The form of a catalog that `tollgate catalog update` writes, made for thousands of endpoints: a line of JSON each,
// after a first one that says where all of it comes from. README.md in catalog/ has the members.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "services/common/config/document.h"
#include "tollgate/v1/catalog.pb.h"

namespace tollgate::router {

struct CatalogLines {
  // The newest first, else in the order of their first lines; a model has all its kept endpoints.
  std::vector<v1::Model> models;
  // Models, by all their names, that have an endpoint whose price nobody knows: the providers of those.
  std::map<std::string, std::set<std::string>, std::less<>> unpriced;
};

// Keeps the endpoints of `upstreams`. Lines of others are not even parsed where it can be seen that they are. Each
// problem names its line: "catalog.jsonl:17: ...".
CatalogLines read_lines(std::string_view text, const std::string& name, const std::set<std::string>& upstreams,
                        Problems& problems);

}  // namespace tollgate::router
