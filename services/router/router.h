// Messages: from a client's request to the upstream that serves it.
#pragma once

#include <memory>

#include "services/common/api/keys.h"
#include "services/common/api/messages.h"
#include "services/common/api/provider_adapter.h"
#include "services/router/account.h"
#include "services/router/catalog.h"
#include "services/router/settler.h"

namespace tollgate::router {

// One for each shard. The services live on the same shard and outlive it.
class Router : public Messages {
 public:
  Router(asio::io_context& context, std::shared_ptr<const ModelTable> models, Ledger& ledger, Keys& keys,
         ProviderAdapter& adapter);

  Awaitable<absl::Status> create(v1::CreateRequest request, FrameSink& sink) override;
  Awaitable<absl::StatusOr<v1::CountTokensReply>> count_tokens(v1::CreateRequest request) override;

  // For the end of the process: what is still to be settled.
  Settler& settler() { return settler_; }

 private:
  struct Plan;
  absl::StatusOr<Plan> plan(v1::CreateRequest& request) const;
  // Fills in what the request can cost wherever it may go.
  void state_costs(const Plan& plan, v1::ReserveRequest& reserve) const;
  Awaitable<absl::Status> serve(Plan& plan, Account& account, FrameSink& sink);

  std::shared_ptr<const ModelTable> models_;
  Ledger& ledger_;
  Keys& keys_;
  ProviderAdapter& adapter_;
  Settler settler_;
  LeaseKeeper keeper_;
};

}  // namespace tollgate::router
