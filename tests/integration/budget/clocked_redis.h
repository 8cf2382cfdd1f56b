// A Redis whose scripts read the time from the test: TIME is replaced in their source by a key that the test sets.
#pragma once

#include <fmt/format.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "services/common/redis/redis.h"

namespace tollgate {

class ClockedRedis : public Redis {
 public:
  // `entries`: new entries of streams have the test's time, too, which must then not go back.
  explicit ClockedRedis(Redis& redis, bool entries = false) : redis_(redis), entries_(entries) {}

  // Unix us.
  Awaitable<absl::StatusOr<RedisReply>> set_time(std::int64_t now_us) {
    std::vector<std::string> argv = {
        "HSET", "test:clock", "s", std::to_string(now_us / 1'000'000), "us", std::to_string(now_us % 1'000'000)};
    return redis_.command(std::move(argv));
  }

  Awaitable<absl::StatusOr<RedisReply>> command(std::vector<std::string> argv) override {
    return redis_.command(std::move(argv));
  }
  Awaitable<absl::StatusOr<RedisReply>> eval(const RedisScript& script, std::vector<std::string> keys,
                                             std::vector<std::string> args) override {
    return redis_.eval(clocked(script), std::move(keys), std::move(args));
  }
  std::uint64_t epoch() const override { return redis_.epoch(); }

 private:
  static void replace(std::string& source, const std::string& real, const std::string& ours) {
    for (std::size_t at = source.find(real); at != std::string::npos; at = source.find(real, at + ours.size()))
      source.replace(at, real.size(), ours);
  }

  const RedisScript& clocked(const RedisScript& script) {
    auto& found = scripts_[&script];
    if (!found) {
      std::string source = script.source();
      replace(source, "redis.call('TIME')", "redis.call('HMGET', 'test:clock', 's', 'us')");
      if (entries_)
        replace(source, "keep.records, '*', ", "keep.records, now_ms .. '-*', ");
      found = std::make_unique<RedisScript>(script.name(), source);
    }
    return *found;
  }

  Redis& redis_;
  const bool entries_;
  std::map<const RedisScript*, std::unique_ptr<RedisScript>> scripts_;
};

}  // namespace tollgate
