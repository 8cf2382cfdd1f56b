// What a router makes of its upstreams' failures, for the request at hand and for those that follow.
#include "services/router/cascade.h"

#include <nlohmann/json.hpp>

#include "services/router/attempt_watch.h"
#include "tests/unit/router/router_testing.h"

namespace tollgate::router {
namespace {

using nlohmann::json;

std::string header_of(const google::protobuf::RepeatedPtrField<v1::Header>& headers, const std::string& name) {
  std::string found;
  for (const v1::Header& header : headers) {
    if (header.name() == name)
      found += (found.empty() ? "" : "|") + header.value();
  }
  return found;
}

class CascadeTest : public RouterTest {
 protected:
  v1::Endpoint at(const std::string& name) const {
    for (const v1::Endpoint& endpoint : table_->find("m")->endpoints()) {
      if (endpoint.provider() == name)
        return endpoint;
    }
    return {};
  }
  static Attempt fails(FailureKind kind, std::uint64_t retry_after_ms = 0) {
    Failure failure = make_failure(kind, "no");
    failure.set_retry_after_ms(retry_after_ms);
    if (retry_after_ms > 0)
      add_header(failure, "retry-after", std::to_string(retry_after_ms / 1000));
    return {{}, to_status(failure)};
  }
  static Attempt unreachable() {
    Failure failure = make_failure(Failure::KIND_UNAVAILABLE, "refused");
    failure.set_stage(Failure::STAGE_CONNECTION);
    return {{}, to_status(failure)};
  }
  static Attempt works() { return {{head(), committed(), data("ok", 5), counted(1, 50), done()}, {}}; }
  static v1::CreateRequest told(const std::string& body = R"({"model":"m","max_tokens":10,"stream":true})") {
    v1::CreateRequest message = request(body);
    v1::Header& header = *message.add_headers();
    header.set_name("X-OpenRouter-Metadata");
    header.set_value("enabled");
    return message;
  }
  void fill(int attempts, const Attempt& attempt) {
    adapter_.script.assign(static_cast<std::size_t>(attempts), attempt);
  }
};

TEST_F(CascadeTest, LearnsFromEveryAttempt) {
  adapter_.script = {fails(Failure::KIND_OVERLOADED), works()};
  EXPECT_TRUE(create().ok());
  EXPECT_EQ(health_.view(at("x")).failed, 1u);
  EXPECT_EQ(health_.view(at("y")).succeeded, 1u);
  EXPECT_EQ(health_.view(at("z")).succeeded, 0u);
  adapter_.script = {fails(Failure::KIND_OVERLOADED), works()};
  EXPECT_TRUE(create().ok());
  EXPECT_TRUE(health_.outage(at("x")));
  EXPECT_EQ(health_.view(at("x")).in_flight, 0u);
}

TEST_F(CascadeTest, WhatEndsBadlyAfterItsFirstContentIsAFailure) {
  adapter_.script = {{{head(), committed(), data("half")}, error(Failure::KIND_UNAVAILABLE, "cut")}};
  EXPECT_FALSE(create().ok());
  EXPECT_EQ(health_.view(at("x")).failed, 1u);
  adapter_.script = {{{head(), committed(), data("half"), done(true)}, {}}};
  EXPECT_TRUE(create().ok()) << "the upstream's own error event is the client's";
  EXPECT_EQ(health_.view(at("x")).failed, 2u);
  adapter_.script = {{{head()}, {}}, works()};
  EXPECT_TRUE(create().ok());
  EXPECT_EQ(health_.view(at("x")).failed, 3u) << "an end without Done";
}

TEST_F(CascadeTest, AClientThatLeavesSaysNothingAboutTheUpstream) {
  adapter_.script = {{{head(), committed(), data("a"), data("b")}, absl::CancelledError("gone")}};
  client_.leaves_at = 1;
  EXPECT_FALSE(create().ok());
  EXPECT_EQ(health_.view(at("x")).failed + health_.view(at("x")).succeeded, 0u);
  EXPECT_EQ(health_.view(at("x")).in_flight, 0u);
}

TEST_F(CascadeTest, ABrokenWayToTheAdapterIsNoOutageOfAnUpstream) {
  fill(3, {{}, absl::UnavailableError("connection refused")});
  EXPECT_EQ(failure_of(create()).kind(), Failure::KIND_UNAVAILABLE);
  EXPECT_EQ(adapter_.sent.size(), 3u);
  EXPECT_EQ(health_.view(at("x")).failed, 0u);
}

TEST_F(CascadeTest, AnAttemptThatGoesOnWithoutItsClientIsInFlight) {
  const v1::Endpoint drained = table_->find("d")->endpoints(0);
  adapter_.script = {{{head(), committed(), data("a")}, {}, true, {counted(1, 1), done()}}};
  during_ = [&] {
    if (adapter_.written == 3)
      leave();
  };
  EXPECT_FALSE(create(request(kDrained)).ok());
  EXPECT_EQ(router_->draining(), 1u);
  EXPECT_EQ(health_.view(drained).in_flight, 1u);
  adapter_.open_gate();
  finish();
  EXPECT_TRUE(run_until([&] { return health_.view(drained).in_flight == 0; }));
}

TEST_F(CascadeTest, AHostThatCannotBeReachedIsNotTriedForAWhile) {
  for (int i = 0; i < Breaker::kFailures; ++i) {
    adapter_.script = {unreachable(), works()};
    EXPECT_TRUE(create().ok());
  }
  adapter_.sent.clear();
  adapter_.script = {works()};
  EXPECT_TRUE(create().ok());
  ASSERT_EQ(adapter_.sent.size(), 1u);
  EXPECT_EQ(adapter_.sent[0].upstream(), "uy");
  // Absolute it stays.
  const Failure failure =
      failure_of(create(request(R"({"model":"m","provider":{"only":["x"],"allow_fallbacks":false}})")));
  EXPECT_EQ(failure.http_status(), 503u);
  EXPECT_EQ(failure.retry_after_ms(), 1000u);
  EXPECT_EQ(header_of(failure.headers(), "retry-after"), "1");
  EXPECT_EQ(adapter_.sent.size(), 1u);
  health_now_ += std::chrono::seconds(1);
  adapter_.script = {works()};
  EXPECT_TRUE(create().ok());
  EXPECT_EQ(adapter_.sent.back().upstream(), "ux") << "the probe";
}

TEST_F(CascadeTest, AFullEndpointMovesOn) {
  Health bounded({{"ux", {"", 1, std::chrono::milliseconds(100)}}}, [this] { return health_now_; });
  router_ = std::make_unique<Router>(context_, table_, ledger_, keys_, adapter_, bounded, DrainOptions(),
                                     SelectionParts{.health = unseen_, .random = in_catalog_order});
  {
    const auto taken = bounded.admit(at("x"));
    adapter_.script = {works()};
    EXPECT_TRUE(create().ok());
    EXPECT_EQ(adapter_.sent.back().upstream(), "uy");
    const Failure failure = failure_of(create(request(R"({"model":"m","provider":{"only":["x"]}})")));
    EXPECT_EQ(failure.http_status(), 529u);
    EXPECT_THAT(failure.message(), HasSubstr("upstreams.ux.max_in_flight"));
    EXPECT_FALSE(bounded.outage(at("x")));
  }
  adapter_.script = {works()};
  EXPECT_TRUE(create().ok());
  EXPECT_EQ(adapter_.sent.back().upstream(), "ux");
  router_.reset();
}

TEST_F(CascadeTest, AnOutageOfOneMultipliesNothingAndIsSeenByNobody) {
  for (int i = 0; i < 200; ++i) {
    adapter_.script = {fails(Failure::KIND_UNAVAILABLE), works()};
    EXPECT_TRUE(create().ok()) << i;
  }
}

TEST_F(CascadeTest, AnOutageOfAllIsNotMultiplied) {
  constexpr int kRequests = 500;
  for (int i = 0; i < kRequests; ++i) {
    fill(3, fails(Failure::KIND_OVERLOADED, 4000));
    const Failure failure = failure_of(create());
    EXPECT_EQ(failure.http_status(), 529u);
    EXPECT_EQ(header_of(failure.headers(), "retry-after"), "4");
  }
  // A fifth more and the floor; before that each of the other two was tried until it was known to fail.
  EXPECT_LE(adapter_.sent.size(), static_cast<std::size_t>(kRequests + kRequests / 5 + 10 + 2));
  EXPECT_GE(adapter_.sent.size(), static_cast<std::size_t>(kRequests + kRequests / 5));
}

TEST_F(CascadeTest, TheShortestWaitOfAllIsTold) {
  adapter_.script = {fails(Failure::KIND_RATE_LIMITED, 60'000), fails(Failure::KIND_RATE_LIMITED, 7'000),
                     fails(Failure::KIND_UNAVAILABLE, 30'000)};
  const Failure failure = failure_of(create());
  EXPECT_EQ(failure.kind(), Failure::KIND_RATE_LIMITED);
  EXPECT_EQ(failure.retry_after_ms(), 7'000u);
  EXPECT_EQ(header_of(failure.headers(), "retry-after"), "7");
}

TEST_F(CascadeTest, AWaitIsRoundedUpAndOnlyWhereWaitingHelps) {
  Failure exact = make_failure(Failure::KIND_OVERLOADED, "no");
  add_header(exact, "Retry-After", "9");
  add_header(exact, "retry-after-ms", "9000");
  exact.set_retry_after_ms(9000);
  adapter_.script = {
      {{}, to_status(exact)}, fails(Failure::KIND_UNAVAILABLE, 0), {{}, [] {
                                                                      Failure other =
                                                                          make_failure(Failure::KIND_UNAVAILABLE, "no");
                                                                      other.set_retry_after_ms(1'201);
                                                                      return to_status(other);
                                                                    }()}};
  Failure failure = failure_of(create());
  EXPECT_EQ(header_of(failure.headers(), "Retry-After"), "2");
  EXPECT_EQ(header_of(failure.headers(), "retry-after-ms"), "1201");

  adapter_.script = {fails(Failure::KIND_RATE_LIMITED, 5000), fails(Failure::KIND_CONTEXT_LENGTH),
                     fails(Failure::KIND_RATE_LIMITED, 5000)};
  failure = failure_of(create(request(R"({"model":"m","provider":{"order":["x","y","z"]}})")));
  EXPECT_EQ(failure.kind(), Failure::KIND_CONTEXT_LENGTH);
  EXPECT_EQ(header_of(failure.headers(), "retry-after"), "");
}

TEST_F(CascadeTest, AttemptsAreToldInTheHead) {
  adapter_.script = {fails(Failure::KIND_UPSTREAM_AUTH), fails(Failure::KIND_RATE_LIMITED), works()};
  EXPECT_TRUE(create(told()).ok());
  const json attempts = json::parse(header_of(client_.frames.at(0).head().headers(), "x-tollgate-attempts"));
  ASSERT_EQ(attempts.size(), 3u);
  EXPECT_EQ(attempts[0]["provider"], "x");
  EXPECT_EQ(attempts[0]["kind"], "upstream_auth");
  EXPECT_EQ(attempts[0]["status"], 502);
  EXPECT_EQ(attempts[1]["kind"], "rate_limited");
  EXPECT_EQ(attempts[1]["status"], 429);
  EXPECT_EQ(attempts[2]["provider"], "z");
  EXPECT_EQ(attempts[2]["kind"], "ok");
  EXPECT_EQ(attempts[2]["status"], 200);
  EXPECT_TRUE(attempts[2]["latency_ms"].is_number_integer());
  EXPECT_EQ(client_.bytes, "ok") << "no byte of the upstream's is touched";
  EXPECT_EQ(adapter_.sent[0].headers_size(), 0) << "the wish is not the upstream's";
}

TEST_F(CascadeTest, AttemptsAreToldInAnError) {
  fill(3, fails(Failure::KIND_OVERLOADED));
  const Failure failure = failure_of(create(told()));
  EXPECT_EQ(json::parse(header_of(failure.headers(), "x-tollgate-attempts")).size(), 3u);
  const json body = json::parse(messages_error_json(failure, "gen-1"));
  EXPECT_EQ(body["openrouter_metadata"]["attempt"], 3);
  EXPECT_EQ(body["openrouter_metadata"]["attempts"][1],
            (json{{"provider", "y"},
                  {"model", "a/m"},
                  {"status", 529},
                  {"kind", "overloaded"},
                  {"latency_ms", body["openrouter_metadata"]["attempts"][1]["latency_ms"]}}));
}

TEST_F(CascadeTest, AttemptsAreToldInAnErrorWithinAStream) {
  adapter_.script = {fails(Failure::KIND_OVERLOADED),
                     {{head(), committed(), data("half")}, error(Failure::KIND_UNAVAILABLE, "cut")}};
  const Failure failure = failure_of(create(told()));
  ASSERT_EQ(failure.attempts_size(), 2);
  EXPECT_EQ(failure.attempts(1).kind(), "unavailable");
  EXPECT_EQ(json::parse(header_of(client_.frames.at(0).head().headers(), "x-tollgate-attempts")).size(), 2u);
}

TEST_F(CascadeTest, NobodyIsToldWhoDoesNotAsk) {
  adapter_.script = {fails(Failure::KIND_OVERLOADED), works()};
  EXPECT_TRUE(create().ok());
  EXPECT_EQ(header_of(client_.frames.at(0).head().headers(), "x-tollgate-attempts"), "");
  v1::CreateRequest message = request();
  v1::Header& header = *message.add_headers();
  header.set_name("x-openrouter-metadata");
  header.set_value("disabled");
  fill(3, fails(Failure::KIND_OVERLOADED));
  const Failure failure = failure_of(create(message));
  EXPECT_EQ(failure.attempts_size(), 0);
  EXPECT_EQ(header_of(failure.headers(), "x-tollgate-attempts"), "");
}

// The watch by itself, with a clock that the frames' way moves.
class AttemptWatchTest : public CascadeTest {
 protected:
  struct Slow : FrameSink {
    explicit Slow(HealthTime& time) : now(time) {}
    HealthTime& now;
    Awaitable<absl::Status> write(v1::Frame) override {
      now += std::chrono::milliseconds(700);
      co_return absl::OkStatus();
    }
  };

  Performance watch(const std::vector<std::pair<int, v1::Frame>>& frames) {
    HealthTime now{std::chrono::seconds(9)};
    auto admission = health_.admit(at("x"));
    Slow slow(now);
    AttemptWatch watch(*admission, slow, [&now] { return now; });
    for (const auto& [ms, frame] : frames) {
      now += std::chrono::milliseconds(ms);
      bool written = false;
      asio::co_spawn(context_, watch.write(frame), [&](std::exception_ptr, const absl::Status&) { written = true; });
      run_until([&] { return written; });
    }
    return watch.performance();
  }
};

TEST_F(AttemptWatchTest, TheClientsSlownessIsNotTheUpstreams) {
  const Performance measured = watch({{100, head()},
                                      {200, used(10, 1)},
                                      {0, committed()},
                                      {0, data("start")},
                                      {1000, data("more")},
                                      {1000, counted(10, 100)},
                                      {0, done()}});
  EXPECT_DOUBLE_EQ(measured.first_token_ms.value(), 300);
  EXPECT_DOUBLE_EQ(measured.tokens_per_second.value(), 50);
}

TEST_F(AttemptWatchTest, TooLittleOrNothingIsNotMeasured) {
  EXPECT_FALSE(watch({{100, head()}, {5, done()}}).first_token_ms.has_value());
  const Performance few = watch({{1, head()}, {1, committed()}, {9, counted(1, 15)}, {1, done()}});
  EXPECT_TRUE(few.first_token_ms.has_value());
  EXPECT_FALSE(few.tokens_per_second.has_value());
  EXPECT_FALSE(watch({{1, committed()}, {0, counted(1, 1000)}, {0, done()}}).tokens_per_second.has_value());
}

TEST_F(CascadeTest, OnlyStreamsAreMeasured) {
  for (int i = 0; i < 10; ++i) {
    adapter_.script = {works()};
    EXPECT_TRUE(create().ok());
  }
  EXPECT_FALSE(health_.latency_ms(at("x"), 50).has_value());
  for (int i = 0; i < 10; ++i) {
    adapter_.script = {works()};
    EXPECT_TRUE(create(request(R"({"model":"m","stream":true})")).ok());
  }
  EXPECT_TRUE(health_.latency_ms(at("x"), 50).has_value());
}

TEST_F(CascadeTest, CountingTokensTellsOnlyWhoCanBeReached) {
  const auto count = [&] {
    absl::StatusOr<v1::CountTokensReply> result = absl::UnknownError("did not finish");
    bool finished = false;
    asio::co_spawn(context_, router_->count_tokens(told()),
                   [&](std::exception_ptr, absl::StatusOr<v1::CountTokensReply> reply) {
                     result = std::move(reply);
                     finished = true;
                   });
    EXPECT_TRUE(run_until([&] { return finished; }));
    return result;
  };
  for (int i = 0; i < 3; ++i) {
    adapter_.script = {fails(Failure::KIND_RATE_LIMITED, 60'000), {}};
    const auto reply = count();
    ASSERT_TRUE(reply.ok());
    EXPECT_EQ(json::parse(header_of(reply->head().headers(), "x-tollgate-attempts")).size(), 2u);
  }
  EXPECT_FALSE(health_.outage(at("x")));
  for (int i = 0; i < Breaker::kFailures; ++i) {
    adapter_.script = {unreachable(), {}};
    EXPECT_TRUE(count().ok());
  }
  adapter_.sent.clear();
  adapter_.script = {{}};
  EXPECT_TRUE(count().ok());
  EXPECT_EQ(adapter_.sent.at(0).upstream(), "uy");
}

}  // namespace
}  // namespace tollgate::router
