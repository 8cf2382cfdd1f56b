// A command as it goes over the wire, with what decides where and how long it may be sent.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "services/common/async.h"
#include "services/common/redis/redis.h"

namespace tollgate {

struct RedisCall {
  static constexpr std::uint16_t kNoSlot = 0xffff;

  // RESP.
  std::string bytes;
  // For EVALSHA: the script, and where its arguments begin in `bytes`.
  const RedisScript* script = nullptr;
  std::size_t arguments = 0;
  // When its caller gives up. Unset: the client's command_timeout from its start.
  SteadyClock::time_point deadline;
  // Of a cluster's slots, the one of its keys.
  std::uint16_t slot = kNoSlot;
  // ASKING goes before it: a cluster moves the slot just now, and said to ask here.
  bool asking = false;
};

RedisCall make_call(const std::vector<std::string>& argv);
RedisCall make_call(const RedisScript& script, const std::vector<std::string>& keys,
                    const std::vector<std::string>& args);

// The same call with the script's source: as many elements, the arguments unchanged.
void turn_into_eval(RedisCall& call);

}  // namespace tollgate
