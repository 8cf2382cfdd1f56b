// Errors as values: an absl::Status that carries a v1::Failure, so that it can cross a process and still become the
// exact HTTP answer at the edge.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "tollgate/v1/failure.pb.h"

namespace tollgate {

using FailureKind = v1::Failure::Kind;

// A failure of Tollgate's own: HTTP status, error type and x-should-retry follow from `kind`.
v1::Failure make_failure(FailureKind kind, std::string message);

// The status of a failure: code by kind, Failure and google.rpc.ErrorInfo as payloads.
absl::Status to_status(const v1::Failure& failure);

inline absl::Status error(FailureKind kind, std::string message) {
  return to_status(make_failure(kind, std::move(message)));
}

// Whether `status` is the answer of a service of ours, and not of the way to it.
bool carries_failure(const absl::Status& status);

// The failure inside a non-OK status. One that carries none (a broken connection between services, a deadline) is
// described by its code.
v1::Failure failure_of(const absl::Status& status);

// {"type":"error","error":{"type":...,"message":...},"request_id":...}, Anthropic's shape; with the attempts, where the
// failure has them, as OpenRouter's openrouter_metadata.
// Source: https://docs.anthropic.com/en/api/errors
std::string messages_error_json(const v1::Failure& failure, std::string_view request_id);

// {"error":{"code":402,"message":...}}, OpenRouter's shape.
// Source: https://openrouter.ai/docs/api-reference/errors
std::string account_error_json(const v1::Failure& failure);

// event: error\ndata: {...}\n\n, the end of a stream that broke.
std::string error_event(const v1::Failure& failure, std::string_view request_id);

// error.type for an HTTP status of the Messages API: 529 -> overloaded_error.
std::string_view error_type_of(unsigned http_status);

void add_header(v1::Failure& failure, std::string name, std::string value);

}  // namespace tollgate
