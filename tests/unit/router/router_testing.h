// A router between fakes: what its tests have in common.
#pragma once

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
#include <memory>
#include <string>
#include <vector>

#include "services/common/base/errors.h"
#include "services/router/router.h"
#include "tests/unit/router/table_testing.h"

namespace tollgate::router {

using testing::HasSubstr;
using v1::Failure;

// As the ledger computes a strict hold.
inline std::int64_t strict(const v1::CostBound& bound) {
  return bound.input_nano_usd() + (bound.output_price() * bound.max_output_tokens() + 999) / 1000;
}

struct FakeLedger : Ledger {
  absl::Status refuse;
  std::vector<std::int64_t> held;
  int settle_failures = 0;
  int note_failures = 0;
  int lease_ms = 30;
  v1::ReserveReply admits;
  std::vector<v1::ReserveRequest> reserved;
  std::vector<v1::CheckpointRequest> checkpoints;
  std::function<void()> on_checkpoint;
  std::vector<v1::SettleRequest> settled;

  Awaitable<absl::StatusOr<v1::ReserveReply>> reserve(const v1::ReserveRequest& request) override {
    if (!refuse.ok())
      co_return refuse;
    reserved.push_back(request);
    v1::ReserveReply reply = admits;
    reply.set_workspace("default");
    reply.set_lease_ms(lease_ms);
    for (const v1::CostBound& bound : request.bounds())
      reply.set_amount_nano_usd(std::max(reply.amount_nano_usd(), strict(bound)));
    held.push_back(reply.amount_nano_usd());
    co_return reply;
  }
  Awaitable<absl::StatusOr<v1::CheckpointReply>> checkpoint(const v1::CheckpointRequest& request) override {
    checkpoints.push_back(request);
    if (on_checkpoint)
      on_checkpoint();
    co_return v1::CheckpointReply();
  }
  Awaitable<absl::StatusOr<v1::SettleReply>> settle(const v1::SettleRequest& request) override {
    if (settle_failures-- > 0)
      co_return error(Failure::KIND_UNAVAILABLE, "Redis is away");
    settled.push_back(request);
    co_return v1::SettleReply();
  }
  std::vector<v1::ActivityRecord> noted;
  Awaitable<absl::StatusOr<v1::NoteReply>> note(const v1::ActivityRecord& record) override {
    if (note_failures-- > 0)
      co_return error(Failure::KIND_UNAVAILABLE, "Redis is away");
    noted.push_back(record);
    co_return v1::NoteReply();
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

inline v1::Frame head() {
  v1::Frame frame;
  frame.mutable_head()->set_status(200);
  return frame;
}
inline v1::Frame data(const std::string& bytes, unsigned tokens = 0) {
  v1::Frame frame;
  frame.set_data(bytes);
  frame.set_estimated_output_tokens(tokens);
  return frame;
}
inline v1::Frame committed() {
  v1::Frame frame;
  frame.mutable_committed();
  return frame;
}
inline v1::Frame keep_alive() {
  v1::Frame frame;
  frame.mutable_keep_alive();
  return frame;
}
// As message_start has it.
inline v1::Frame used(std::int64_t input, std::int64_t output) {
  v1::Frame frame;
  frame.mutable_usage()->set_input_tokens(input);
  frame.mutable_usage()->set_output_tokens(output);
  return frame;
}
// As message_delta has it.
inline v1::Frame counted(std::int64_t input, std::int64_t output) {
  v1::Frame frame = used(input, output);
  frame.mutable_usage()->set_final(true);
  return frame;
}
inline v1::Frame done(bool errored = false) {
  v1::Frame frame;
  frame.mutable_done()->set_errored(errored);
  return frame;
}

struct Attempt {
  std::vector<v1::Frame> frames = {};
  absl::Status status = {};
  // Waits here, after the frames, until it is cancelled or the adapter's gate opens.
  bool hangs = false;
  // What comes then, and whether it ends after it.
  std::vector<v1::Frame> rest = {};
  bool hangs_again = false;
};

struct FakeAdapter : ProviderAdapter {
  explicit FakeAdapter(asio::io_context& io) : context(io), gate(io, SteadyClock::time_point::max()) {}

  asio::io_context& context;
  Timer gate;
  bool open = false;
  std::deque<Attempt> script;
  std::vector<v1::SendRequest> sent;
  // Calls that have begun, that came to their end, and frames that were taken.
  int begun = 0;
  int ended = 0;
  int written = 0;

  void open_gate() {
    open = true;
    gate.cancel();
  }

  Awaitable<absl::Status> write(std::vector<v1::Frame> frames, FrameSink& sink) {
    for (v1::Frame& frame : frames) {
      const absl::Status status = co_await sink.write(std::move(frame));
      if (!status.ok())
        co_return status;
      ++written;
    }
    co_return absl::OkStatus();
  }

  Awaitable<absl::Status> send(const v1::SendRequest& request, FrameSink& sink) override {
    ++begun;
    sent.push_back(request);
    Attempt attempt = script.front();
    script.pop_front();
    absl::Status status = co_await write(std::move(attempt.frames), sink);
    while (status.ok() && attempt.hangs && !open)
      co_await gate.async_wait(as_tuple);
    if (status.ok() && attempt.hangs)
      status = co_await write(std::move(attempt.rest), sink);
    while (status.ok() && attempt.hangs_again)
      co_await gate.async_wait(as_tuple);
    ++ended;
    co_return status.ok() ? attempt.status : status;
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
  // Does not take any data while it is true.
  bool slow = false;
  Timer* slowness = nullptr;

  Awaitable<absl::Status> write(v1::Frame frame) override {
    if (frame.has_data() && leaves_at-- <= 0)
      co_return absl::CancelledError("gone");
    while (frame.has_data() && slow)
      co_await slowness->async_wait(as_tuple);
    bytes += frame.data();
    frames.push_back(std::move(frame));
    co_return absl::OkStatus();
  }
  int heads() const {
    return static_cast<int>(std::count_if(frames.begin(), frames.end(), [](const auto& f) { return f.has_head(); }));
  }
};

inline std::string endpoint(const std::string& name, int context_tokens, bool bills_after_abort = false) {
  return R"({"provider":")" + name + R"(","upstream":"u)" + name + R"(","model":"up-)" + name +
         R"(","context_tokens":)" + std::to_string(context_tokens) + R"(,"bills_after_abort":)" +
         (bills_after_abort ? "true" : "false") +
         R"(,"max_output_tokens":1000,"price_usd":{"input":1,"output":2,"cache_read":1,"cache_write_5m":1,"cache_write_1h":1}})";
}

class RouterTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto path = std::filesystem::temp_directory_path() / ("router_test_" + std::to_string(::getpid()) + ".json");
    std::ofstream(path) << R"({"models":[{"id":"a/m","aliases":["m"],"endpoints":[)" << endpoint("x", 1000) << ","
                        << endpoint("y", 1000) << "," << endpoint("z", 5000)
                        << R"(]},{"id":"a/d","aliases":["d"],"endpoints":[)" << endpoint("x", 1000, true) << ","
                        << endpoint("z", 1000, true) << "]}]}";
    table_ = *ModelTable::load(path.string(), {"ux", "uy", "uz"});
    std::filesystem::remove(path);
    make_router({});
  }

  // The model d at a provider that bills after an abort.
  static constexpr const char* kDrained = R"({"model":"d","max_tokens":10})";

  static v1::CreateRequest request(
      const std::string& body = R"({"model":"m","max_tokens":10,"provider":{"ignore":[]}})") {
    v1::CreateRequest request;
    request.set_api_key("sk-tg-v1-key");
    request.set_body(body);
    return request;
  }

  absl::Status create(v1::CreateRequest message = request()) {
    absl::Status result = absl::UnknownError("did not finish");
    finished_ = false;
    leaving_ = false;
    asio::co_spawn(context_.get_executor(), router_->create(std::move(message), client_),
                   asio::bind_cancellation_slot(cancel_.slot(), [&](std::exception_ptr failure, absl::Status status) {
                     result = failure ? absl::CancelledError("unwound") : status;
                     finished_ = true;
                   }));
    while (!finished_ && context_.run_one() > 0) {
      if (during_)
        during_();
    }
    // The settlements.
    run_until([&] { return router_->unsettled() == router_->draining(); });
    return result;
  }

  // The client goes: once, and from within the shard, as all who cancel do.
  void leave() {
    if (std::exchange(leaving_, true))
      return;
    asio::post(context_, [this] {
      if (!finished_)
        cancel_.emit(asio::cancellation_type::terminal);
    });
  }

  // Runs what is pending until `condition` holds, ten seconds at most.
  template <class Condition>
  bool run_until(Condition condition) {
    const auto end = SteadyClock::now() + std::chrono::seconds(10);
    while (!condition() && SteadyClock::now() < end) {
      context_.restart();
      context_.run_one_for(std::chrono::milliseconds(10));
    }
    context_.restart();
    return condition();
  }

  // All that runs without a client.
  void finish() {
    EXPECT_TRUE(run_until([&] { return router_->unsettled() == 0; }));
  }

  void make_router(DrainOptions drains) {
    router_ = std::make_unique<Router>(context_, table_, ledger_, keys_, adapter_, health_, drains,
                                       SelectionParts{.health = unseen_, .random = in_catalog_order});
  }

  // The draw that leaves what costs the same as it is.
  static double in_catalog_order() { return 0; }
  // Whatever happens, the order stays so.
  const std::shared_ptr<const EndpointHealth> unseen_ = std::make_shared<NoHealth>();

  // Outlives what is left in the context.
  HealthTime health_now_{std::chrono::seconds(1'000'000)};
  Health health_{{}, [this] { return health_now_; }, [] { return 0.5; }};
  asio::io_context context_;
  std::shared_ptr<const ModelTable> table_;
  FakeLedger ledger_;
  FakeKeys keys_;
  FakeAdapter adapter_{context_};
  Client client_;
  asio::cancellation_signal cancel_;
  bool finished_ = false;
  bool leaving_ = false;
  std::function<void()> during_;
  std::unique_ptr<Router> router_;
};

}  // namespace tollgate::router
