#include "services/router/router.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>

#include "services/common/base/digest.h"
#include "services/common/base/errors.h"

namespace tollgate::router {
namespace {

using testing::HasSubstr;
using v1::Failure;

std::int64_t strict(const v1::CostBound& bound) {
  return bound.input_nano_usd() + (bound.output_price() * bound.max_output_tokens() + 999) / 1000;
}

struct FakeLedger : Ledger {
  absl::Status refuse;
  std::vector<std::int64_t> held;
  int settle_failures = 0;
  std::vector<v1::ReserveRequest> reserved;
  std::vector<v1::CheckpointRequest> checkpoints;
  std::vector<v1::SettleRequest> settled;

  Awaitable<absl::StatusOr<v1::ReserveReply>> reserve(const v1::ReserveRequest& request) override {
    if (!refuse.ok())
      co_return refuse;
    reserved.push_back(request);
    v1::ReserveReply reply;
    reply.set_workspace("default");
    reply.set_lease_ms(30);
    for (const v1::CostBound& bound : request.bounds())
      reply.set_amount_nano_usd(std::max(reply.amount_nano_usd(), strict(bound)));
    held.push_back(reply.amount_nano_usd());
    co_return reply;
  }
  Awaitable<absl::StatusOr<v1::CheckpointReply>> checkpoint(const v1::CheckpointRequest& request) override {
    checkpoints.push_back(request);
    co_return v1::CheckpointReply();
  }
  Awaitable<absl::StatusOr<v1::SettleReply>> settle(const v1::SettleRequest& request) override {
    if (settle_failures-- > 0)
      co_return error(Failure::KIND_UNAVAILABLE, "Redis is away");
    settled.push_back(request);
    co_return v1::SettleReply();
  }
};

struct FakeKeys : Keys {
  absl::StatusOr<v1::Key> key = v1::Key();
  Awaitable<absl::StatusOr<v1::Key>> get(const v1::GetKeyRequest&) override { co_return key; }
  Awaitable<absl::StatusOr<v1::CreateKeyReply>> create(const v1::CreateKeyRequest&) override {
    co_return absl::UnimplementedError("");
  }
  Awaitable<absl::StatusOr<v1::ListKeysReply>> list(const v1::ListKeysRequest&) override {
    co_return absl::UnimplementedError("");
  }
  Awaitable<absl::StatusOr<v1::Key>> update(const v1::UpdateKeyRequest&) override {
    co_return absl::UnimplementedError("");
  }
  Awaitable<absl::StatusOr<v1::DeleteKeyReply>> remove(const v1::DeleteKeyRequest&) override {
    co_return absl::UnimplementedError("");
  }
};

v1::Frame head() {
  v1::Frame frame;
  frame.mutable_head()->set_status(200);
  return frame;
}
v1::Frame data(const std::string& bytes, unsigned tokens = 0) {
  v1::Frame frame;
  frame.set_data(bytes);
  frame.set_estimated_output_tokens(tokens);
  return frame;
}
v1::Frame committed() {
  v1::Frame frame;
  frame.mutable_committed();
  return frame;
}
v1::Frame keep_alive() {
  v1::Frame frame;
  frame.mutable_keep_alive();
  return frame;
}
v1::Frame used(std::int64_t input, std::int64_t output) {
  v1::Frame frame;
  frame.mutable_usage()->set_input_tokens(input);
  frame.mutable_usage()->set_output_tokens(output);
  return frame;
}
v1::Frame done() {
  v1::Frame frame;
  frame.mutable_done();
  return frame;
}

struct Attempt {
  std::vector<v1::Frame> frames;
  absl::Status status;
  // Waits here, after the frames, until it is cancelled.
  bool hangs = false;
};

struct FakeAdapter : ProviderAdapter {
  explicit FakeAdapter(asio::io_context& io) : context(io) {}

  asio::io_context& context;
  std::deque<Attempt> script;
  std::vector<v1::SendRequest> sent;

  Awaitable<absl::Status> send(const v1::SendRequest& request, FrameSink& sink) override {
    sent.push_back(request);
    Attempt attempt = script.front();
    script.pop_front();
    for (v1::Frame& frame : attempt.frames) {
      const absl::Status status = co_await sink.write(std::move(frame));
      if (!status.ok())
        co_return status;
    }
    if (attempt.hangs) {
      Timer timer(context, std::chrono::hours(1));
      co_await timer.async_wait(use_awaitable);
    }
    co_return attempt.status;
  }
  Awaitable<absl::StatusOr<v1::CountTokensReply>> count_tokens(const v1::SendRequest& request) override {
    sent.push_back(request);
    Attempt attempt = script.front();
    script.pop_front();
    if (!attempt.status.ok())
      co_return attempt.status;
    v1::CountTokensReply reply;
    reply.set_body("{\"input_tokens\":7}");
    co_return reply;
  }
  Awaitable<absl::StatusOr<v1::ProbeReply>> probe(const v1::ProbeRequest&) override { co_return v1::ProbeReply(); }
};

struct Client : FrameSink {
  std::vector<v1::Frame> frames;
  std::string bytes;
  // Refuses every data frame from this one on.
  int leaves_at = 1000;

  Awaitable<absl::Status> write(v1::Frame frame) override {
    if (frame.has_data() && leaves_at-- <= 0)
      co_return absl::CancelledError("gone");
    bytes += frame.data();
    frames.push_back(std::move(frame));
    co_return absl::OkStatus();
  }
  int heads() const {
    return static_cast<int>(std::count_if(frames.begin(), frames.end(), [](const auto& f) { return f.has_head(); }));
  }
};

std::string endpoint(const std::string& name, int context_tokens) {
  return R"({"provider":")" + name + R"(","upstream":"u)" + name + R"(","model":"up-)" + name +
         R"(","context_tokens":)" + std::to_string(context_tokens) +
         R"(,"max_output_tokens":1000,"price_usd":{"input":1,"output":2,"cache_read":1,"cache_write_5m":1,"cache_write_1h":1}})";
}

class RouterTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto path = std::filesystem::temp_directory_path() / ("router_test_" + std::to_string(::getpid()) + ".json");
    std::ofstream(path) << R"({"models":[{"id":"a/m","aliases":["m"],"endpoints":[)" << endpoint("x", 1000) << ","
                        << endpoint("y", 1000) << "," << endpoint("z", 5000) << "]}]}";
    table_ = *ModelTable::load(path.string(), {"ux", "uy", "uz"});
    std::filesystem::remove(path);
    router_ = std::make_unique<Router>(context_, table_, ledger_, keys_, adapter_);
  }

  static v1::CreateRequest request(
      const std::string& body = R"({"model":"m","max_tokens":10,"provider":{"ignore":[]}})") {
    v1::CreateRequest request;
    request.set_api_key("sk-tg-v1-key");
    request.set_body(body);
    return request;
  }

  absl::Status create(v1::CreateRequest message = request()) {
    absl::Status result = absl::UnknownError("did not finish");
    bool finished = false;
    asio::co_spawn(context_.get_executor(), router_->create(std::move(message), client_),
                   asio::bind_cancellation_slot(cancel_.slot(), [&](std::exception_ptr failure, absl::Status status) {
                     result = failure ? absl::CancelledError("unwound") : status;
                     finished = true;
                   }));
    while (!finished && context_.run_one() > 0) {
      if (during_)
        during_();
    }
    // The settlements.
    context_.restart();
    context_.run_for(std::chrono::milliseconds(200));
    context_.restart();
    return result;
  }

  asio::io_context context_;
  std::shared_ptr<const ModelTable> table_;
  FakeLedger ledger_;
  FakeKeys keys_;
  FakeAdapter adapter_{context_};
  Client client_;
  asio::cancellation_signal cancel_;
  std::function<void()> during_;
  std::unique_ptr<Router> router_;
};

TEST_F(RouterTest, ServesAndSettlesWhatWasReported) {
  adapter_.script = {{{head(), used(100, 1), data("start"), committed(), data("rest", 9), used(100, 20), done()}, {}}};
  EXPECT_TRUE(create().ok());
  EXPECT_EQ(client_.bytes, "startrest");
  EXPECT_EQ(client_.heads(), 1);
  ASSERT_EQ(ledger_.settled.size(), 1u);
  const v1::SettleRequest& settled = ledger_.settled[0];
  // 100 x 1 + 20 x 2 micro-USD.
  EXPECT_EQ(settled.cost_nano_usd(), 140'000);
  EXPECT_EQ(settled.usage_source(), v1::USAGE_SOURCE_REPORTED);
  EXPECT_EQ(settled.model(), "a/m");
  EXPECT_EQ(settled.provider(), "x");
  EXPECT_EQ(settled.key_hash(), sha256_hex("sk-tg-v1-key"));
  const v1::Done& last = client_.frames.back().done();
  EXPECT_EQ(last.cost_nano_usd(), 140'000);
  EXPECT_EQ(last.generation_id(), settled.generation_id());
  const v1::Head& first = client_.frames.front().head();
  EXPECT_EQ(first.headers(first.headers_size() - 1).name(), "x-generation-id");
  EXPECT_EQ(first.headers(first.headers_size() - 1).value(), settled.generation_id());
}

TEST_F(RouterTest, TheHoldIsTheWorstOfAllCandidates) {
  adapter_.script = {{{head(), committed(), data("{}"), done()}, {}}};
  const std::string body = R"({"model":"m","max_tokens":10})";
  EXPECT_TRUE(create(request(body)).ok());
  // z has the largest context: body + 1000 tokens at 1, 10 tokens at 2 micro-USD.
  EXPECT_EQ(ledger_.held.at(0), (static_cast<std::int64_t>(body.size()) + 1000 + 20) * 1000);
}

TEST_F(RouterTest, SplicesTheModelAndCutsItsOwnMembers) {
  adapter_.script = {{{head(), committed(), data("{}"), done()}, {}}};
  const std::string body = R"({"provider":{},"model":"m","max_tokens":10,"session_id":"s"})";
  EXPECT_TRUE(create(request(body)).ok());
  const v1::SendRequest& sent = adapter_.sent.at(0);
  EXPECT_EQ(sent.body(), body);
  std::string out;
  std::size_t at = 0;
  for (const v1::Edit& edit : sent.edits()) {
    out += body.substr(at, edit.offset() - at) + edit.replacement();
    at = edit.offset() + edit.length();
  }
  EXPECT_EQ(out + body.substr(at), R"({"model":"up-x","max_tokens":10})");
}

TEST_F(RouterTest, EveryFailureOfOneUpstreamMovesOnUnseen) {
  for (FailureKind kind : {Failure::KIND_RATE_LIMITED, Failure::KIND_OVERLOADED, Failure::KIND_UNAVAILABLE,
                           Failure::KIND_TIMEOUT, Failure::KIND_UPSTREAM_AUTH}) {
    client_ = Client();
    ledger_.settled.clear();
    adapter_.script = {{{head(), used(999, 1), data("lost")}, error(kind, "no")},
                       {{head(), used(10, 1), data("kept"), committed(), done()}, {}}};
    EXPECT_TRUE(create().ok()) << kind;
    EXPECT_EQ(client_.bytes, "kept");
    EXPECT_EQ(client_.heads(), 1);
    ASSERT_EQ(ledger_.settled.size(), 1u);
    EXPECT_EQ(ledger_.settled[0].provider(), "y");
    EXPECT_EQ(ledger_.settled[0].usage().input_tokens(), 10);
  }
}

TEST_F(RouterTest, TheClientsOwnFaultDoesNot) {
  for (FailureKind kind : {Failure::KIND_INVALID_REQUEST, Failure::KIND_NOT_FOUND, Failure::KIND_TOO_LARGE}) {
    adapter_.script = {{{}, error(kind, "no")}};
    ledger_.settled.clear();
    const absl::Status status = create();
    EXPECT_EQ(failure_of(status).kind(), kind);
    EXPECT_FALSE(failure_of(status).generation_id().empty());
    ASSERT_EQ(ledger_.settled.size(), 1u);
    EXPECT_EQ(ledger_.settled[0].cost_nano_usd(), 0);
  }
}

TEST_F(RouterTest, WithoutFallbacksASecondProviderIsNeverAsked) {
  adapter_.script = {{{}, error(Failure::KIND_OVERLOADED, "no")}};
  const absl::Status status = create(request(R"({"model":"m","provider":{"allow_fallbacks":false}})"));
  EXPECT_EQ(failure_of(status).kind(), Failure::KIND_OVERLOADED);
  EXPECT_EQ(adapter_.sent.size(), 1u);
}

TEST_F(RouterTest, APromptTooLongGoesOnlyWhereThereIsMoreRoom) {
  adapter_.script = {{{}, error(Failure::KIND_CONTEXT_LENGTH, "prompt is too long")},
                     {{head(), committed(), data("ok"), done()}, {}}};
  EXPECT_TRUE(create().ok());
  EXPECT_EQ(adapter_.sent.at(1).upstream(), "uz");
}

TEST_F(RouterTest, WhenAllFailTheMostUsefulErrorIsShown) {
  adapter_.script = {{{}, error(Failure::KIND_UPSTREAM_AUTH, "auth")},
                     {{}, error(Failure::KIND_RATE_LIMITED, "slow down")},
                     {{}, error(Failure::KIND_UNAVAILABLE, "down")}};
  const absl::Status status = create();
  EXPECT_EQ(failure_of(status).message(), "slow down");
  EXPECT_EQ(ledger_.settled.at(0).cost_nano_usd(), 0);
  EXPECT_EQ(client_.heads(), 0);
}

TEST_F(RouterTest, AfterContentAFailureEndsTheStream) {
  adapter_.script = {{{head(), used(10, 1), committed(), data("part", 30)}, error(Failure::KIND_UNAVAILABLE, "cut")}};
  const absl::Status status = create();
  EXPECT_EQ(failure_of(status).message(), "cut");
  EXPECT_EQ(adapter_.sent.size(), 1u);
  ASSERT_EQ(ledger_.settled.size(), 1u);
  EXPECT_EQ(ledger_.settled[0].usage_source(), v1::USAGE_SOURCE_ESTIMATED);
  EXPECT_EQ(ledger_.settled[0].cost_nano_usd(), (10 + 30 * 2) * 1000);
}

TEST_F(RouterTest, AnEndWithoutDoneIsAFailure) {
  adapter_.script = {{{head()}, {}}, {{head(), committed(), data("ok"), done()}, {}}};
  EXPECT_TRUE(create().ok());
  EXPECT_EQ(client_.bytes, "ok");
}

TEST_F(RouterTest, TheHeadMayGoEarlyAndAnotherUpstreamStillTakeOver) {
  adapter_.script = {{{head(), data("lost"), keep_alive()}, error(Failure::KIND_OVERLOADED, "no")},
                     {{head(), committed(), data("kept"), done()}, {}}};
  EXPECT_TRUE(create().ok());
  EXPECT_EQ(client_.bytes, "kept");
  EXPECT_EQ(client_.heads(), 1);
  EXPECT_TRUE(client_.frames.at(0).has_head());
  EXPECT_TRUE(client_.frames.at(1).has_keep_alive());
}

TEST_F(RouterTest, AClientThatLeavesIsChargedWhatItGot) {
  client_.leaves_at = 1;
  adapter_.script = {{{head(), used(10, 1), committed(), data("one", 5), data("two", 5), data("three", 5)}, {}}};
  EXPECT_FALSE(create().ok());
  ASSERT_EQ(ledger_.settled.size(), 1u);
  EXPECT_EQ(ledger_.settled[0].usage_source(), v1::USAGE_SOURCE_ESTIMATED);
  EXPECT_EQ(ledger_.settled[0].cost_nano_usd(), (10 + 10 * 2) * 1000);
}

TEST_F(RouterTest, AnEstimateStaysWithinTheHold) {
  adapter_.script = {
      {{head(), used(10, 1), committed(), data("part", 1'000'000)}, error(Failure::KIND_UNAVAILABLE, "cut")}};
  EXPECT_FALSE(create().ok());
  EXPECT_EQ(ledger_.settled.at(0).cost_nano_usd(), ledger_.held.at(0));
}

TEST_F(RouterTest, CancellationSettlesAndReachesTheAdapter) {
  Attempt attempt{{head(), used(10, 1), committed(), data("one", 5)}, {}, true};
  adapter_.script = {attempt};
  during_ = [&] {
    if (client_.bytes == "one")
      cancel_.emit(asio::cancellation_type::terminal);
  };
  EXPECT_FALSE(create().ok());
  ASSERT_EQ(ledger_.settled.size(), 1u);
  EXPECT_EQ(ledger_.settled[0].cost_nano_usd(), (10 + 5 * 2) * 1000);
}

TEST_F(RouterTest, LeasesAreRenewedWithTheCostSoFar) {
  Attempt attempt{{head(), used(10, 1), committed(), data("one", 5)}, {}, true};
  adapter_.script = {attempt};
  during_ = [&] {
    if (ledger_.checkpoints.size() == 2)
      cancel_.emit(asio::cancellation_type::terminal);
  };
  EXPECT_FALSE(create().ok());
  ASSERT_GE(ledger_.checkpoints.size(), 2u);
  EXPECT_EQ(ledger_.checkpoints[1].cost_nano_usd(), (10 + 5 * 2) * 1000);
  EXPECT_EQ(ledger_.checkpoints[1].generation_id(), ledger_.settled.at(0).generation_id());
}

TEST_F(RouterTest, SettlementsWaitUntilTheLedgerIsBack) {
  ledger_.settle_failures = 2;
  adapter_.script = {{{head(), used(1, 1), committed(), data("x"), done()}, {}}};
  EXPECT_TRUE(create().ok());
  EXPECT_EQ(ledger_.settled.size(), 1u);
  EXPECT_EQ(router_->settler().pending(), 0u);
}

TEST_F(RouterTest, ARefusedReservationReachesNoUpstream) {
  ledger_.refuse = error(Failure::KIND_BUDGET, "spent");
  EXPECT_EQ(failure_of(create()).http_status(), 402u);
  EXPECT_TRUE(adapter_.sent.empty());
  EXPECT_TRUE(ledger_.settled.empty());
}

TEST_F(RouterTest, AStrangerLearnsNothingAboutTheCatalog) {
  keys_.key = error(Failure::KIND_NOT_FOUND, "no such key");
  EXPECT_EQ(failure_of(create(request(R"({"model":"nope"})"))).http_status(), 401u);
  EXPECT_EQ(failure_of(create(request("not json"))).http_status(), 401u);
  keys_.key = v1::Key();
  EXPECT_EQ(failure_of(create(request(R"({"model":"nope"})"))).http_status(), 404u);
  v1::CreateRequest keyless = request();
  keyless.clear_api_key();
  EXPECT_EQ(failure_of(create(keyless)).http_status(), 401u);
}

}  // namespace
}  // namespace tollgate::router
