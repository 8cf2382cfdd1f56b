#include "services/provider_adapter/upstream_failure.h"

namespace tollgate {

v1::Failure upstream_failure(FailureKind kind, std::string_view upstream, std::string message) {
  v1::Failure failure = make_failure(kind, std::move(message));
  failure.set_upstream(std::string(upstream));
  return failure;
}

v1::Failure unreachable_upstream(FailureKind kind, std::string_view upstream, std::string message) {
  v1::Failure failure = upstream_failure(kind, upstream, std::move(message));
  failure.set_stage(v1::Failure::STAGE_CONNECTION);
  return failure;
}

v1::Failure bad_response(std::string_view upstream, std::string message) {
  v1::Failure failure = upstream_failure(v1::Failure::KIND_UNAVAILABLE, upstream, std::move(message));
  failure.set_http_status(502);
  failure.set_error_type("api_error");
  return failure;
}

}  // namespace tollgate
