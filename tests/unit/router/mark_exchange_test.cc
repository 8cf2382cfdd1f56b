#include "services/router/mark_exchange.h"

#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>

#include "services/common/base/errors.h"

namespace tollgate::router {
namespace {

using std::chrono::seconds;
using v1::Failure;

// What all routers share.
struct FakeMarks : Marks {
  bool away = false;
  int reports = 0;
  std::vector<v1::Mark> held;

  Awaitable<absl::StatusOr<v1::ReportMarksReply>> report(const v1::ReportMarksRequest& request) override {
    if (away)
      co_return error(Failure::KIND_UNAVAILABLE, "Redis is away");
    ++reports;
    held.insert(held.end(), request.marks().begin(), request.marks().end());
    co_return v1::ReportMarksReply();
  }
  Awaitable<absl::StatusOr<v1::ReadMarksReply>> read(const v1::ReadMarksRequest&) override {
    if (away)
      co_return error(Failure::KIND_UNAVAILABLE, "Redis is away");
    v1::ReadMarksReply reply;
    reply.mutable_marks()->Assign(held.begin(), held.end());
    co_return reply;
  }
};

class MarkExchangeTest : public testing::Test {
 protected:
  MarkExchangeTest() {
    endpoint_.set_upstream("u");
    endpoint_.set_upstream_model("m");
    endpoint_.set_provider("p");
  }
  void fail() {
    auto admission = mine_.admit(endpoint_);
    ASSERT_TRUE(admission.ok());
    admission->failed(make_failure(Failure::KIND_OVERLOADED, "no"));
  }
  absl::Status exchange(MarkExchange& exchange) {
    absl::Status result = absl::UnknownError("did not finish");
    asio::co_spawn(context_, exchange.exchange(), [&](std::exception_ptr, absl::Status status) { result = status; });
    context_.restart();
    context_.run();
    return result;
  }

  asio::io_context context_;
  HealthTime now_{seconds(1000)};
  FakeMarks marks_;
  Health mine_{{}, [this] { return now_; }};
  Health other_{{}, [this] { return now_; }};
  MarkExchange my_exchange_{context_, marks_, mine_};
  MarkExchange other_exchange_{context_, marks_, other_};
  v1::Endpoint endpoint_;
};

TEST_F(MarkExchangeTest, AnotherRouterDoesNotLearnByFailing) {
  fail();
  EXPECT_TRUE(exchange(my_exchange_).ok());
  EXPECT_EQ(marks_.reports, 0) << "no outage yet";
  fail();
  EXPECT_TRUE(exchange(my_exchange_).ok());
  EXPECT_FALSE(other_.outage(endpoint_));
  EXPECT_TRUE(exchange(other_exchange_).ok());
  EXPECT_TRUE(other_.outage(endpoint_));
  EXPECT_EQ(marks_.reports, 1) << "what one was told it does not tell again";
  now_ += Health::kOutage;
  EXPECT_FALSE(other_.outage(endpoint_));
}

TEST_F(MarkExchangeTest, TellsOnceAndAgainWhenItGoesOn) {
  fail();
  fail();
  for (int i = 0; i < 5; ++i)
    EXPECT_TRUE(exchange(my_exchange_).ok());
  EXPECT_EQ(marks_.reports, 1);
  // The rest of the outage grows by what its own clock has gone on.
  now_ += seconds(10);
  for (int i = 0; i < 5; ++i)
    EXPECT_TRUE(exchange(my_exchange_).ok());
  EXPECT_EQ(marks_.reports, 1);
  Failure limited = make_failure(Failure::KIND_RATE_LIMITED, "slow down");
  limited.set_retry_after_ms(120'000);
  mine_.admit(endpoint_)->failed(limited);
  EXPECT_TRUE(exchange(my_exchange_).ok());
  EXPECT_EQ(marks_.reports, 2);
  EXPECT_EQ(marks_.held.back().lasts_ms(), 120'000);
}

TEST_F(MarkExchangeTest, AloneItGoesOnAndTellsLater) {
  fail();
  fail();
  marks_.away = true;
  EXPECT_FALSE(exchange(my_exchange_).ok());
  EXPECT_TRUE(mine_.outage(endpoint_));
  marks_.away = false;
  EXPECT_TRUE(exchange(my_exchange_).ok());
  EXPECT_TRUE(exchange(other_exchange_).ok());
  EXPECT_TRUE(other_.outage(endpoint_));
}

TEST_F(MarkExchangeTest, RunsUntilItIsCancelled) {
  asio::cancellation_signal cancel;
  bool unwound = false;
  asio::co_spawn(
      context_, my_exchange_.run(),
      asio::bind_cancellation_slot(cancel.slot(), [&](std::exception_ptr thrown) { unwound = thrown != nullptr; }));
  fail();
  fail();
  const auto end = SteadyClock::now() + seconds(10);
  while (marks_.reports == 0 && SteadyClock::now() < end)
    context_.run_one_for(std::chrono::milliseconds(10));
  EXPECT_EQ(marks_.reports, 1);
  asio::post(context_, [&] { cancel.emit(asio::cancellation_type::terminal); });
  context_.run();
  EXPECT_TRUE(unwound);
}

}  // namespace
}  // namespace tollgate::router
