// What services need of Redis: commands and scripts, and nothing of how it is reached (make_redis.h): one server, the
// master that Sentinel names, or a cluster, for which every command names the key that decides its slot first: argv[1]
// of a command, keys[0] of a script.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/common/async.h"

namespace tollgate {

// A reply, copied out of the client library. Status replies ("OK") are strings.
struct RedisReply {
  enum class Type { kNil, kInteger, kString, kArray, kError };

  bool is_nil() const { return type == Type::kNil; }
  bool is_error() const { return type == Type::kError; }

  Type type = Type::kNil;
  std::int64_t integer = 0;
  // kString and kError; bytes.
  std::string text;
  std::vector<RedisReply> elements;
};

// The error of a command that Redis answered and refused: UNAVAILABLE when Redis cannot write just now (memory, disk,
// a script that blocks it), otherwise INTERNAL. OK for every other reply.
absl::Status status_of(const RedisReply& reply);

// A Lua script. Lives as long as the process: commands in flight point to it.
class RedisScript {
 public:
  RedisScript(std::string_view name, std::string_view source);
  RedisScript(const RedisScript&) = delete;
  RedisScript& operator=(const RedisScript&) = delete;

  const std::string& name() const { return name_; }
  const std::string& source() const { return source_; }
  // 40 lower-case hex digits, by which EVALSHA names it.
  const std::string& sha1() const { return sha1_; }

 private:
  std::string name_;
  std::string source_;
  std::string sha1_;
};

// Threads: used on its shard alone.
//
// Contract: every command and script may run more than once. A lost reply is an unknown outcome and the command is sent
// again, so nothing that is not idempotent goes through here.
//
// Errors: UNAVAILABLE (KIND_UNAVAILABLE, naming the address) when no reply came in time. What Redis itself refuses is a
// reply of type kError.
//
// Cancelling the awaiting coroutine ends the wait; the command may run nevertheless, its reply is dropped.
struct Redis {
  virtual ~Redis() = default;
  virtual Awaitable<absl::StatusOr<RedisReply>> command(std::vector<std::string> argv) = 0;
  // EVALSHA; a server that does not know the script gets its source.
  virtual Awaitable<absl::StatusOr<RedisReply>> eval(const RedisScript& script, std::vector<std::string> keys,
                                                     std::vector<std::string> args) = 0;
  // Grows whenever a connection to a server has been made, before a command goes over it: writes acknowledged under an
  // earlier epoch may be lost (a restart whose append-only file lacks its end, a failover). 0 before the first.
  virtual std::uint64_t epoch() const = 0;
};

}  // namespace tollgate
