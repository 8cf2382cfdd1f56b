// tollgate-budget: Ledger, Activity, Keys, Workspaces, Marks and SignIns over gRPC, on Redis.

#include "services/budget/budget_shard.h"
#include "services/common/process/process.h"
#include "services/common/process/serve_rpc.h"
#include "services/common/rpc/activity_rpc.h"
#include "services/common/rpc/keys_rpc.h"
#include "services/common/rpc/ledger_rpc.h"
#include "services/common/rpc/marks_rpc.h"
#include "services/common/rpc/sign_ins_rpc.h"
#include "services/common/rpc/workspaces_rpc.h"
#include "services/common/runtime/shards.h"

namespace tollgate {
namespace {

absl::Status serve(const Config& config) {
  const auto outlet = make_outlet(config.budget.activity);
  if (!outlet.ok())
    return outlet.status();
  Shards shards(config.threads);
  std::vector<std::unique_ptr<BudgetShard>> stacks;
  std::vector<Shard<Ledger>> ledgers;
  std::vector<Shard<Keys>> keys;
  std::vector<Shard<Workspaces>> workspaces;
  std::vector<Shard<Marks>> marks;
  std::vector<Shard<Activity>> activities;
  std::vector<Shard<SignIns>> sign_ins;
  for (std::size_t i = 0; i < shards.size(); ++i) {
    asio::io_context& context = shards.at(i);
    stacks.push_back(std::make_unique<BudgetShard>(context, config, *outlet));
    ledgers.push_back({context.get_executor(), &stacks.back()->ledger});
    keys.push_back({context.get_executor(), &stacks.back()->keys});
    workspaces.push_back({context.get_executor(), &stacks.back()->workspaces});
    marks.push_back({context.get_executor(), &stacks.back()->marks});
    activities.push_back({context.get_executor(), &stacks.back()->activity});
    sign_ins.push_back({context.get_executor(), &stacks.back()->sign_ins});
  }
  stacks[0]->start_housekeeping(shards.at(0));
  LedgerService ledger_service(ledgers);
  KeysService keys_service(keys);
  WorkspacesService workspaces_service(workspaces);
  MarksService marks_service(marks);
  ActivityService activity_service(activities);
  SignInsService sign_ins_service(sign_ins);
  shards.start();
  const absl::Status status = serve_rpc(
      config, "budget",
      {&ledger_service, &keys_service, &workspaces_service, &marks_service, &activity_service, &sign_ins_service});
  shards.stop();
  return status;
}

}  // namespace
}  // namespace tollgate

int main(int argc, char** argv) {
  return tollgate::run_service(argc, argv, "budget", "Tollgate's budget service: keys, holds and settlements on Redis",
                               tollgate::Secrets::kWithoutUpstreams, tollgate::serve);
}
