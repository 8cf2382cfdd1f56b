// Which endpoints may serve a request, in the order in which they are tried.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "services/router/catalog.h"
#include "services/router/request_scan.h"

namespace tollgate::router {

// Points into the model table.
struct Candidate {
  const v1::Model* model;
  const v1::Endpoint* endpoint;
};

// The endpoints of `model` and then of `models`, as `provider` orders and filters them. Never empty: NOT_FOUND says
// which name or preference left nothing.
absl::StatusOr<std::vector<Candidate>> candidates_of(const RequestScan& scan, const ModelTable& models);

// Drops those that the key may not ask for.
void keep_permitted(const v1::Permissions& permissions, std::vector<Candidate>& candidates);

}  // namespace tollgate::router
