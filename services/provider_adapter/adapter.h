// The provider adapter of one shard: hands each request to the upstream that it names, in that upstream's dialect.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "services/common/api/provider_adapter.h"
#include "services/common/config/config.h"
#include "services/common/runtime/deadlines.h"

namespace tollgate {

// Used on one shard, with its io_context and its Deadlines, which outlive it; it outlives its calls. Errors carry a
// Failure. Cancelling a call aborts the request to the upstream at once.
class Adapter : public ProviderAdapter {
 public:
  // Fails when an upstream's dialect, URL, key or CA file cannot be used: all of them at once, one a line.
  static absl::StatusOr<std::unique_ptr<Adapter>> make(asio::io_context& context, Deadlines& deadlines,
                                                       const Config& config);

  Awaitable<absl::Status> send(const v1::SendRequest& request, FrameSink& sink) override;
  Awaitable<absl::StatusOr<v1::CountTokensReply>> count_tokens(const v1::SendRequest& request) override;
  Awaitable<absl::StatusOr<v1::ProbeReply>> probe(const v1::ProbeRequest& request) override;

 private:
  using Upstreams = std::map<std::string, std::unique_ptr<ProviderAdapter>>;
  explicit Adapter(Upstreams upstreams) : upstreams_(std::move(upstreams)) {}
  absl::StatusOr<ProviderAdapter*> find(const std::string& name) const;

  const Upstreams upstreams_;
};

}  // namespace tollgate
