#include "services/budget/write_replay.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <utility>

#include "services/common/base/log.h"

namespace tollgate {
namespace {

// How often an idle ledger looks whether the connection is still the same one.
constexpr std::chrono::milliseconds kLook{200};

// A refusal ({reason, ...}) has changed nothing, and might be none the next time.
bool has_written(const RedisReply& reply) {
  if (reply.is_error())
    return false;
  const bool named = !reply.elements.empty() && reply.elements[0].type == RedisReply::Type::kString;
  return !named || reply.elements[0].text == "ok";
}

struct Write {
  const RedisScript* script;
  std::vector<std::string> keys;
  std::vector<std::string> args;
  SteadyClock::time_point acknowledged;
};

}  // namespace

// Outlives the replay for as long as its coroutine runs.
struct WriteReplay::Core : std::enable_shared_from_this<Core> {
  Core(asio::io_context& io, Redis& server) : context(io), redis(&server), timer(io.get_executor()) {}

  void remember(Write write) {
    write.acknowledged = SteadyClock::now();
    if (writes.empty() && !watching)
      epoch = redis->epoch();
    writes.push_back(std::move(write));
    if (writes.size() > kMostRemembered)
      writes.pop_front();
    if (!watching) {
      watching = true;
      asio::co_spawn(context.get_executor(), watch(shared_from_this()), asio::detached);
    }
  }

  // What is old may go only when the connection it went over is known to stand: Redis may have been away since.
  Awaitable<void> forget_old() {
    const auto oldest = SteadyClock::now() - kRemembered;
    if (writes.front().acknowledged >= oldest)
      co_return;
    std::vector<std::string> argv = {"EXISTS", writes.front().keys[0]};
    const auto alive = co_await redis->command(std::move(argv));
    if (redis == nullptr || !alive.ok() || redis->epoch() != epoch)
      co_return;
    while (!writes.empty() && writes.front().acknowledged < oldest)
      writes.pop_front();
  }

  // While there is something to remember. `self` keeps the core.
  static Awaitable<void> watch(std::shared_ptr<Core> self) {
    while (self->redis != nullptr && !self->writes.empty()) {
      self->timer.expires_after(kLook);
      co_await self->timer.async_wait(as_tuple);
      if (self->redis == nullptr)
        co_return;
      if (self->redis->epoch() == self->epoch)
        co_await self->forget_old();
      else
        co_await self->replay();
    }
    self->watching = false;
  }

  Awaitable<void> replay() {
    const std::uint64_t current = redis->epoch();
    // Those that come while this runs went over the new connection.
    std::deque<Write> again = std::exchange(writes, {});
    std::size_t sent = 0;
    bool whole = true;
    for (const Write& write : again) {
      std::vector<std::string> keys = write.keys;
      std::vector<std::string> args = write.args;
      const auto reply = co_await redis->eval(*write.script, std::move(keys), std::move(args));
      if (redis == nullptr)
        co_return;
      if (!reply.ok()) {
        whole = false;
        break;
      }
      ++sent;
    }
    replayed += sent;
    // Away again: all of them once more. Otherwise they are as young as any other write again.
    if (whole)
      epoch = current;
    const auto now = SteadyClock::now();
    for (Write& write : again)
      write.acknowledged = now;
    writes.insert(writes.begin(), std::make_move_iterator(again.begin()), std::make_move_iterator(again.end()));
    Log(spdlog::level::info, "ledger_replayed").with("writes", sent).with("complete", whole ? "yes" : "no");
  }

  asio::io_context& context;
  // Null when the replay is gone.
  Redis* redis;
  Timer timer;
  std::deque<Write> writes;
  std::uint64_t epoch = 0;
  std::size_t replayed = 0;
  bool watching = false;
};

WriteReplay::WriteReplay(asio::io_context& context, Redis& redis)
    : redis_(redis), core_(std::make_shared<Core>(context, redis)) {}

WriteReplay::~WriteReplay() {
  core_->redis = nullptr;
  core_->timer.cancel();
}

Awaitable<absl::StatusOr<RedisReply>> WriteReplay::command(std::vector<std::string> argv) {
  return redis_.command(std::move(argv));
}

Awaitable<absl::StatusOr<RedisReply>> WriteReplay::eval(const RedisScript& script, std::vector<std::string> keys,
                                                        std::vector<std::string> args) {
  Write write{&script, keys, args, {}};
  absl::StatusOr<RedisReply> reply = co_await redis_.eval(script, std::move(keys), std::move(args));
  if (reply.ok() && has_written(*reply))
    core_->remember(std::move(write));
  co_return reply;
}

std::size_t WriteReplay::replayed() const {
  return core_->replayed;
}

}  // namespace tollgate
