// absl::Status <-> grpc::Status. Payloads travel as the details of a google.rpc.Status in the trailer
// `grpc-status-details-bin`, so that a v1::Failure arrives byte for byte and any gRPC client can read ErrorInfo.
// Source: https://google.aip.dev/193 and protos/google/rpc/status.proto.
#pragma once

#include <grpcpp/support/status.h>

#include <cstddef>

#include "absl/status/status.h"

namespace tollgate {

// A longer text is cut, at a character, on its way: it would travel twice, and a Failure carries it in full anyway.
inline constexpr std::size_t kMaxStatusTextBytes = 4096;

// Larger details do not fit into the trailers (kMaxMetadataBytes, base64 included) and are left out, so that code and
// text still arrive.
inline constexpr std::size_t kMaxStatusDetailsBytes = 180 * 1024;

grpc::Status to_grpc(const absl::Status& status);

// Details that are no google.rpc.Status are left out.
absl::Status from_grpc(const grpc::Status& status);

}  // namespace tollgate
