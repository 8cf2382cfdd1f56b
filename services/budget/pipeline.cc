#include "services/budget/pipeline.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <memory>

#include "services/budget/commands.h"

namespace tollgate {
namespace {

// Shared by those who send and the one who waits, who may leave first.
struct Batch {
  Batch(Executor executor, std::size_t count)
      : replies(count), left(count), done(executor, SteadyClock::time_point::max()) {}

  std::vector<RedisReply> replies;
  absl::Status status;
  std::size_t left;
  Timer done;
};

Awaitable<void> send(Redis& redis, std::vector<std::string> argv, std::shared_ptr<Batch> batch, std::size_t place) {
  absl::StatusOr<RedisReply> reply = co_await run(redis, std::move(argv));
  if (reply.ok())
    batch->replies[place] = *std::move(reply);
  else
    batch->status.Update(reply.status());
  if (--batch->left == 0)
    batch->done.cancel();
}

}  // namespace

Awaitable<absl::StatusOr<std::vector<RedisReply>>> run_all(Redis& redis,
                                                           std::vector<std::vector<std::string>> commands) {
  const Executor executor = co_await asio::this_coro::executor;
  const auto batch = std::make_shared<Batch>(executor, commands.size());
  for (std::size_t i = 0; i < commands.size(); ++i)
    asio::co_spawn(executor, send(redis, std::move(commands[i]), batch, i), asio::detached);
  while (batch->left > 0)
    co_await batch->done.async_wait(as_tuple);
  if (!batch->status.ok())
    co_return batch->status;
  co_return std::move(batch->replies);
}

}  // namespace tollgate
