// Messages: from a client's request to the upstream that serves it.
#pragma once

#include <memory>

#include "services/common/api/keys.h"
#include "services/common/api/messages.h"
#include "services/common/api/provider_adapter.h"
#include "services/router/account.h"
#include "services/router/cascade.h"
#include "services/router/catalog.h"
#include "services/router/drains.h"
#include "services/router/health/health.h"
#include "services/router/live_models.h"
#include "services/router/relay.h"
#include "services/router/selection_parts.h"
#include "services/router/settler.h"

namespace tollgate::router {

// One for each shard. The services live on the same shard and outlive it; so does `health`, which all shards share.
class Router : public Messages {
 public:
  Router(asio::io_context& context, LiveModels models, Ledger& ledger, Keys& keys, ProviderAdapter& adapter,
         Health& health, DrainOptions drains = {}, SelectionParts selection = {});

  Awaitable<absl::Status> create(v1::CreateRequest request, FrameSink& sink) override;
  Awaitable<absl::StatusOr<v1::CountTokensReply>> count_tokens(v1::CreateRequest request) override;

  // For the end of the process, when no client is left: waits at most `limit` for the streams that are still read, ends
  // those that are not over by then, and sees to it that all is settled. True when it is.
  Awaitable<bool> settled(std::chrono::milliseconds limit, std::stop_token haste = {});
  // Streams that are read without a client; those and settlements that are still on their way.
  std::size_t draining() const { return drains_.running(); }
  std::size_t unsettled() const { return settler_.pending() + draining(); }

 private:
  struct Plan;
  // Fills in what the body tells for the record.
  absl::StatusOr<std::shared_ptr<Plan>> plan(v1::CreateRequest& request, v1::ActivityRecord& record) const;
  // Notes a request that is not admitted; the status that its client gets.
  absl::Status refuse(const absl::Status& status, v1::ActivityRecord record, bool unanswered = false);
  static std::shared_ptr<const ModelTable> kept_models(const Plan& plan);
  static void tell_families(const Plan& plan, std::vector<v1::Header>& headers);
  // Fills in what the request can cost wherever it may go.
  void state_costs(const Plan& plan, v1::ReserveRequest& reserve) const;
  // Leaves those that may serve it, in the order in which they are tried. `defaults`: preferences as JSON, of which the
  // stricter holds.
  absl::Status choose(Plan& plan, const v1::Permissions& permissions,
                      const google::protobuf::RepeatedPtrField<std::string>& defaults) const;
  void remember(const Plan& plan, const Candidate& candidate, const v1::Usage& usage) const;
  Awaitable<absl::Status> serve(const std::shared_ptr<Plan>& plan, const std::shared_ptr<Account>& account,
                                std::vector<v1::Header> headers, FrameSink& sink);
  Awaitable<absl::Status> attempt(const std::shared_ptr<Plan>& plan, const std::shared_ptr<Account>& account,
                                  const Candidate& candidate, Health::Admission admission, Relay& relay);

  const LiveModels models_;
  Ledger& ledger_;
  Keys& keys_;
  ProviderAdapter& adapter_;
  Health& health_;
  const SelectionParts selection_;
  Metrics metrics_;
  Settler settler_;
  LeaseKeeper keeper_;
  Drains drains_;
};

}  // namespace tollgate::router
