// A Redis of its own for each test, the budget service on it, and a loop that runs coroutines on the test's thread.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "services/budget/layout.h"
#include "services/budget/redis_keys.h"
#include "services/budget/redis_ledger.h"
#include "services/budget/redis_workspaces.h"
#include "services/common/base/errors.h"
#include "services/common/base/money.h"
#include "services/common/redis/redis_client.h"
#include "tests/support/redis/loop.h"
#include "tests/support/redis/redis_server.h"

namespace tollgate {

class BudgetTest : public testing::Test {
 protected:
  static constexpr std::int64_t kUsd = kNanoPerUsd;

  RedisReply redis_command(std::vector<std::string> argv) {
    auto reply = loop_.run(redis_.command(std::move(argv)));
    expect_ok(reply);
    return reply.ok() ? *std::move(reply) : RedisReply();
  }
  std::string text_of(std::vector<std::string> argv) { return redis_command(std::move(argv)).text; }

  // Unix ms by the clock that the scripts go by.
  std::int64_t redis_now_ms() {
    const RedisReply time = redis_command({"TIME"});
    return std::stoll(time.elements[0].text) * 1000 + std::stoll(time.elements[1].text) / 1000;
  }

  static void add_limit(v1::Limits& limits, std::int64_t amount, v1::Reset reset = v1::RESET_NONE) {
    v1::Limit& limit = *limits.add_limits();
    limit.set_amount_nano_usd(amount);
    limit.set_reset(reset);
  }

  v1::CreateKeyReply create_key(const v1::CreateKeyRequest& request) {
    auto reply = loop_.run(keys_.create(request));
    expect_ok(reply);
    return reply.ok() ? *reply : v1::CreateKeyReply();
  }
  v1::CreateKeyReply create_key(std::optional<std::int64_t> limit = std::nullopt, v1::Reset reset = v1::RESET_NONE) {
    v1::CreateKeyRequest request;
    request.set_name("ci");
    if (limit)
      add_limit(*request.mutable_limits(), *limit, reset);
    return create_key(request);
  }

  v1::Workspace create_workspace(const std::string& id, std::optional<std::int64_t> limit = std::nullopt,
                                 v1::Reset reset = v1::RESET_NONE) {
    v1::CreateWorkspaceRequest request;
    request.set_id(id);
    if (limit)
      add_limit(*request.mutable_limits(), *limit, reset);
    auto reply = loop_.run(workspaces_.create(request));
    expect_ok(reply);
    return reply.ok() ? *reply : v1::Workspace();
  }
  v1::Workspace get_workspace(const std::string& id = "default") {
    v1::GetWorkspaceRequest request;
    request.set_id(id);
    auto reply = loop_.run(workspaces_.get(request));
    expect_ok(reply);
    return reply.ok() ? *reply : v1::Workspace();
  }

  v1::Key get_key(const std::string& hash) {
    v1::GetKeyRequest request;
    request.set_hash(hash);
    auto reply = loop_.run(keys_.get(request));
    expect_ok(reply);
    return reply.ok() ? *reply : v1::Key();
  }

  void remove_key(const std::string& hash) {
    v1::DeleteKeyRequest request;
    request.set_hash(hash);
    expect_ok(loop_.run(keys_.remove(request)));
  }

  // A request that costs `amount` at the most, whatever it puts out.
  static v1::ReserveRequest reservation(const std::string& hash, const std::string& generation, std::int64_t amount) {
    v1::ReserveRequest request;
    request.set_key_hash(hash);
    request.set_generation_id(generation);
    v1::CostBound& bound = *request.add_bounds();
    bound.set_input_nano_usd(amount);
    bound.set_expected_input_nano_usd(amount);
    return request;
  }
  static v1::SettleRequest settlement(const std::string& hash, const std::string& generation, std::int64_t cost) {
    v1::SettleRequest request;
    request.set_workspace("default");
    request.set_key_hash(hash);
    request.set_generation_id(generation);
    request.set_cost_nano_usd(cost);
    request.set_usage_source(v1::USAGE_SOURCE_REPORTED);
    return request;
  }
  static v1::CheckpointRequest checkpoint_of(const std::string& hash, const std::string& generation, std::int64_t cost,
                                             std::int64_t amount) {
    v1::CheckpointRequest request;
    request.set_workspace("default");
    request.set_key_hash(hash);
    request.set_generation_id(generation);
    request.set_cost_nano_usd(cost);
    request.set_amount_nano_usd(amount);
    return request;
  }

  absl::StatusOr<v1::ReserveReply> reserve(const std::string& hash, const std::string& generation,
                                           std::int64_t amount) {
    const auto request = reservation(hash, generation, amount);
    return loop_.run(ledger_.reserve(request));
  }
  absl::StatusOr<v1::SettleReply> settle(const std::string& hash, const std::string& generation, std::int64_t cost) {
    const auto request = settlement(hash, generation, cost);
    return loop_.run(ledger_.settle(request));
  }
  absl::StatusOr<v1::CheckpointReply> checkpoint(const std::string& hash, const std::string& generation,
                                                 std::int64_t cost, std::int64_t amount = 50) {
    const auto request = checkpoint_of(hash, generation, cost, amount);
    return loop_.run(ledger_.checkpoint(request));
  }

  std::int64_t total_usage() { return get_workspace().spend().usage_nano_usd(); }

  RedisServer server_;
  Loop loop_;
  RedisClient redis_{loop_.context(), server_.config()};
  RedisKeys keys_{redis_};
  RedisWorkspaces workspaces_{redis_};
  RedisLedger ledger_{redis_, BudgetConfig()};
};

}  // namespace tollgate
