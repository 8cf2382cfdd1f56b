// Random steps on the ledger and on a model of it in a page of C++ must agree, step by step.
#include <cstdlib>
#include <random>

#include "services/budget/lease_reaper.h"
#include "tests/integration/budget/fixture.h"

namespace tollgate {
namespace {

struct ModelHold {
  std::string key;
  std::int64_t amount = 0;
  std::int64_t cost = 0;
};

struct ModelKey {
  std::optional<std::int64_t> limit;
  bool disabled = false;
  bool removed = false;
  std::int64_t usage = 0;
};

// What the ledger promises, without Redis.
class Model {
 public:
  std::int64_t held(const std::string& key) const {
    std::int64_t sum = 0;
    for (const auto& [id, hold] : holds)
      sum += hold.key == key ? hold.amount : 0;
    return sum;
  }

  v1::Failure::Kind reserve(const std::string& key, const std::string& generation, std::int64_t amount) {
    const ModelKey& state = keys.at(key);
    if (state.removed)
      return v1::Failure::KIND_UNAUTHENTICATED;
    if (const auto it = holds.find(generation); it != holds.end())
      return it->second.key == key && it->second.amount == amount ? v1::Failure::KIND_UNSPECIFIED
                                                                  : v1::Failure::KIND_INVALID_REQUEST;
    if (settled.contains(generation))
      return v1::Failure::KIND_INVALID_REQUEST;
    if (state.disabled)
      return v1::Failure::KIND_UNAUTHENTICATED;
    if (state.limit && state.usage + held(key) + amount > *state.limit)
      return v1::Failure::KIND_BUDGET;
    holds[generation] = {key, amount, 0};
    return v1::Failure::KIND_UNSPECIFIED;
  }

  bool checkpoint(const std::string& generation, std::int64_t cost) {
    const auto it = holds.find(generation);
    if (it == holds.end())
      return false;
    it->second.cost = std::max(it->second.cost, cost);
    return true;
  }

  // Whether it was applied; empty when the hold is another key's.
  std::optional<bool> settle(const std::string& key, const std::string& generation, std::int64_t cost) {
    if (settled.contains(generation))
      return false;
    if (const auto it = holds.find(generation); it != holds.end()) {
      if (it->second.key != key)
        return std::nullopt;
      holds.erase(it);
    }
    charge(key, generation, cost);
    return true;
  }

  void expire(const std::string& generation) {
    const ModelHold hold = holds.at(generation);
    holds.erase(generation);
    charge(hold.key, generation, hold.cost);
  }

  std::map<std::string, ModelKey> keys;
  std::map<std::string, ModelHold> holds;
  std::map<std::string, std::int64_t> settled;
  std::int64_t total = 0;

 private:
  void charge(const std::string& key, const std::string& generation, std::int64_t cost) {
    settled[generation] = cost;
    keys.at(key).usage += cost;
    total += cost;
  }
};

TEST_F(BudgetTest, AgreesWithTheModel) {
  const char* given = std::getenv("TOLLGATE_SEED");
  const unsigned seed = given != nullptr ? static_cast<unsigned>(std::stoul(given)) : std::random_device()();
  std::cout << "seed: TOLLGATE_SEED=" << seed << "\n";
  std::mt19937 random(seed);
  const auto pick = [&](int below) { return std::uniform_int_distribution<int>(0, below - 1)(random); };

  LeaseReaper reaper(loop_.context(), redis_, BudgetConfig());
  Model model;
  std::vector<std::string> keys;
  const auto add_key = [&] {
    std::optional<std::int64_t> limit;
    if (pick(4) != 0)
      limit = pick(3000);
    const v1::Key key = create_key(limit, static_cast<v1::Reset>(pick(4))).key();
    keys.push_back(key.hash());
    model.keys[key.hash()].limit = limit;
  };
  for (int i = 0; i < 4; ++i)
    add_key();

  constexpr int kSteps = 6000;
  for (int step = 0; step < kSteps; ++step) {
    SCOPED_TRACE("step " + std::to_string(step));
    const std::string key = keys[static_cast<std::size_t>(pick(static_cast<int>(keys.size())))];
    // Few enough that generations are met again, by their owner as a rule.
    const std::string generation = "gen-" + std::to_string(step / 20 * 4 + pick(12));
    const auto hold = model.holds.find(generation);
    const std::string owner = hold != model.holds.end() && pick(10) != 0 ? hold->second.key : key;
    const std::int64_t amount = hold != model.holds.end() && pick(3) != 0 ? hold->second.amount : pick(200);
    const int action = pick(100);
    if (action < 40) {
      const auto reply = reserve(owner, generation, amount);
      const auto got = reply.ok() ? v1::Failure::KIND_UNSPECIFIED : kind_of(reply.status());
      ASSERT_EQ(got, model.reserve(owner, generation, amount)) << reply.status().message();
    } else if (action < 70) {
      const std::int64_t cost = pick(250);
      const auto reply = settle(owner, generation, cost);
      const auto expected = model.settle(owner, generation, cost);
      ASSERT_EQ(reply.ok(), expected.has_value());
      if (reply.ok()) {
        ASSERT_EQ(reply->applied(), *expected);
        ASSERT_EQ(reply->cost_nano_usd(), model.settled.at(generation));
      }
    } else if (action < 82) {
      const std::int64_t cost = pick(250);
      ASSERT_EQ(checkpoint(generation, cost)->live(), model.checkpoint(generation, cost));
    } else if (action < 90) {
      if (hold != model.holds.end()) {
        redis_command({"ZADD", layout::holds("default"), "XX", "1", generation});
        const std::int64_t before = reaper.settled();
        ASSERT_TRUE(loop_.run(reaper.sweep()).ok());
        ASSERT_EQ(reaper.settled(), before + 1);
        model.expire(generation);
      }
    } else if (action < 96) {
      ModelKey& state = model.keys.at(key);
      v1::UpdateKeyRequest request;
      request.set_hash(key);
      if (pick(2) == 0) {
        state.disabled = !state.disabled;
        request.set_disabled(state.disabled);
      } else if (pick(3) == 0) {
        state.limit.reset();
        request.set_clear_limit(true);
      } else {
        state.limit = state.usage + pick(2000);
        request.set_limit_nano_usd(*state.limit);
      }
      const auto reply = loop_.run(keys_.update(request));
      ASSERT_EQ(reply.ok(), !state.removed);
    } else if (action < 97) {
      if (!model.keys.at(key).removed && model.keys.size() < 40) {
        remove_key(key);
        model.keys.at(key).removed = true;
        add_key();
      }
    }
    if (step % 10 == 0) {
      const ModelKey& state = model.keys.at(key);
      if (!state.removed) {
        const v1::Key shown = get_key(key);
        ASSERT_EQ(shown.usage_nano_usd(), state.usage);
        ASSERT_EQ(shown.held_nano_usd(), model.held(key));
        ASSERT_EQ(shown.disabled(), state.disabled);
      }
      ASSERT_EQ(total_usage(), model.total);
      ASSERT_EQ(redis_command({"ZCARD", layout::holds("default")}).integer,
                static_cast<std::int64_t>(model.holds.size()));
    }
  }
  // Everything in flight ends, and nothing is held.
  const auto holds = model.holds;
  for (const auto& [generation, hold] : holds) {
    expect_ok(settle(hold.key, generation, 1));
    model.settle(hold.key, generation, 1);
  }
  std::int64_t sum = 0;
  for (const auto& [hash, state] : model.keys) {
    sum += state.usage;
    if (!state.removed) {
      EXPECT_EQ(get_key(hash).held_nano_usd(), 0);
      EXPECT_EQ(get_key(hash).usage_nano_usd(), state.usage);
    }
  }
  EXPECT_EQ(total_usage(), sum);
}

}  // namespace
}  // namespace tollgate
