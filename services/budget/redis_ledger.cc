#include "services/budget/redis_ledger.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "services/budget/activity_writes.h"
#include "services/budget/commands.h"
#include "services/budget/key_text.h"
#include "services/budget/layout.h"
#include "services/budget/refusals.h"
#include "services/budget/reply_reader.h"
#include "services/budget/scripts.h"
#include "services/common/base/errors.h"
#include "services/common/base/money.h"

namespace tollgate {
namespace {

using v1::Failure;

constexpr std::int64_t kPicoPerNano = 1000;
// A longer output, or a dearer price, is a mistake; their product is far from the end of int64.
constexpr std::int64_t kMaxTokens = 100'000'000;
constexpr std::int64_t kMaxPrice = 10'000'000'000;
// For which a repeated note is known to be one: it comes within seconds (write_replay.h).
constexpr std::string_view kNoteKnownSeconds = "600";

// Unknown and removed keys get the same answer.
absl::Status unknown_key() {
  return error(Failure::KIND_UNAUTHENTICATED,
               "Invalid API key: there is no such key. It may have been deleted; check it or ask for a new one.");
}

absl::Status invalid(std::string message) {
  return error(Failure::KIND_INVALID_REQUEST, std::move(message));
}

absl::Status check_generation(const std::string& generation_id) {
  if (is_generation_id(generation_id))
    return absl::OkStatus();
  return invalid(
      fmt::format("generation_id: expected 1 to 128 printable characters, got {} bytes", generation_id.size()));
}

absl::Status check_settlement(const std::string& workspace, const std::string& key_hash,
                              const std::string& generation_id, std::int64_t cost) {
  if (!is_workspace(workspace))
    return invalid("workspace: expected the one that Reserve has returned");
  if (!is_key_hash(key_hash))
    return invalid("key_hash: expected 64 lower-case hex digits");
  if (absl::Status status = check_generation(generation_id); !status.ok())
    return status;
  return check_amount("cost", cost);
}

absl::Status check_bounds(const v1::ReserveRequest& request) {
  if (request.bounds().empty())
    return invalid("bounds: expected one for each endpoint that may serve the request, got none");
  for (const v1::CostBound& bound : request.bounds()) {
    for (const std::int64_t input : {bound.input_nano_usd(), bound.expected_input_nano_usd()}) {
      if (absl::Status status = check_amount("bounds.input", input); !status.ok())
        return status;
    }
    if (bound.output_price() < 0 || bound.output_price() > kMaxPrice)
      return invalid(fmt::format("bounds.output_price: expected 0 to {}, got {}", kMaxPrice, bound.output_price()));
    if (bound.max_output_tokens() < 0 || bound.max_output_tokens() > kMaxTokens) {
      return invalid(
          fmt::format("bounds.max_output_tokens: expected 0 to {}, got {}", kMaxTokens, bound.max_output_tokens()));
    }
  }
  return absl::OkStatus();
}

// The most that the request can cost, rounded up.
std::int64_t worst_case(const v1::ReserveRequest& request) {
  std::int64_t worst = 0;
  for (const v1::CostBound& bound : request.bounds()) {
    const std::int64_t output = (bound.output_price() * bound.max_output_tokens() + kPicoPerNano - 1) / kPicoPerNano;
    worst = std::max(worst, std::min(output + bound.input_nano_usd(), kMaxNanoUsd));
  }
  return worst;
}

std::int64_t now_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<milliseconds>(now).count();
}

v1::RateState rate_state(v1::RateState::Unit unit, std::int64_t limit, std::int64_t remaining,
                         std::int64_t until_full_ms) {
  v1::RateState rate;
  rate.set_unit(unit);
  rate.set_limit(limit);
  rate.set_remaining(remaining);
  rate.set_resets_at_ms(now_ms() + until_full_ms);
  return rate;
}

// Why a reservation was refused, from the reply of reserve.lua.
absl::Status refusal(const v1::ReserveRequest& request, const RedisReply& reply) {
  ReplyReader fields(reply);
  const std::string reason = fields.text();
  if (reason == "unknown")
    return unknown_key();
  if (reason == "conflict")
    return invalid(fmt::format("Generation {} has been reserved by another request.", request.generation_id()));
  if (reason == "settled")
    return invalid(fmt::format("Generation {} has already been settled.", request.generation_id()));
  if (reason == "budget") {
    SpentLimit spent;
    spent.scope = fields.text();
    spent.name = fields.text();
    spent.reset = static_cast<v1::Reset>(fields.integer());
    spent.limit = fields.integer();
    spent.spent = fields.integer();
    spent.held = fields.integer();
    spent.resets_at = fields.integer();
    spent.needed = fields.integer();
    spent.left = fields.integer();
    spent.passing = fields.integer() == 1;
    spent.expected = fields.integer() == 1;
    return fields.failed() ? unexpected_reply(scripts::reserve()) : to_status(budget_failure(spent, request));
  }
  const std::string name = fields.text();
  if (reason == "disabled") {
    return error(Failure::KIND_UNAUTHENTICATED,
                 fmt::format("Key \"{}\" is disabled: enable it or use another one.", name));
  }
  if (reason == "expired") {
    return error(Failure::KIND_UNAUTHENTICATED, fmt::format("Key \"{}\" has expired at {}: ask for a new one.", name,
                                                            format_utc(fields.integer() / 1000)));
  }
  if (reason == "management") {
    return error(Failure::KIND_PERMISSION_DENIED,
                 fmt::format("Key \"{}\" is a management key: it manages keys and workspaces and cannot infer. Use a "
                             "key made without --management.",
                             name));
  }
  if (reason == "requests" || reason == "tokens") {
    const std::int64_t limit = fields.integer();
    const std::int64_t remaining = fields.integer();
    const std::int64_t retry_after = fields.integer();
    const auto unit = reason == "tokens" ? v1::RateState::UNIT_TOKENS : v1::RateState::UNIT_REQUESTS;
    return to_status(rate_failure(name, rate_state(unit, limit, remaining, fields.integer()), retry_after));
  }
  return unexpected_reply(scripts::reserve());
}

// The reply of reserve.lua, behind its `ok`.
absl::Status read_admission(ReplyReader& fields, v1::ReserveReply& out) {
  out.set_amount_nano_usd(fields.integer());
  if (const std::string permissions = fields.text(); !permissions.empty()) {
    if (!out.mutable_permissions()->ParseFromString(permissions))
      return unexpected_reply(scripts::reserve());
  }
  for (const auto unit : {v1::RateState::UNIT_REQUESTS, v1::RateState::UNIT_TOKENS}) {
    const std::int64_t limit = fields.integer();
    const std::int64_t remaining = fields.integer();
    const std::int64_t until_full = fields.integer();
    if (limit > 0)
      *out.add_rates() = rate_state(unit, limit, remaining, until_full);
  }
  for (int i = 0; i < 2; ++i) {
    if (std::string preferences = fields.text(); !preferences.empty())
      out.add_provider_preferences(std::move(preferences));
  }
  out.set_key_name(fields.text());
  return fields.failed() ? unexpected_reply(scripts::reserve()) : absl::OkStatus();
}

// What counts against the tokens per minute.
std::int64_t counted_tokens(const v1::Usage& usage) {
  return usage.input_tokens() + usage.cache_write_5m_tokens() + usage.cache_write_1h_tokens() + usage.output_tokens();
}

}  // namespace

RedisLedger::RedisLedger(Redis& redis, const BudgetConfig& config, ActivityOutlet* outlet)
    : redis_(redis),
      workspaces_(redis),
      activity_(config.activity),
      outlet_(outlet),
      lease_(config.lease),
      lease_text_(std::to_string(config.lease.count())) {}

Awaitable<absl::StatusOr<v1::ReserveReply>> RedisLedger::reserve(const v1::ReserveRequest& request) {
  const std::string& hash = request.key_hash();
  if (!is_key_hash(hash))
    co_return unknown_key();
  if (absl::Status status = check_generation(request.generation_id()); !status.ok())
    co_return status;
  if (absl::Status status = check_bounds(request); !status.ok())
    co_return status;
  if (request.expected_input_tokens() < 0 || request.expected_input_tokens() > kMaxTokens)
    co_return invalid(
        fmt::format("expected_input_tokens: expected 0 to {}, got {}", kMaxTokens, request.expected_input_tokens()));
  if (!request.model().empty() && !is_generation_id(request.model()))
    co_return invalid("model: expected at most 128 printable characters");

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

  const std::string& workspace = out.workspace();
  std::vector<std::string> keys;
  keys.reserve(5);
  keys.push_back(layout::key_record(workspace, hash));
  keys.push_back(layout::workspace_record(workspace));
  keys.push_back(layout::generation(workspace, request.generation_id()));
  keys.push_back(layout::holds(workspace));
  keys.push_back(layout::outputs(workspace, hash));
  std::vector<std::string> args;
  args.reserve(7 + 3 * static_cast<std::size_t>(request.bounds_size()));
  args.push_back(request.generation_id());
  args.push_back(hash);
  args.push_back(std::to_string(worst_case(request)));
  args.push_back(lease_text_);
  args.push_back(std::to_string(request.expected_input_tokens()));
  args.push_back(request.model().empty() ? "-" : request.model());
  args.push_back(orphan_about(request));
  for (const v1::CostBound& bound : request.bounds()) {
    args.push_back(std::to_string(bound.expected_input_nano_usd()));
    args.push_back(std::to_string(bound.output_price()));
    args.push_back(std::to_string(bound.max_output_tokens()));
  }
  absl::StatusOr<RedisReply> reply = co_await run(redis_, scripts::reserve(), std::move(keys), std::move(args));
  if (!reply.ok())
    co_return reply.status();
  ReplyReader fields(*reply);
  if (fields.text() != "ok")
    co_return refusal(request, *reply);
  if (absl::Status status = read_admission(fields, out); !status.ok())
    co_return status;
  co_return out;
}

Awaitable<absl::StatusOr<v1::CheckpointReply>> RedisLedger::checkpoint(const v1::CheckpointRequest& request) {
  absl::Status status =
      check_settlement(request.workspace(), request.key_hash(), request.generation_id(), request.cost_nano_usd());
  if (status.ok())
    status = check_amount("amount", request.amount_nano_usd());
  if (!status.ok())
    co_return status;

  const std::string& workspace = request.workspace();
  std::vector<std::string> keys = {layout::key_record(workspace, request.key_hash()),
                                   layout::workspace_record(workspace),
                                   layout::generation(workspace, request.generation_id()), layout::holds(workspace)};
  std::vector<std::string> args = {request.generation_id(), request.key_hash(), std::to_string(request.cost_nano_usd()),
                                   std::to_string(request.amount_nano_usd()), lease_text_};
  absl::StatusOr<RedisReply> reply = co_await run(redis_, scripts::checkpoint(), std::move(keys), std::move(args));
  if (!reply.ok())
    co_return reply.status();
  v1::CheckpointReply out;
  out.set_live(reply->integer == 1);
  co_return out;
}

Awaitable<absl::StatusOr<v1::SettleReply>> RedisLedger::settle(const v1::SettleRequest& request) {
  absl::Status status =
      check_settlement(request.workspace(), request.key_hash(), request.generation_id(), request.cost_nano_usd());
  if (!status.ok())
    co_return status;

  const std::string& workspace = request.workspace();
  std::vector<std::string> keys;
  keys.reserve(6);
  keys.push_back(layout::key_record(workspace, request.key_hash()));
  keys.push_back(layout::workspace_record(workspace));
  keys.push_back(layout::generation(workspace, request.generation_id()));
  keys.push_back(layout::holds(workspace));
  keys.push_back(layout::settled(workspace));
  keys.push_back(layout::outputs(workspace, request.key_hash()));
  std::vector<std::string> args;
  args.reserve(17);
  args.push_back(request.generation_id());
  args.push_back(request.key_hash());
  args.push_back(std::to_string(request.cost_nano_usd()));
  args.push_back(std::to_string(request.usage_source()));
  args.push_back(std::to_string(counted_tokens(request.usage())));
  args.push_back(std::to_string(request.usage().output_tokens()));
  args.push_back(std::to_string(v1::USAGE_SOURCE_LEASE_EXPIRED));
  append_keep(activity_, args);
  v1::ActivityRecord record = settled_record(request);
  append_activity(record, args);
  absl::StatusOr<RedisReply> reply = co_await run(redis_, scripts::settle(), std::move(keys), std::move(args));
  if (!reply.ok())
    co_return reply.status();
  ReplyReader fields(*reply);
  const std::int64_t outcome = fields.integer();
  if (outcome == -1)
    co_return invalid(fmt::format("Generation {} is held by another key.", request.generation_id()));
  v1::SettleReply out;
  out.set_applied(outcome == 1);
  out.set_cost_nano_usd(fields.integer());
  if (fields.failed())
    co_return unexpected_reply(scripts::settle());
  if (outlet_ != nullptr && out.applied()) {
    record.set_workspace(workspace);
    outlet_->put(record);
  }
  co_return out;
}

Awaitable<absl::StatusOr<v1::NoteReply>> RedisLedger::note(const v1::ActivityRecord& given) {
  const std::string& hash = given.key_id();
  if (!is_key_hash(hash))
    co_return invalid("key_id: expected 64 lower-case hex digits");
  if (absl::Status status = check_generation(given.generation_id()); !status.ok())
    co_return status;
  std::string workspace;
  if (const std::string* cached = workspaces_.cached(hash)) {
    workspace = *cached;
  } else {
    absl::StatusOr<std::string> found = co_await workspaces_.look_up(hash);
    if (!found.ok())
      co_return found.status();
    workspace = *std::move(found);
  }
  // A stranger fills no memory.
  if (workspace.empty())
    co_return v1::NoteReply();
  std::vector<std::string> get = {"HGET", layout::key_record(workspace, hash), "name"};
  const absl::StatusOr<RedisReply> name = co_await run(redis_, std::move(get));
  if (!name.ok())
    co_return name.status();
  if (name->is_nil())
    co_return v1::NoteReply();

  v1::ActivityRecord record = given;
  record.set_key_name(name->text);
  record.clear_workspace();
  std::vector<std::string> keys = {layout::generation(workspace, record.generation_id()),
                                   layout::workspace_record(workspace), layout::key_record(workspace, hash),
                                   layout::holds(workspace)};
  std::vector<std::string> args = {record.generation_id(), hash, std::string(kNoteKnownSeconds)};
  append_keep(activity_, args);
  append_activity(record, args);
  const absl::StatusOr<RedisReply> reply = co_await run(redis_, scripts::note(), std::move(keys), std::move(args));
  if (!reply.ok())
    co_return reply.status();
  if (outlet_ != nullptr && reply->integer == 1) {
    record.set_workspace(workspace);
    outlet_->put(record);
  }
  co_return v1::NoteReply();
}

}  // namespace tollgate
