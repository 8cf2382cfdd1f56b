// What a caller of its own puts into the metadata of a call: its key, and the headers that an HTTP client would send.
#pragma once

#include <grpcpp/support/string_ref.h>

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "tollgate/v1/messages.pb.h"

namespace tollgate {

using Metadata = std::multimap<grpc::string_ref, grpc::string_ref>;

// The key of `authorization: Bearer ...` or `x-api-key`; empty when there is neither. Of several the one that is a
// Tollgate key counts; two different Tollgate keys are UNAUTHENTICATED.
absl::StatusOr<std::string> key_from_metadata(const Metadata& metadata);

// Gives a request that has no `api_key` the one of the metadata.
template <class Request>
absl::Status merge_key(const Metadata& metadata, Request& request) {
  if (!request.api_key().empty())
    return absl::OkStatus();
  absl::StatusOr<std::string> key = key_from_metadata(metadata);
  if (key.ok())
    request.set_api_key(*std::move(key));
  return key.status();
}

// Completes `request` by what stands in the metadata alone, so that a plain gRPC tool gets the behaviour of HTTP: the
// key when the request has none (UNAUTHENTICATED as above), and the headers `anthropic-*` and `x-*` that it does not
// carry. With the key in the metadata the caller is the client itself, so its `user-agent` counts too, and its trace
// (`traceparent`, `tracestate`) is entered here.
absl::Status merge_metadata(const Metadata& metadata, v1::CreateRequest& request);

}  // namespace tollgate
