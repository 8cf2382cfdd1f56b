#include "services/budget/key_workspaces.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <map>

namespace tollgate {
namespace {

// Answers GET from a map and counts.
class FakeRedis : public Redis {
 public:
  Awaitable<absl::StatusOr<RedisReply>> command(std::vector<std::string> argv) override {
    ++commands;
    RedisReply reply;
    if (const auto it = values.find(argv.at(1)); it != values.end()) {
      reply.type = RedisReply::Type::kString;
      reply.text = it->second;
    }
    co_return reply;
  }
  Awaitable<absl::StatusOr<RedisReply>> eval(const RedisScript&, std::vector<std::string>,
                                             std::vector<std::string>) override {
    co_return absl::UnimplementedError("no scripts here");
  }
  std::uint64_t epoch() const override { return 1; }

  std::map<std::string, std::string> values;
  int commands = 0;
};

std::string look_up(KeyWorkspaces& workspaces, const std::string& hash) {
  if (const std::string* cached = workspaces.cached(hash))
    return *cached;
  asio::io_context context;
  std::string found;
  asio::co_spawn(context, workspaces.look_up(hash),
                 [&](std::exception_ptr, absl::StatusOr<std::string> result) { found = *std::move(result); });
  context.run();
  return found;
}

TEST(KeyWorkspaces, AreLookedUpOnceAndUnknownKeysEachTime) {
  FakeRedis redis;
  redis.values["tg:key:{a}"] = "one";
  KeyWorkspaces workspaces(redis);
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(look_up(workspaces, "a"), "one");
  EXPECT_EQ(redis.commands, 1);
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(look_up(workspaces, "b"), "");
  EXPECT_EQ(redis.commands, 4);
}

TEST(KeyWorkspaces, TheCacheIsBoundedAndKeepsWhatIsUsed) {
  FakeRedis redis;
  for (int i = 0; i < 100; ++i)
    redis.values[fmt::format("tg:key:{{{}}}", i)] = fmt::format("w{}", i);
  KeyWorkspaces workspaces(redis, 10);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(look_up(workspaces, std::to_string(i)), fmt::format("w{}", i));
    EXPECT_EQ(look_up(workspaces, "0"), "w0");
  }
  EXPECT_EQ(redis.commands, 100);
  EXPECT_EQ(look_up(workspaces, "1"), "w1");
  EXPECT_EQ(redis.commands, 101);
}

}  // namespace
}  // namespace tollgate
