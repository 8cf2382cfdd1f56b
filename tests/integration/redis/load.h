// Commands that flow while servers fail: coroutines that add numbers to sets, by script and by command, and remember
// what was acknowledged.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "services/common/redis/redis.h"
#include "tests/support/redis/loop.h"

namespace tollgate {

inline const RedisScript& add_script() {
  static const RedisScript script("add", "redis.call('SADD', KEYS[1], ARGV[1]) return redis.call('SCARD', KEYS[1])");
  return script;
}

class Load {
 public:
  // Works on the sets at `keys` until the end of stop().
  Load(Loop& loop, Redis& redis, std::vector<std::string> keys, int workers = 8)
      : loop_(loop), redis_(redis), keys_(std::move(keys)) {
    for (int worker = 0; worker < workers; ++worker) {
      ++running_;
      asio::co_spawn(loop.context(), work(worker), [this](std::exception_ptr problem) {
        --running_;
        if (problem)
          std::rethrow_exception(problem);
      });
    }
  }
  ~Load() { stop(); }
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  // Another `count` commands are acknowledged.
  bool goes_on(int count = 200) {
    const int aim = acknowledged_ + count;
    return loop_.run_until([&] { return acknowledged_ >= aim; });
  }
  void stop() {
    stopping_ = true;
    EXPECT_TRUE(loop_.run_until([&] { return running_ == 0; }));
  }

  int acknowledged() const { return acknowledged_; }
  const std::vector<std::string>& errors() const { return errors_; }

  // Sets whose numbers since mark() are not all there.
  void mark() { numbers_.clear(); }
  std::vector<std::string> missing() {
    std::vector<std::string> out;
    for (const auto& [key, numbers] : numbers_) {
      std::vector<std::string> argv = {"SMEMBERS", key};
      const auto reply = loop_.run(redis_.command(std::move(argv)));
      expect_ok(reply);
      std::set<std::string> there;
      if (reply.ok()) {
        for (const RedisReply& member : reply->elements)
          there.insert(member.text);
      }
      for (const std::string& number : numbers) {
        if (there.count(number) == 0)
          out.push_back(fmt::format("{} in {}", number, key));
      }
    }
    return out;
  }

 private:
  Awaitable<void> work(int worker) {
    for (int i = 0; !stopping_; ++i) {
      const std::string key = keys_[static_cast<std::size_t>(i) % keys_.size()];
      std::string number = fmt::format("{}.{}", worker, i);
      absl::StatusOr<RedisReply> reply;
      if (i % 2 == 0) {
        std::vector<std::string> argv = {"SADD", key, number};
        reply = co_await redis_.command(std::move(argv));
      } else {
        std::vector<std::string> keys = {key};
        std::vector<std::string> args = {number};
        reply = co_await redis_.eval(add_script(), std::move(keys), std::move(args));
      }
      if (!reply.ok()) {
        errors_.emplace_back(reply.status().message());
      } else if (reply->is_error()) {
        errors_.push_back(reply->text);
      } else {
        ++acknowledged_;
        numbers_[key].insert(std::move(number));
      }
    }
  }

  Loop& loop_;
  Redis& redis_;
  const std::vector<std::string> keys_;
  bool stopping_ = false;
  int running_ = 0;
  int acknowledged_ = 0;
  std::vector<std::string> errors_;
  std::map<std::string, std::set<std::string>> numbers_;
};

}  // namespace tollgate
