#include "services/common/rpc/provider_adapters.h"

#include <fmt/format.h>

#include <map>
#include <string>
#include <utility>

#include "services/common/base/errors.h"
#include "services/common/rpc/provider_adapter_rpc.h"

namespace tollgate {
namespace {

// By target. Adapters of one address share its connections.
using Clients = std::map<std::string, std::unique_ptr<ProviderAdapterClient>>;

class ProviderAdapters final : public ProviderAdapter {
 public:
  ProviderAdapters(Clients clients, std::map<std::string, ProviderAdapter*> by_upstream)
      : clients_(std::move(clients)), by_upstream_(std::move(by_upstream)) {}

  Awaitable<absl::Status> send(const v1::SendRequest& request, FrameSink& sink) override {
    ProviderAdapter* adapter = find(request.upstream());
    return adapter ? adapter->send(request, sink) : refuse(request.upstream());
  }

  Awaitable<absl::StatusOr<v1::CountTokensReply>> count_tokens(const v1::SendRequest& request) override {
    ProviderAdapter* adapter = find(request.upstream());
    return adapter ? adapter->count_tokens(request) : refuse_with<v1::CountTokensReply>(request.upstream());
  }

  Awaitable<absl::StatusOr<v1::ProbeReply>> probe(const v1::ProbeRequest& request) override {
    ProviderAdapter* adapter = find(request.upstream());
    return adapter ? adapter->probe(request) : refuse_with<v1::ProbeReply>(request.upstream());
  }

 private:
  ProviderAdapter* find(const std::string& upstream) const {
    const auto found = by_upstream_.find(upstream);
    return found == by_upstream_.end() ? nullptr : found->second;
  }

  static absl::Status unknown(const std::string& upstream) {
    return error(v1::Failure::KIND_INTERNAL, fmt::format("No upstream \"{}\" is configured here.", upstream));
  }
  static Awaitable<absl::Status> refuse(std::string upstream) { co_return unknown(upstream); }
  template <class Reply>
  static Awaitable<absl::StatusOr<Reply>> refuse_with(std::string upstream) {
    co_return unknown(upstream);
  }

  const Clients clients_;
  const std::map<std::string, ProviderAdapter*> by_upstream_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ProviderAdapter>> make_provider_adapter(const Config& config,
                                                                       const ChannelOptions& channel) {
  Clients clients;
  std::map<std::string, ProviderAdapter*> by_upstream;
  for (const auto& [name, upstream] : config.upstreams) {
    const auto own = config.services.adapters.find(name);
    const std::string& target = own == config.services.adapters.end() ? config.services.adapter : own->second;
    if (target.empty()) {
      return absl::InvalidArgumentError(fmt::format(
          "services.adapter: upstream \"{}\" has no adapter; give services.adapter, or services.adapters.{}", name,
          name));
    }
    std::unique_ptr<ProviderAdapterClient>& client = clients[target];
    if (!client)
      client = std::make_unique<ProviderAdapterClient>(make_channel(target, channel));
    by_upstream[name] = client.get();
  }
  return std::make_unique<ProviderAdapters>(std::move(clients), std::move(by_upstream));
}

}  // namespace tollgate
