// Money under fault, as a user's own suite would meet it: real processes, killed while real clients spend.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <filesystem>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <sstream>
#include <thread>

#include "tests/faults/books.h"
#include "tests/integration/system/suite.h"

namespace tollgate::testing {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

unsigned seed() {
  const char* given = std::getenv("TOLLGATE_SEED");
  const unsigned seed = given != nullptr ? static_cast<unsigned>(std::stoul(given)) : std::random_device()();
  std::cout << "TOLLGATE_SEED=" << seed << "\n";
  return seed;
}

json get_json(Suite& suite, const std::string& key, const std::string& target) {
  HttpExchange exchange(suite.port(), {"GET", target, {{"Authorization", "Bearer " + key}}, ""});
  EXPECT_EQ(exchange.status(), 200U) << exchange.body();
  return json::parse(exchange.body(), nullptr, false);
}

// Cost and number of a key's records.
std::pair<std::int64_t, std::int64_t> exported(Suite& suite, const std::string& key) {
  HttpExchange exchange(suite.port(), {"GET", "/api/v1/activity/export?format=ndjson", {{"x-api-key", key}}, ""});
  std::istringstream lines(exchange.body());
  EXPECT_TRUE(exchange.complete());
  std::int64_t cost = 0;
  std::int64_t count = 0;
  for (std::string line; std::getline(lines, line); ++count)
    cost += nano_usd(json::parse(line).at("cost"));
  return {cost, count};
}

// Records, the sums of hours and those of days say the same as the ledger.
void expect_activity_agrees(Suite& suite, const std::string& name, const std::string& key) {
  const auto total = [&](const char* interval) {
    const json sums = get_json(suite, key, fmt::format("/api/v1/activity/query?interval={}", interval)).at("total");
    return std::pair(nano_usd(sums.at("cost")), sums.at("requests").get<std::int64_t>());
  };
  // Refused requests are noted by and by.
  std::pair<std::int64_t, std::int64_t> records;
  EXPECT_TRUE(wait_until([&] {
    records = exported(suite, key);
    return records == total("hour") && records == total("day");
  }));
  EXPECT_EQ(records.first, nano_usd(suite.key(name).at("usage")));
}

// The number after `text`, in USD.
std::int64_t amount_after(const std::string& message, const std::string& text) {
  const auto at = message.find(text);
  return at == std::string::npos ? -1 : nano_usd(std::stod(message.substr(at + text.size())));
}

TEST(Money, SixtyFourClientsGetExactlyWhatTheLimitAdmits) {
  constexpr int kClients = 64;
  constexpr int kAdmitted = 5000;
  constexpr const char* kKnobs = "size=40;first_ms=30";
  Suite suite(Form::kFiveProcesses, 1, {{"budget", {{"lease_ms", 2000}}}}, 3);
  // What a request holds, and what it costs.
  const std::string broke = suite.create_key("broke", {"--limit", "0"});
  const std::string refusal = json::parse(suite.message(broke, false, kKnobs).body()).at("error").at("message");
  const std::int64_t held = amount_after(refusal, "needs up to $");
  ASSERT_GT(held, 0) << refusal;
  const std::string probe = suite.create_key("probe");
  const std::int64_t cost = cost_of(json::parse(suite.message(probe, false, kKnobs).body()).at("usage"));
  ASSERT_GT(held, cost);
  // A request is admitted for as long as limit - spent >= held.
  const std::int64_t limit = held + (kAdmitted - 1) * cost;
  const std::string key =
      suite.create_key("team", {"--limit", fmt::format("{:.9f}", static_cast<double>(limit) / 1e9)});

  std::atomic<int> served{0};
  std::atomic<int> running{kClients};
  std::atomic<int> waited{0};
  std::atomic<int> unavailable{0};
  const auto client = [&] {
    for (bool spent = false; !spent;) {
      HttpExchange exchange = suite.message(key, false, kKnobs);
      const unsigned status = exchange.status();
      exchange.body();
      if (status == 200) {
        ++served;
      } else if (status == 402 && exchange.header("x-should-retry") == "false") {
        spent = true;
      } else {
        ++(status == 402 ? waited : unavailable);
        std::this_thread::sleep_for(milliseconds(20));
      }
    }
    --running;
  };
  std::vector<std::thread> clients;
  for (int i = 0; i < kClients; ++i)
    clients.emplace_back(client);
  int kills = 0;
  auto next = steady_clock::now() + milliseconds(1000);
  EXPECT_TRUE(wait_until(
      [&] {
        if (running == 0)
          return true;
        if (steady_clock::now() >= next) {
          const std::string victim = kills % 3 == 0 ? "budget" : fmt::format("budget-{}", kills % 3);
          suite.process(victim).kill();
          suite.restart(victim);
          ++kills;
          next = steady_clock::now() + milliseconds(1000);
        }
        return false;
      },
      std::chrono::minutes(3)));
  for (std::thread& thread : clients)
    thread.join();
  EXPECT_GE(kills, 3);
  EXPECT_EQ(served, kAdmitted);
  expect_books_are_closed(suite);
  EXPECT_EQ(nano_usd(suite.key("team").at("usage")), kAdmitted * cost);
  expect_activity_agrees(suite, "team", key);
  std::cout << "kills " << kills << ", waited " << waited << ", unavailable " << unavailable << "\n";
}

// One stream as its client saw it.
struct Seen {
  std::string generation;
  std::string message;
  bool complete = false;
};

class Streams {
 public:
  Streams(Suite& suite, std::string key, int threads, int each, unsigned seed) : suite_(suite), key_(std::move(key)) {
    for (int i = 0; i < threads; ++i)
      threads_.emplace_back([this, each, from = seed + static_cast<unsigned>(i)] { run(each, from); });
  }
  ~Streams() { join(); }

  void join() {
    for (std::thread& thread : threads_) {
      if (thread.joinable())
        thread.join();
    }
  }
  int ended() const { return ended_; }
  const std::vector<Seen>& seen() const { return seen_; }

 private:
  void run(int count, unsigned from) {
    std::mt19937 random(from);
    for (int i = 0; i < count; ++i) {
      const int events = std::uniform_int_distribution<int>(5, 60)(random);
      // Until the suite takes a request: what is refused is not a stream yet.
      for (;;) {
        HttpExchange exchange = suite_.message(key_, true, fmt::format("events={};delay_ms=10;bytes=30", events));
        if (exchange.status() != 200) {
          note(exchange, false);
          std::this_thread::sleep_for(milliseconds(20));
          continue;
        }
        // Some clients leave.
        const bool leaves = random() % 20 == 0;
        if (leaves)
          exchange.read_bytes(1500);
        else
          exchange.body();
        note(exchange, !leaves && exchange.so_far().find("event: message_stop") != std::string::npos);
        break;
      }
      ++ended_;
    }
  }

  void note(HttpExchange& exchange, bool complete) {
    Seen seen;
    seen.generation = exchange.header("x-generation-id");
    const std::string& body = exchange.so_far();
    if (const auto at = body.find("\"id\":\"msg_"); at != std::string::npos)
      seen.message = body.substr(at + 6, body.find('"', at + 6) - at - 6);
    seen.complete = complete;
    std::lock_guard lock(mutex_);
    seen_.push_back(std::move(seen));
  }

  Suite& suite_;
  const std::string key_;
  std::mutex mutex_;
  std::vector<Seen> seen_;
  std::atomic<int> ended_{0};
  std::vector<std::thread> threads_;
};

void tear_append_only_file(RedisServer& redis, std::mt19937& random) {
  redis.kill();
  std::filesystem::path file;
  int newest = -1;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(redis.directory())) {
    int sequence = 0;
    char rest[16];
    const std::string name = entry.path().filename().string();
    if (std::sscanf(name.c_str(), "appendonly.aof.%d.incr.%15s", &sequence, rest) == 2 && sequence > newest) {
      newest = sequence;
      file = entry.path();
    }
  }
  const auto size = std::filesystem::file_size(file);
  const std::uintmax_t lost = std::uniform_int_distribution<std::uintmax_t>(1, 4096)(random);
  std::filesystem::resize_file(file, size - std::min(size, lost));
  redis.start();
}

TEST(Money, NothingIsLostWhoeverIsKilled) {
  constexpr int kThreads = 25;
  constexpr int kEach = 20;
  const unsigned from = seed();
  std::mt19937 random(from);
  Suite suite(Form::kFiveProcesses, 1, {{"budget", {{"lease_ms", 1500}}}});
  const std::string key = suite.create_key("ci");
  Streams streams(suite, key, kThreads, kEach, from);
  std::map<std::string, int> kills;
  const std::vector<std::string> victims = {"router", "adapter", "budget", "redis", "torn redis"};
  while (streams.ended() < kThreads * kEach) {
    std::this_thread::sleep_for(milliseconds(std::uniform_int_distribution<int>(100, 900)(random)));
    const std::string& victim = victims[random() % victims.size()];
    ++kills[victim];
    if (victim == "torn redis") {
      tear_append_only_file(suite.redis(), random);
      // Not again before the file has been written anew (aof_renewal.h).
      std::this_thread::sleep_for(milliseconds(500));
    } else if (victim == "redis") {
      suite.redis().kill();
      suite.redis().start();
    } else {
      suite.process(victim).kill();
      suite.restart(victim);
    }
  }
  streams.join();
  expect_books_are_closed(suite);

  std::map<std::string, std::int64_t> billed;
  const json journal = suite.simulator().billed();
  for (const json& request : journal.at("requests"))
    billed[request.at("message_id")] = cost_of(request);
  Records records(suite.redis().config());
  std::map<int, int> sources;
  std::int64_t sum = 0;
  std::set<std::string> generations;
  for (const Seen& seen : streams.seen()) {
    // Refused before it was begun, or the gateway could not say.
    if (seen.generation.empty())
      continue;
    EXPECT_TRUE(generations.insert(seen.generation).second);
    const Settled settled = records.settled(seen.generation);
    if (seen.message.empty()) {
      // Admitted or not, it got nothing: free, unless its owner died while the upstream was at work.
      sum += std::max<std::int64_t>(0, settled.cost);
      continue;
    }
    ASSERT_GE(settled.cost, 0) << seen.generation << " was served and is not settled";
    ++sources[settled.source];
    sum += settled.cost;
    if (settled.source == 1) {
      EXPECT_EQ(settled.cost, billed.at(seen.message)) << seen.generation;
    }
    if (seen.complete) {
      // The client has the whole answer: only a router that died right after it can have lost the end.
      EXPECT_TRUE(settled.source == 1 || settled.source == 4) << seen.generation << " " << settled.source;
    }
  }
  std::cout << "killed:";
  for (const auto& [victim, times] : kills)
    std::cout << " " << victim << " " << times;
  std::cout << "; settled: reported " << sources[1] << ", drained " << sources[2] << ", estimated " << sources[3]
            << ", lease expired " << sources[4] << "\n";
  // The faults were faults, and most streams came through them whole.
  EXPECT_GE(generations.size(), static_cast<std::size_t>(kThreads * kEach));
  EXPECT_GT(sources[1], kThreads * kEach / 4);
  EXPECT_GT(sources[3] + sources[4], 0);
  // Nothing else was charged: requests that a killed gateway never answered do not exist here.
  EXPECT_EQ(nano_usd(suite.key("ci").at("usage")), sum);
  expect_activity_agrees(suite, "ci", key);
}

TEST(Money, NobodyIsServedUnpaidWhileRedisIsAway) {
  constexpr int kClients = 16;
  Suite suite(Form::kFiveProcesses, 1, {{"redis", {{"command_timeout_ms", 500}}}});
  const std::string key = suite.create_key("ci");
  std::atomic<bool> stop{false};
  std::atomic<bool> away{false};
  std::atomic<int> served{0};
  std::atomic<int> refused{0};
  std::atomic<int> served_while_away{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < kClients; ++i) {
    clients.emplace_back([&] {
      while (!stop) {
        const bool began_away = away;
        HttpExchange exchange = suite.message(key, false, "size=200");
        const unsigned status = exchange.status();
        exchange.body();
        if (status == 200)
          ++(began_away && away ? served_while_away : served);
        else if (status == 503)
          ++refused;
        else
          ADD_FAILURE() << status << " " << exchange.so_far();
        if (status != 200)
          std::this_thread::sleep_for(milliseconds(50));
      }
    });
  }
  // Streams that run meanwhile go on to their end.
  std::vector<std::unique_ptr<HttpExchange>> streams;
  for (int i = 0; i < 20; ++i)
    streams.push_back(std::make_unique<HttpExchange>(suite.port(), suite.request(key, true, "events=300;delay_ms=20")));
  for (auto& stream : streams)
    EXPECT_TRUE(stream->read_until("content_block_delta"));
  EXPECT_TRUE(wait_until([&] { return served > 500; }));
  suite.redis().kill();
  away = true;
  for (auto& stream : streams) {
    EXPECT_NE(stream->body().find("event: message_stop"), std::string::npos);
    EXPECT_TRUE(stream->complete());
  }
  std::this_thread::sleep_for(std::chrono::seconds(24));
  EXPECT_GT(refused, 100);
  away = false;
  suite.redis().start();
  const int before = served;
  EXPECT_TRUE(wait_until([&] { return served > before + 500; }));
  stop = true;
  for (std::thread& thread : clients)
    thread.join();
  EXPECT_EQ(served_while_away, 0);
  expect_books_are_closed(suite);
  const json billed = suite.simulator().billed();
  EXPECT_EQ(nano_usd(suite.key("ci").at("usage")), cost_of(billed.at("totals")));
  EXPECT_EQ(Records(suite.redis().config()).count(), billed.at("totals").at("requests").get<std::int64_t>());
  expect_activity_agrees(suite, "ci", key);
  std::cout << "served " << served << ", refused " << refused << "\n";
}

// Redis takes the hold after its client was told to come back later.
TEST(Money, AHoldThatComesTooLateIsLetGo) {
  Suite suite(Form::kFiveProcesses, 1, {{"redis", {{"command_timeout_ms", 200}}}});
  const std::string key = suite.create_key("ci");
  EXPECT_EQ(suite.message(key, false, "size=10").status(), 200U);
  suite.redis().freeze();
  EXPECT_EQ(suite.message(key, false, "size=10").status(), 503U);
  suite.redis().thaw();
  expect_books_are_closed(suite);
  EXPECT_EQ(verify(suite).at("lease_expired"), 0);
  EXPECT_EQ(Records(suite.redis().config()).count(), 1);
  expect_activity_agrees(suite, "ci", key);
}

}  // namespace
}  // namespace tollgate::testing
