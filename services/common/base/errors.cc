#include "services/common/base/errors.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "absl/strings/cord.h"
#include "google/rpc/error_details.pb.h"

namespace tollgate {
namespace {

constexpr const char* kFailureUrl = "type.googleapis.com/tollgate.v1.Failure";
constexpr const char* kErrorInfoUrl = "type.googleapis.com/google.rpc.ErrorInfo";

struct Row {
  FailureKind kind;
  unsigned http_status;
  const char* error_type;
  absl::StatusCode code;
  // Clients retry 401, 408, 409, 429 and 5xx unless told otherwise; these would only fail again.
  bool final;
};

using enum absl::StatusCode;
constexpr std::array kRows = {
    Row{v1::Failure::KIND_INVALID_REQUEST, 400, "invalid_request_error", kInvalidArgument, false},
    Row{v1::Failure::KIND_UNAUTHENTICATED, 401, "authentication_error", kUnauthenticated, true},
    Row{v1::Failure::KIND_PERMISSION_DENIED, 403, "permission_error", kPermissionDenied, true},
    Row{v1::Failure::KIND_NOT_FOUND, 404, "not_found_error", kNotFound, false},
    Row{v1::Failure::KIND_TOO_LARGE, 413, "request_too_large", kOutOfRange, false},
    Row{v1::Failure::KIND_BUDGET, 402, "billing_error", kFailedPrecondition, true},
    Row{v1::Failure::KIND_RATE_LIMITED, 429, "rate_limit_error", kResourceExhausted, false},
    Row{v1::Failure::KIND_OVERLOADED, 529, "overloaded_error", kUnavailable, false},
    Row{v1::Failure::KIND_UNAVAILABLE, 503, "overloaded_error", kUnavailable, false},
    Row{v1::Failure::KIND_TIMEOUT, 504, "timeout_error", kDeadlineExceeded, false},
    // Ours to mend, not the client's: its own key is fine.
    Row{v1::Failure::KIND_UPSTREAM_AUTH, 502, "api_error", kInternal, false},
    Row{v1::Failure::KIND_CONTEXT_LENGTH, 400, "invalid_request_error", kInvalidArgument, false},
    Row{v1::Failure::KIND_UNSUPPORTED, 400, "invalid_request_error", kInvalidArgument, false},
    Row{v1::Failure::KIND_INTERNAL, 500, "api_error", kInternal, false},
};

const Row& row_of(FailureKind kind) {
  for (const Row& row : kRows) {
    if (row.kind == kind)
      return row;
  }
  return kRows.back();
}

std::string reason_of(const v1::Failure& failure) {
  constexpr std::string_view prefix = "KIND_";
  return v1::Failure::Kind_Name(failure.kind()).substr(prefix.size());
}

nlohmann::ordered_json metadata(const v1::Failure& failure) {
  nlohmann::ordered_json json;
  json["attempt"] = failure.attempts_size();
  for (const v1::AttemptRecord& attempt : failure.attempts()) {
    nlohmann::ordered_json& each = json["attempts"].emplace_back();
    each["provider"] = attempt.provider();
    each["model"] = attempt.model();
    each["status"] = attempt.status();
    each["kind"] = attempt.kind();
    each["latency_ms"] = attempt.latency_ms();
  }
  return json;
}

std::string dump(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

// Messages show what a client has sent, which need not be UTF-8, as protobuf's strings must.
std::string as_utf8(std::string message) {
  const auto ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
  if (std::all_of(message.begin(), message.end(), ascii))
    return message;
  return nlohmann::json::parse(dump(message)).get<std::string>();
}

}  // namespace

v1::Failure make_failure(FailureKind kind, std::string message) {
  const Row& row = row_of(kind);
  v1::Failure failure;
  failure.set_kind(row.kind);
  failure.set_http_status(row.http_status);
  failure.set_error_type(row.error_type);
  failure.set_message(as_utf8(std::move(message)));
  if (row.final)
    add_header(failure, "x-should-retry", "false");
  return failure;
}

absl::Status to_status(const v1::Failure& failure) {
  absl::Status status(row_of(failure.kind()).code, failure.message());
  google::rpc::ErrorInfo info;
  info.set_reason(reason_of(failure));
  info.set_domain("tollgate");
  (*info.mutable_metadata())["http_status"] = std::to_string(failure.http_status());
  (*info.mutable_metadata())["error_type"] = failure.error_type();
  if (!failure.generation_id().empty())
    (*info.mutable_metadata())["generation_id"] = failure.generation_id();
  status.SetPayload(kErrorInfoUrl, absl::Cord(info.SerializeAsString()));
  status.SetPayload(kFailureUrl, absl::Cord(failure.SerializeAsString()));
  return status;
}

bool carries_failure(const absl::Status& status) {
  return status.GetPayload(kFailureUrl).has_value();
}

v1::Failure failure_of(const absl::Status& status) {
  if (auto payload = status.GetPayload(kFailureUrl)) {
    v1::Failure failure;
    if (failure.ParseFromString(std::string(*payload)))
      return failure;
  }
  switch (status.code()) {
    case kUnavailable:
    case kCancelled:
      return make_failure(v1::Failure::KIND_UNAVAILABLE, "A service of the gateway is unavailable. Try again shortly.");
    case kDeadlineExceeded:
      return make_failure(v1::Failure::KIND_TIMEOUT, "A service of the gateway did not answer in time.");
    case kInvalidArgument:
      return make_failure(v1::Failure::KIND_INVALID_REQUEST, std::string(status.message()));
    case kNotFound:
      return make_failure(v1::Failure::KIND_NOT_FOUND, std::string(status.message()));
    case kUnauthenticated:
      return make_failure(v1::Failure::KIND_UNAUTHENTICATED, std::string(status.message()));
    case kPermissionDenied:
      return make_failure(v1::Failure::KIND_PERMISSION_DENIED, std::string(status.message()));
    default:
      return make_failure(v1::Failure::KIND_INTERNAL, "Internal error of the gateway.");
  }
}

std::string messages_error_json(const v1::Failure& failure, std::string_view request_id) {
  nlohmann::ordered_json json;
  json["type"] = "error";
  json["error"]["type"] = failure.error_type();
  json["error"]["message"] = failure.message();
  json["request_id"] = request_id.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(request_id);
  if (failure.attempts_size() > 0)
    json["openrouter_metadata"] = metadata(failure);
  return dump(json);
}

std::string account_error_json(const v1::Failure& failure) {
  nlohmann::ordered_json json;
  json["error"]["code"] = failure.http_status();
  json["error"]["message"] = failure.message();
  return dump(json);
}

std::string error_event(const v1::Failure& failure, std::string_view request_id) {
  return "event: error\ndata: " + messages_error_json(failure, request_id) + "\n\n";
}

std::string_view error_type_of(unsigned http_status) {
  switch (http_status) {
    case 401:
      return "authentication_error";
    case 402:
      return "billing_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 408:
    case 504:
      return "timeout_error";
    case 413:
      return "request_too_large";
    case 429:
      return "rate_limit_error";
    case 503:
    case 529:
      return "overloaded_error";
    default:
      return http_status < 500 ? "invalid_request_error" : "api_error";
  }
}

void add_header(v1::Failure& failure, std::string name, std::string value) {
  v1::Header* header = failure.add_headers();
  header->set_name(std::move(name));
  header->set_value(std::move(value));
}

}  // namespace tollgate
