#include "services/router/sticky_sessions.h"

#include <gtest/gtest.h>

#include <thread>

namespace tollgate::router {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

v1::Endpoint endpoint(const std::string& provider, std::int64_t input = 10, std::int64_t cache_read = 1) {
  v1::Endpoint out;
  out.set_provider(provider);
  out.set_upstream("u");
  out.set_upstream_model("m");
  out.mutable_price()->set_input(input);
  out.mutable_price()->set_cache_read(cache_read);
  return out;
}

class StickySessionsTest : public testing::Test {
 protected:
  SteadyClock::time_point now_ = SteadyClock::time_point() + std::chrono::hours(1);
  StickySessions sessions_{3, [this] { return now_; }};
};

TEST_F(StickySessionsTest, StaysForTenIdleMinutes) {
  sessions_.remember("s", endpoint("x"));
  EXPECT_TRUE(sessions_.sticks_to("s", endpoint("x")));
  EXPECT_FALSE(sessions_.sticks_to("s", endpoint("y")));
  EXPECT_FALSE(sessions_.sticks_to("t", endpoint("x")));
  now_ += minutes(10) - seconds(1);
  EXPECT_TRUE(sessions_.sticks_to("s", endpoint("x")));
  // Being asked for is no use; being served is.
  now_ += seconds(1);
  EXPECT_FALSE(sessions_.sticks_to("s", endpoint("x")));
  sessions_.remember("s", endpoint("x"));
  now_ += minutes(9);
  sessions_.remember("s", endpoint("x"));
  now_ += minutes(9);
  EXPECT_TRUE(sessions_.sticks_to("s", endpoint("x")));
}

TEST_F(StickySessionsTest, FollowsWhoServedLast) {
  sessions_.remember("s", endpoint("x"));
  sessions_.remember("s", endpoint("y"));
  EXPECT_FALSE(sessions_.sticks_to("s", endpoint("x")));
  EXPECT_TRUE(sessions_.sticks_to("s", endpoint("y")));
  EXPECT_EQ(sessions_.size(), 1u);
}

TEST_F(StickySessionsTest, ForgetsTheLongestQuietFirst) {
  for (const char* name : {"a", "b", "c"})
    sessions_.remember(name, endpoint("x"));
  sessions_.remember("a", endpoint("x"));
  sessions_.remember("d", endpoint("x"));
  EXPECT_EQ(sessions_.size(), 3u);
  EXPECT_TRUE(sessions_.sticks_to("a", endpoint("x")));
  EXPECT_FALSE(sessions_.sticks_to("b", endpoint("x")));
  EXPECT_TRUE(sessions_.sticks_to("c", endpoint("x")));
}

TEST_F(StickySessionsTest, DropsWhatHasExpired) {
  sessions_.remember("a", endpoint("x"));
  sessions_.remember("b", endpoint("x"));
  now_ += minutes(11);
  sessions_.remember("c", endpoint("x"));
  EXPECT_EQ(sessions_.size(), 1u);
}

TEST_F(StickySessionsTest, AnyThreadMayCall) {
  StickySessions shared(100);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&shared, t] {
      for (int i = 0; i < 5000; ++i) {
        const std::string name = std::to_string((i * 7 + t) % 150);
        shared.remember(name, endpoint("x"));
        (void)shared.sticks_to(name, endpoint("x"));
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(shared.size(), 100u);
}

TEST(WorthStaying, WhenTheCacheIsCheaper) {
  EXPECT_TRUE(worth_staying(endpoint("x", 10, 9)));
  EXPECT_FALSE(worth_staying(endpoint("x", 10, 10)));
  EXPECT_FALSE(worth_staying(endpoint("x", 10, 11)));
}

}  // namespace
}  // namespace tollgate::router
