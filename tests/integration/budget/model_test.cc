// Random interleavings of everything that happens to money, on a real Redis and on a model of it in a page of C++: they
// agree to the nano-USD. TOLLGATE_SEED repeats a run, TOLLGATE_SEQUENCES changes how many there are.
#include <cstdlib>
#include <random>
#include <set>

#include "services/budget/activity_writes.h"
#include "services/budget/ledger_audit.h"
#include "services/budget/packed_sums.h"
#include "services/budget/sweeper.h"
#include "tests/integration/budget/clocked_redis.h"
#include "tests/integration/budget/fixture.h"

namespace tollgate {
namespace {

constexpr std::int64_t kLeaseMs = 30'000;
constexpr std::int64_t kDay = 86'400;

struct Periods {
  std::int64_t day = 0;
  std::int64_t week = 0;
  std::int64_t month = 0;
};

Periods periods_of(std::int64_t seconds) {
  const std::chrono::sys_days day{std::chrono::days(seconds / kDay)};
  const std::chrono::year_month_day date(day);
  return {seconds / kDay, (seconds / kDay + 3) / 7,
          static_cast<int>(date.year()) * 12 + static_cast<int>(static_cast<unsigned>(date.month()))};
}

// What a key or a workspace has spent; sums of periods are those of the period in which it was last charged.
struct Account {
  std::array<std::optional<std::int64_t>, 4> limits;
  std::int64_t usage = 0;
  std::int64_t held = 0;
  std::array<std::int64_t, 3> sums{};
  Periods running;

  std::array<bool, 3> same(const Periods& now) const {
    return {running.day == now.day, running.week == now.week, running.month == now.month};
  }
  void charge(std::int64_t cost, const Periods& now) {
    const auto still = same(now);
    usage += cost;
    for (std::size_t i = 0; i < 3; ++i)
      sums[i] = (still[i] ? sums[i] : 0) + cost;
    running = now;
  }
  void correct(std::int64_t delta, const Periods& when) {
    const auto still = same(when);
    usage += delta;
    for (std::size_t i = 0; i < 3; ++i)
      sums[i] += still[i] ? delta : 0;
  }
  bool admits(std::int64_t amount, const Periods& now) const {
    const auto still = same(now);
    const std::array<std::int64_t, 4> spent = {usage, still[0] ? sums[0] : 0, still[1] ? sums[1] : 0,
                                               still[2] ? sums[2] : 0};
    for (std::size_t i = 0; i < 4; ++i) {
      if (limits[i] && spent[i] + held + amount > *limits[i])
        return false;
    }
    return true;
  }
};

struct Hold {
  std::string key;
  std::int64_t asked = 0;
  std::int64_t amount = 0;
  std::int64_t cost = 0;
  std::int64_t lease_end_ms = 0;
};

struct Settled {
  std::string key;
  std::int64_t cost = 0;
  bool expired = false;
  // Unix us.
  std::int64_t counted = 0;
};

// What the ledger promises, without Redis.
struct Model {
  std::int64_t now_us = 0;
  Account workspace;
  std::map<std::string, Account> keys;
  std::set<std::string> disabled;
  std::map<std::string, Hold> holds;
  std::map<std::string, Settled> settled;

  // Back by one day is no new day.
  std::int64_t counting() const {
    const std::int64_t seconds = now_us / 1'000'000;
    return workspace.running.day - seconds / kDay == 1 ? workspace.running.day * kDay : seconds;
  }
  std::int64_t lease_end() const { return now_us / 1000 + kLeaseMs; }
  Account* key(const std::string& hash) {
    const auto found = keys.find(hash);
    return found == keys.end() ? nullptr : &found->second;
  }

  v1::Failure::Kind reserve(const std::string& hash, const std::string& generation, std::int64_t amount) {
    Account* account = key(hash);
    if (account == nullptr)
      return v1::Failure::KIND_UNAUTHENTICATED;
    if (const auto it = holds.find(generation); it != holds.end()) {
      if (it->second.key != hash || it->second.asked != amount)
        return v1::Failure::KIND_INVALID_REQUEST;
      it->second.lease_end_ms = lease_end();
      return v1::Failure::KIND_UNSPECIFIED;
    }
    if (settled.contains(generation))
      return v1::Failure::KIND_INVALID_REQUEST;
    if (disabled.contains(hash))
      return v1::Failure::KIND_UNAUTHENTICATED;
    const Periods now = periods_of(counting());
    if (!account->admits(amount, now) || !workspace.admits(amount, now))
      return v1::Failure::KIND_BUDGET;
    holds[generation] = {hash, amount, amount, 0, lease_end()};
    hold(hash, amount);
    return v1::Failure::KIND_UNSPECIFIED;
  }

  bool checkpoint(const std::string& hash, const std::string& generation, std::int64_t cost, std::int64_t amount) {
    if (settled.contains(generation))
      return false;
    const auto [it, fresh] = holds.try_emplace(generation, Hold{hash, amount, std::max(amount, cost), cost, 0});
    Hold& held = it->second;
    if (fresh) {
      hold(hash, held.amount);
    } else if (cost > held.cost) {
      held.cost = cost;
      if (cost > held.amount) {
        hold(held.key, cost - held.amount);
        held.amount = cost;
      }
    }
    held.lease_end_ms = lease_end();
    return true;
  }

  // Whether it was applied; empty when the generation is another key's.
  std::optional<bool> settle(const std::string& hash, const std::string& generation, std::int64_t cost) {
    if (const auto it = settled.find(generation); it != settled.end()) {
      Settled& first = it->second;
      if (first.key != hash)
        return std::nullopt;
      if (!first.expired)
        return false;
      const Periods when = periods_of(first.counted / 1'000'000);
      workspace.correct(cost - first.cost, when);
      if (Account* account = key(hash))
        account->correct(cost - first.cost, when);
      first.cost = cost;
      first.expired = false;
      return true;
    }
    if (const auto it = holds.find(generation); it != holds.end() && it->second.key != hash)
      return std::nullopt;
    charge(hash, generation, cost, false);
    return true;
  }

  // How many leases have run out. What was settled long ago is forgotten, and stays in the sums.
  std::int64_t sweep() {
    std::vector<std::string> due;
    for (const auto& [generation, held] : holds) {
      if (held.lease_end_ms <= now_us / 1000)
        due.push_back(generation);
    }
    for (const std::string& generation : due)
      charge(holds.at(generation).key, generation, holds.at(generation).cost, true);
    const std::int64_t oldest = (now_us / 1'000'000 - 7 * kDay) * 1'000'000;
    std::erase_if(settled, [&](const auto& entry) { return entry.second.counted <= oldest; });
    return static_cast<std::int64_t>(due.size());
  }

 private:
  void hold(const std::string& hash, std::int64_t amount) {
    workspace.held += amount;
    if (Account* account = key(hash))
      account->held += amount;
  }
  void charge(std::string hash, const std::string& generation, std::int64_t cost, bool expired) {
    if (const auto it = holds.find(generation); it != holds.end()) {
      hold(hash, -it->second.amount);
      holds.erase(it);
    }
    const std::int64_t counted = counting();
    workspace.charge(cost, periods_of(counted));
    if (Account* account = key(hash))
      account->charge(cost, periods_of(counted));
    const bool now = counted == now_us / 1'000'000;
    settled[generation] = {hash, cost, expired, now ? now_us : counted * 1'000'000};
  }
};

class ModelTest : public BudgetTest {
 protected:
  using Random = std::mt19937;

  int pick(int below) { return std::uniform_int_distribution<int>(0, below - 1)(random_); }
  std::string one_of(const std::vector<std::string>& all) {
    return all[static_cast<std::size_t>(pick(static_cast<int>(all.size())))];
  }

  void set_time(std::int64_t now_us) {
    model_.now_us = now_us;
    expect_ok(loop_.run(clocked_.set_time(now_us)));
  }

  v1::Limits random_limits(Account& account, std::int64_t about) {
    v1::Limits limits;
    for (const auto reset : {v1::RESET_NONE, v1::RESET_DAILY, v1::RESET_WEEKLY, v1::RESET_MONTHLY}) {
      account.limits[reset].reset();
      if (pick(2) == 0) {
        account.limits[reset] = pick(static_cast<int>(about));
        add_limit(limits, *account.limits[reset], reset);
      }
    }
    return limits;
  }

  void begin_sequence(int number) {
    model_ = Model();
    went_back_ = false;
    workspace_ = fmt::format("w{}", number);
    // A moment of the next ten years, half of them close to midnight.
    const std::int64_t midnight = (20'781 + pick(3650)) * kDay;
    set_time((midnight + (pick(2) == 0 ? pick(240) - 120 : pick(kDay))) * 1'000'000 + pick(1'000'000));
    v1::CreateWorkspaceRequest create;
    create.set_id(workspace_);
    *create.mutable_limits() = random_limits(model_.workspace, 1500);
    const auto workspace = loop_.run(workspaces_clocked_.create(create));
    expect_ok(workspace);
    model_.workspace.running = periods_of(model_.now_us / 1'000'000);
    hashes_.clear();
    const int keys = 1 + pick(3);
    for (int i = 0; i < keys; ++i)
      add_key();
  }

  void add_key() {
    v1::CreateKeyRequest create;
    create.set_name("k");
    create.set_workspace(workspace_);
    Account account;
    *create.mutable_limits() = random_limits(account, 1000);
    account.running = periods_of(model_.now_us / 1'000'000);
    const auto key = loop_.run(keys_clocked_.create(create));
    expect_ok(key);
    hashes_.push_back(key->key().hash());
    model_.keys[key->key().hash()] = account;
  }

  void step(int number) {
    const std::string hash = one_of(hashes_);
    // Few enough that generations are met again, by their owner as a rule.
    const std::string generation = fmt::format("gen-{}", number / 8 * 3 + pick(6));
    const auto hold = model_.holds.find(generation);
    const auto settled = model_.settled.find(generation);
    std::string owner = hash;
    if (pick(10) != 0)
      owner = hold != model_.holds.end()        ? hold->second.key
              : settled != model_.settled.end() ? settled->second.key
                                                : hash;
    const std::int64_t amount = hold != model_.holds.end() && pick(3) != 0 ? hold->second.asked : pick(400);
    const int action = pick(100);
    if (action < 36) {
      v1::ReserveRequest request = reservation(owner, generation, amount);
      // Not every router knows of records.
      if (pick(3) != 0) {
        request.set_model(fmt::format("m{}", pick(2)));
        request.mutable_record()->set_session_id(pick(2) == 0 ? "" : fmt::format("s{}", pick(2)));
        request.mutable_record()->set_agent_id(pick(2) == 0 ? "" : "agent");
      }
      const auto reply = loop_.run(ledger_clocked_.reserve(request));
      const auto got = reply.ok() ? v1::Failure::KIND_UNSPECIFIED : kind_of(reply.status());
      ASSERT_EQ(got, model_.reserve(owner, generation, amount)) << reply.status().message();
    } else if (action < 62) {
      const std::int64_t cost = pick(450);
      v1::SettleRequest request = settlement(owner, generation, cost);
      request.set_workspace(workspace_);
      request.set_model(fmt::format("m{}", pick(2)));
      if (pick(3) != 0) {
        v1::ActivityRecord& record = *request.mutable_record();
        record.set_model(request.model());
        record.set_status(pick(2) == 0 ? 200 : 529);
        record.set_session_id(fmt::format("s{}", pick(2)));
        record.mutable_usage()->set_output_tokens(pick(1000));
      }
      const auto reply = loop_.run(ledger_clocked_.settle(request));
      const auto expected = model_.settle(owner, generation, cost);
      ASSERT_EQ(reply.ok(), expected.has_value()) << reply.status().message();
      if (reply.ok()) {
        ASSERT_EQ(reply->applied(), *expected);
        ASSERT_EQ(reply->cost_nano_usd(), model_.settled.at(generation).cost);
      }
    } else if (action < 74) {
      // A checkpoint comes from the owner of the hold, or of one that Redis has lost.
      const std::string keeper = hold != model_.holds.end() ? hold->second.key : owner;
      v1::CheckpointRequest request = checkpoint_of(keeper, generation, pick(450), amount);
      request.set_workspace(workspace_);
      const auto reply = loop_.run(ledger_clocked_.checkpoint(request));
      expect_ok(reply);
      ASSERT_EQ(reply->live(), model_.checkpoint(keeper, generation, request.cost_nano_usd(), amount));
    } else if (action < 84) {
      // Owners die: nobody settles, time passes, the sweeper finds them.
      if (pick(2) == 0)
        set_time(model_.now_us + (kLeaseMs + pick(2000) - 1000) * 1000);
      const std::int64_t before = sweeper_.settled();
      ASSERT_TRUE(loop_.run(sweeper_.sweep()).ok());
      ASSERT_EQ(sweeper_.settled() - before, model_.sweep());
    } else if (action < 93) {
      // The clock runs, jumps, and goes back.
      const std::int64_t second = 1'000'000;
      const std::array<std::int64_t, 8> jumps = {5 * second,         3600 * second,     -3600 * second,
                                                 kDay * second,      7 * kDay * second, 33 * kDay * second,
                                                 -2 * kDay * second, -kDay * second + 1};
      const std::int64_t jump = jumps[static_cast<std::size_t>(pick(8))];
      went_back_ = went_back_ || jump < -3600 * second;
      set_time(model_.now_us + jump + pick(1'000'000));
    } else if (action < 96) {
      v1::UpdateKeyRequest request;
      request.set_hash(hash);
      Account* account = model_.key(hash);
      if (pick(2) == 0) {
        const bool off = !model_.disabled.contains(hash);
        off ? (void)model_.disabled.insert(hash) : (void)model_.disabled.erase(hash);
        request.set_disabled(off);
      } else if (account != nullptr) {
        *request.mutable_limits() = random_limits(*account, 2000);
      }
      ASSERT_EQ(loop_.run(keys_clocked_.update(request)).ok(), account != nullptr);
    } else if (action < 98) {
      v1::UpdateWorkspaceRequest request;
      request.set_id(workspace_);
      *request.mutable_limits() = random_limits(model_.workspace, 3000);
      expect_ok(loop_.run(workspaces_clocked_.update(request)));
    } else if (hashes_.size() < 6 && model_.keys.contains(hash)) {
      v1::DeleteKeyRequest request;
      request.set_hash(hash);
      expect_ok(loop_.run(keys_clocked_.remove(request)));
      model_.keys.erase(hash);
      add_key();
    }
  }

  // Cost and requests by key, of the hashes of sums whose names begin so.
  std::map<std::string, std::pair<std::int64_t, std::int64_t>> sums_of_all(const std::string& name) {
    std::map<std::string, std::pair<std::int64_t, std::int64_t>> found;
    for (const RedisReply& key : redis_command({"KEYS", layout::in_workspace(workspace_, name) + "*"}).elements) {
      const RedisReply fields = redis_command({"HGETALL", key.text});
      for (std::size_t i = 0; i + 1 < fields.elements.size(); i += 2) {
        const auto sums = unpack_sums(fields.elements[i + 1].text);
        EXPECT_TRUE(sums.has_value());
        auto& [cost, requests] = found[std::string(parse_sums_field(fields.elements[i].text).key)];
        cost += sums->cost_nano_usd();
        requests += sums->requests();
      }
    }
    std::erase_if(found, [](const auto& entry) { return entry.second == std::pair<std::int64_t, std::int64_t>(); });
    return found;
  }

  // Records, sums of hours and of days say the same as the ledger.
  void compare_activity() {
    std::map<std::string, std::pair<std::int64_t, std::int64_t>> raw;
    std::int64_t total = 0;
    std::int64_t of_sessions = 0;
    for (const RedisReply& entry : redis_command({"XRANGE", layout::records(workspace_), "-", "+"}).elements) {
      v1::ActivityRecord record;
      ASSERT_TRUE(record.ParseFromString(entry.elements[1].elements[1].text));
      raw[record.key_id()].first += record.cost_nano_usd();
      ++raw[record.key_id()].second;
      total += record.cost_nano_usd();
      of_sessions += record.session_id().empty() ? 0 : record.cost_nano_usd();
    }
    ASSERT_EQ(total, model_.workspace.usage);
    for (const auto& [hash, account] : model_.keys)
      ASSERT_EQ(raw[hash].first, account.usage);
    std::erase_if(raw, [](const auto& entry) { return entry.second.second == 0; });
    ASSERT_EQ(sums_of_all("hour:"), raw);
    ASSERT_EQ(sums_of_all("day:"), raw);
    for (const RedisReply& key : redis_command({"KEYS", layout::in_workspace(workspace_, "session:") + "*"}).elements) {
      const RedisReply fields = redis_command({"HGETALL", key.text});
      for (std::size_t i = 0; i + 1 < fields.elements.size(); i += 2) {
        if (fields.elements[i].text.starts_with('s'))
          of_sessions -= unpack_sums(fields.elements[i + 1].text)->cost_nano_usd();
      }
    }
    ASSERT_EQ(of_sessions, 0);
  }

  static void compare(const Account& account, const v1::Spend& spend, const Periods& now) {
    const auto still = account.same(now);
    ASSERT_EQ(spend.usage_nano_usd(), account.usage);
    ASSERT_EQ(spend.held_nano_usd(), account.held);
    ASSERT_EQ(spend.usage_daily_nano_usd(), still[0] ? account.sums[0] : 0);
    ASSERT_EQ(spend.usage_weekly_nano_usd(), still[1] ? account.sums[1] : 0);
    ASSERT_EQ(spend.usage_monthly_nano_usd(), still[2] ? account.sums[2] : 0);
  }

  void end_sequence() {
    const Periods now = periods_of(model_.counting());
    v1::GetWorkspaceRequest get;
    get.set_id(workspace_);
    const auto workspace = loop_.run(workspaces_clocked_.get(get));
    expect_ok(workspace);
    compare(model_.workspace, workspace->spend(), now);
    v1::ListKeysRequest list;
    list.set_workspace(workspace_);
    const auto keys = loop_.run(keys_clocked_.list(list));
    expect_ok(keys);
    ASSERT_EQ(keys->keys_size(), static_cast<int>(model_.keys.size()));
    for (const v1::Key& key : keys->keys())
      compare(model_.keys.at(key.hash()), key.spend(), now);
    const auto audit = loop_.run(audit_ledger(redis_, workspace_, false));
    expect_ok(audit);
    ASSERT_TRUE(audit->broken.empty());
    for (const Difference& difference : audit->differences) {
      // A clock that went back by days meets records of a period that had passed: their sum began anew.
      ASSERT_TRUE(went_back_ && difference.counter != "held" && difference.counter != "usage")
          << difference.key_hash << " " << difference.counter << " " << difference.stored << " " << difference.expected;
    }
    ASSERT_EQ(audit->holds, static_cast<std::int64_t>(model_.holds.size()));
    ASSERT_EQ(audit->settled, static_cast<std::int64_t>(model_.settled.size()));
    compare_activity();
    // One workspace at a time: the sweeper visits them all.
    redis_command({"FLUSHDB"});
  }

  Random random_;
  ClockedRedis clocked_{redis_};
  RedisKeys keys_clocked_{clocked_};
  RedisWorkspaces workspaces_clocked_{clocked_};
  RedisLedger ledger_clocked_{clocked_, BudgetConfig()};
  Sweeper sweeper_{loop_.context(), clocked_, BudgetConfig()};
  Model model_;
  bool went_back_ = false;
  std::string workspace_;
  std::vector<std::string> hashes_;
};

TEST_F(ModelTest, AgreesWithTheLedger) {
  const char* given = std::getenv("TOLLGATE_SEED");
  const unsigned seed = given != nullptr ? static_cast<unsigned>(std::stoul(given)) : std::random_device()();
  const char* wanted = std::getenv("TOLLGATE_SEQUENCES");
  const int sequences = wanted != nullptr ? std::stoi(wanted) : 10'000;
  std::cout << "TOLLGATE_SEED=" << seed << " TOLLGATE_SEQUENCES=" << sequences << "\n";
  random_.seed(seed);
  for (int sequence = 0; sequence < sequences; ++sequence) {
    begin_sequence(sequence);
    const int steps = 12 + pick(24);
    for (int number = 0; number < steps; ++number) {
      step(number);
      ASSERT_FALSE(HasFailure()) << "sequence " << sequence << ", step " << number;
    }
    end_sequence();
    ASSERT_FALSE(HasFailure()) << "at the end of sequence " << sequence;
  }
}

}  // namespace
}  // namespace tollgate
