#include "services/router/account.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <vector>

#include "services/common/base/log.h"
#include "services/router/cost.h"

namespace tollgate::router {

void LeaseKeeper::add(Account& account, std::chrono::milliseconds lease) {
  accounts_.push_back(account);
  // Two renewals may get lost before a lease runs out.
  interval_ = lease / 3;
  if (!running_) {
    running_ = true;
    asio::co_spawn(context_.get_executor(), run(), asio::detached);
  }
}

Awaitable<void> LeaseKeeper::run() {
  while (!accounts_.empty()) {
    timer_.expires_after(interval_);
    co_await timer_.async_wait(as_tuple);
    // Accounts come and go while a checkpoint is under way.
    std::vector<v1::CheckpointRequest> due;
    for (const Account& account : accounts_) {
      v1::CheckpointRequest& request = due.emplace_back();
      request.set_workspace(account.workspace());
      request.set_generation_id(account.generation_id());
      request.set_cost_nano_usd(account.cost());
      request.set_key_hash(account.key_hash());
      request.set_amount_nano_usd(account.hold_nano_usd());
    }
    for (const v1::CheckpointRequest& request : due) {
      const absl::StatusOr<v1::CheckpointReply> reply = co_await ledger_.checkpoint(request);
      if (!reply.ok()) {
        // The ledger is away: the next round tries again.
        Log(spdlog::level::warn, "checkpoint_failed").with("error", std::string(reply.status().message()));
        break;
      }
    }
  }
  running_ = false;
}

Account::Account(Settler& settler, LeaseKeeper& keeper, const v1::ReserveRequest& reserved,
                 const v1::ReserveReply& hold)
    : settler_(settler),
      generation_id_(reserved.generation_id()),
      key_hash_(reserved.key_hash()),
      workspace_(hold.workspace()),
      hold_nano_usd_(hold.amount_nano_usd()) {
  keeper.add(*this, std::chrono::milliseconds(hold.lease_ms()));
}

Account::~Account() {
  settle(v1::USAGE_SOURCE_ESTIMATED);
}

void Account::begin(const Candidate& candidate) {
  candidate_ = candidate;
  usage_.Clear();
  streamed_tokens_ = 0;
}

void Account::failed() {
  begin({nullptr, nullptr});
}

v1::Usage Account::usage() const {
  v1::Usage usage = usage_;
  usage.set_output_tokens(std::max(usage.output_tokens(), streamed_tokens_));
  return usage;
}

std::int64_t Account::cost() const {
  if (candidate_.endpoint == nullptr)
    return 0;
  const std::int64_t cost = cost_of(usage(), *candidate_.endpoint);
  return streamed_tokens_ > usage_.output_tokens() ? std::min(cost, hold_nano_usd_) : cost;
}

void Account::settle(v1::UsageSource source) {
  if (settled_)
    return;
  settled_ = true;
  if (source == v1::USAGE_SOURCE_REPORTED)
    streamed_tokens_ = 0;
  v1::SettleRequest request;
  request.set_workspace(workspace_);
  request.set_key_hash(key_hash_);
  request.set_generation_id(generation_id_);
  request.set_cost_nano_usd(cost());
  *request.mutable_usage() = usage();
  request.set_usage_source(source);
  if (candidate_.model != nullptr) {
    request.set_model(candidate_.model->id());
    request.set_provider(candidate_.endpoint->provider());
  }
  settler_.settle(std::move(request));
}

}  // namespace tollgate::router
