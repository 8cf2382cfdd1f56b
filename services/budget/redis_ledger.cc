#include "services/budget/redis_ledger.h"

#include <fmt/format.h>

#include <utility>

#include "services/budget/key_text.h"
#include "services/budget/layout.h"
#include "services/budget/reply_reader.h"
#include "services/budget/scripts.h"
#include "services/common/base/errors.h"

namespace tollgate {
namespace {

// Unknown and removed keys get the same answer.
absl::Status unknown_key() {
  return error(v1::Failure::KIND_UNAUTHENTICATED,
               "Invalid API key: there is no such key. It may have been deleted; check it or ask for a new one.");
}

absl::Status check_generation(const std::string& generation_id) {
  if (is_generation_id(generation_id))
    return absl::OkStatus();
  return error(
      v1::Failure::KIND_INVALID_REQUEST,
      fmt::format("generation_id: expected 1 to 128 printable characters, got {} bytes", generation_id.size()));
}

absl::Status check_workspace(const std::string& workspace) {
  if (is_workspace(workspace))
    return absl::OkStatus();
  return error(v1::Failure::KIND_INVALID_REQUEST, "workspace: expected the one that Reserve has returned");
}

// Why a reservation was refused, from the reply of reserve.lua.
absl::Status refusal(const v1::ReserveRequest& request, const RedisReply& reply) {
  ReplyReader fields(reply);
  const std::string reason = fields.text();
  if (reason == "unknown")
    return unknown_key();
  if (reason == "disabled") {
    return error(v1::Failure::KIND_UNAUTHENTICATED,
                 fmt::format("Key \"{}\" is disabled: enable it or use another one.", fields.text()));
  }
  if (reason == "expired") {
    const std::string name = fields.text();
    return error(v1::Failure::KIND_UNAUTHENTICATED, fmt::format("Key \"{}\" has expired at {}: ask for a new one.",
                                                                name, format_utc(fields.integer() / 1000)));
  }
  if (reason == "budget") {
    SpentLimit spent;
    spent.key_name = fields.text();
    spent.limit = fields.integer();
    spent.spent = fields.integer();
    spent.held = fields.integer();
    spent.needed = request.amount_nano_usd();
    spent.reset = static_cast<v1::Reset>(fields.integer());
    spent.resets_at = fields.integer();
    return error(v1::Failure::KIND_BUDGET, describe(spent));
  }
  if (reason == "conflict") {
    return error(v1::Failure::KIND_INVALID_REQUEST,
                 fmt::format("Generation {} has been reserved with another key or amount.", request.generation_id()));
  }
  if (reason == "settled") {
    return error(v1::Failure::KIND_INVALID_REQUEST,
                 fmt::format("Generation {} has already been settled.", request.generation_id()));
  }
  return unexpected_reply(scripts::reserve());
}

}  // namespace

RedisLedger::RedisLedger(Redis& redis, const BudgetConfig& config)
    : redis_(redis),
      workspaces_(redis),
      lease_(config.lease),
      lease_text_(std::to_string(config.lease.count())),
      settled_ttl_text_(std::to_string(config.settled_ttl.count())) {}

Awaitable<absl::StatusOr<v1::ReserveReply>> RedisLedger::reserve(const v1::ReserveRequest& request) {
  const std::string& hash = request.key_hash();
  if (!is_key_hash(hash))
    co_return unknown_key();
  if (absl::Status status = check_generation(request.generation_id()); !status.ok())
    co_return status;
  if (absl::Status status = check_amount("amount", request.amount_nano_usd()); !status.ok())
    co_return status;

  v1::ReserveReply out;
  if (const std::string* cached = workspaces_.cached(hash)) {
    out.set_workspace(*cached);
  } else {
    absl::StatusOr<std::string> found = co_await workspaces_.look_up(hash);
    if (!found.ok())
      co_return found.status();
    if (found->empty())
      co_return unknown_key();
    out.set_workspace(*std::move(found));
  }
  out.set_lease_ms(lease_.count());

  std::vector<std::string> keys;
  keys.reserve(4);
  keys.push_back(layout::key_record(out.workspace(), hash));
  keys.push_back(layout::hold(out.workspace(), request.generation_id()));
  keys.push_back(layout::settled(out.workspace(), request.generation_id()));
  keys.push_back(layout::holds(out.workspace()));
  std::vector<std::string> args = {request.generation_id(), hash, std::to_string(request.amount_nano_usd()),
                                   lease_text_};
  absl::StatusOr<RedisReply> reply = co_await redis_.eval(scripts::reserve(), std::move(keys), std::move(args));
  if (!reply.ok())
    co_return reply.status();
  if (absl::Status status = status_of(*reply); !status.ok())
    co_return status;
  if (reply->elements.size() == 1 && reply->elements[0].text == "ok")
    co_return out;
  co_return refusal(request, *reply);
}

Awaitable<absl::StatusOr<v1::CheckpointReply>> RedisLedger::checkpoint(const v1::CheckpointRequest& request) {
  if (absl::Status status = check_workspace(request.workspace()); !status.ok())
    co_return status;
  if (absl::Status status = check_generation(request.generation_id()); !status.ok())
    co_return status;
  if (absl::Status status = check_amount("cost", request.cost_nano_usd()); !status.ok())
    co_return status;

  std::vector<std::string> keys = {layout::hold(request.workspace(), request.generation_id()),
                                   layout::holds(request.workspace())};
  std::vector<std::string> args = {request.generation_id(), std::to_string(request.cost_nano_usd()), lease_text_};
  absl::StatusOr<RedisReply> reply = co_await redis_.eval(scripts::checkpoint(), std::move(keys), std::move(args));
  if (!reply.ok())
    co_return reply.status();
  if (absl::Status status = status_of(*reply); !status.ok())
    co_return status;
  v1::CheckpointReply out;
  out.set_live(reply->integer == 1);
  co_return out;
}

Awaitable<absl::StatusOr<v1::SettleReply>> RedisLedger::settle(const v1::SettleRequest& request) {
  if (absl::Status status = check_workspace(request.workspace()); !status.ok())
    co_return status;
  if (!is_key_hash(request.key_hash()))
    co_return error(v1::Failure::KIND_INVALID_REQUEST, "key_hash: expected 64 lower-case hex digits");
  if (absl::Status status = check_generation(request.generation_id()); !status.ok())
    co_return status;
  if (absl::Status status = check_amount("cost", request.cost_nano_usd()); !status.ok())
    co_return status;

  const std::string& workspace = request.workspace();
  std::vector<std::string> keys;
  keys.reserve(5);
  keys.push_back(layout::key_record(workspace, request.key_hash()));
  keys.push_back(layout::hold(workspace, request.generation_id()));
  keys.push_back(layout::settled(workspace, request.generation_id()));
  keys.push_back(layout::holds(workspace));
  keys.push_back(layout::totals(workspace));
  std::vector<std::string> args = {request.generation_id(), request.key_hash(), std::to_string(request.cost_nano_usd()),
                                   std::to_string(request.usage_source()), settled_ttl_text_};
  absl::StatusOr<RedisReply> reply = co_await redis_.eval(scripts::settle(), std::move(keys), std::move(args));
  if (!reply.ok())
    co_return reply.status();
  if (absl::Status status = status_of(*reply); !status.ok())
    co_return status;
  ReplyReader fields(*reply);
  const std::int64_t outcome = fields.integer();
  if (outcome == -1) {
    co_return error(v1::Failure::KIND_INVALID_REQUEST,
                    fmt::format("Generation {} is held by another key.", request.generation_id()));
  }
  v1::SettleReply out;
  out.set_applied(outcome == 1);
  out.set_cost_nano_usd(fields.integer());
  if (fields.failed())
    co_return unexpected_reply(scripts::settle());
  co_return out;
}

}  // namespace tollgate
