// A command to one server, for tests that arrange it.
#pragma once

#include <string>
#include <vector>

#include "services/common/redis/redis.h"

namespace tollgate {

// Over a TCP connection of its own, with AUTH unless `password` is empty. Throws std::runtime_error when no reply
// comes; an error of the server's is a reply.
RedisReply ask_redis(std::uint16_t port, const std::vector<std::string>& argv, const std::string& password = "");

// The same, and an error of the server's is thrown as well.
RedisReply tell_redis(std::uint16_t port, const std::vector<std::string>& argv, const std::string& password = "");

// Master, slave or sentinel; empty when it does not answer: a change of roles cuts connections.
std::string role_of(std::uint16_t port, const std::string& password = "");

// The value of a `name:value` line of INFO or CLUSTER INFO.
std::string info_field(const std::string& info, const std::string& name);

}  // namespace tollgate
