// The ProviderAdapter contract (protos/tollgate/v1/adapter.proto) as a C++ interface. Rules as for Messages.
#pragma once

#include "services/common/api/messages.h"
#include "tollgate/v1/adapter.pb.h"

namespace tollgate {

// Requests are taken by reference, so that a 32 MB body is neither copied for an attempt nor lost for the next one:
// `request` and `sink` outlive the call.
struct ProviderAdapter {
  virtual ~ProviderAdapter() = default;
  virtual Awaitable<absl::Status> send(const v1::SendRequest& request, FrameSink& sink) = 0;
  virtual Awaitable<absl::StatusOr<v1::CountTokensReply>> count_tokens(const v1::SendRequest& request) = 0;
  virtual Awaitable<absl::StatusOr<v1::ProbeReply>> probe(const v1::ProbeRequest& request) = 0;
};

}  // namespace tollgate
