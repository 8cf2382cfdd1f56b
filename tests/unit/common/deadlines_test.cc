#include "services/common/runtime/deadlines.h"

#include <gtest/gtest.h>

#include <memory>

namespace tollgate {
namespace {

using std::chrono::milliseconds;

class DeadlinesTest : public testing::Test {
 protected:
  asio::io_context context_;
  Deadlines deadlines_{context_, milliseconds(1)};
};

TEST_F(DeadlinesTest, FiresOnceWhenItsTimeHasCome) {
  int fired = 0;
  Deadline deadline(deadlines_, [&] { ++fired; });
  deadline.expires_after(milliseconds(2));
  EXPECT_FALSE(deadline.expired());
  while (!deadline.expired())
    context_.run_one();
  context_.run_for(milliseconds(10));
  EXPECT_EQ(fired, 1);
}

TEST_F(DeadlinesTest, ClearedOrDestroyedItNeverFires) {
  int fired = 0;
  Deadline cleared(deadlines_, [&] { ++fired; });
  cleared.expires_after(milliseconds(1));
  cleared.clear();
  {
    Deadline destroyed(deadlines_, [&] { ++fired; });
    destroyed.expires_after(milliseconds(1));
  }
  context_.run_for(milliseconds(10));
  EXPECT_EQ(fired, 0);
}

TEST_F(DeadlinesTest, SetAnewItCountsFromThen) {
  bool fired = false;
  Deadline deadline(deadlines_, [&] { fired = true; });
  deadline.expires_after(milliseconds(1));
  deadline.expires_after(std::chrono::hours(1));
  context_.run_for(milliseconds(10));
  EXPECT_FALSE(fired);
}

TEST_F(DeadlinesTest, ACallbackMayDestroyItselfAndItsNeighbours) {
  int fired = 0;
  std::unique_ptr<Deadline> first;
  std::unique_ptr<Deadline> second;
  const auto destroy_both = [&] {
    ++fired;
    first.reset();
    second.reset();
  };
  first = std::make_unique<Deadline>(deadlines_, destroy_both);
  second = std::make_unique<Deadline>(deadlines_, destroy_both);
  first->expires_after(milliseconds(1));
  second->expires_after(milliseconds(1));
  context_.run_for(milliseconds(20));
  EXPECT_EQ(fired, 1);
}

}  // namespace
}  // namespace tollgate
