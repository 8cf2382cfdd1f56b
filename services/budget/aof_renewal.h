// A Redis that was started anew gets a new append-only file.
#pragma once

#include <string>

#include "services/common/redis/redis.h"

namespace tollgate {

// When the end of the file was torn in the middle of a transaction, Redis 7.0 cuts it after the last whole command and
// leaves the beginning of that transaction behind (loadSingleAppendOnlyFile in
// https://github.com/redis/redis/blob/7.0/src/aof.c reverts it only when the file ends between two commands). In memory
// all is well, but at the next start the left part is run together with the transaction that follows it, and counters
// move twice. BGREWRITEAOF writes the file from memory. What remains is a second crash before that is
// done; `redis-check-aof --fix` before each start, which cuts at the right place, closes that too. A replica takes its
// data whole from its master.
//
// Used on its shard alone; `redis` outlives it.
class AofRenewal {
 public:
  AofRenewal(asio::io_context& context, Redis& redis) : redis_(redis), timer_(context.get_executor()) {}

  // Looks after every new connection, until it is cancelled.
  Awaitable<void> run();

  // Once for each start of the server, whoever asks.
  Awaitable<absl::Status> renew();

 private:
  Redis& redis_;
  Timer timer_;
};

}  // namespace tollgate
