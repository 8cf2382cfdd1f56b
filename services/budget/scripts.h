// The Lua scripts of services/budget/scripts, embedded at build time; each file documents its keys, arguments and
// reply.
#pragma once

#include "services/common/redis/redis.h"

namespace tollgate::scripts {

const RedisScript& reserve();
const RedisScript& checkpoint();
const RedisScript& settle();
const RedisScript& note();
const RedisScript& expire();
const RedisScript& retire();
const RedisScript& create_key();
const RedisScript& read_keys();
const RedisScript& update_key();
const RedisScript& remove_key();
const RedisScript& create_workspace();
const RedisScript& update_workspace();
const RedisScript& remove_workspace();
const RedisScript& audit();
const RedisScript& audit_settled();
const RedisScript& repair();
const RedisScript& report_marks();
const RedisScript& read_marks();

}  // namespace tollgate::scripts
