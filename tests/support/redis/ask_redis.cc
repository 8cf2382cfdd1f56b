#include "tests/support/redis/ask_redis.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <hiredis/hiredis.h>

#include <memory>
#include <stdexcept>

namespace tollgate {
namespace {

RedisReply copy(const redisReply& reply) {
  RedisReply out;
  switch (reply.type) {
    case REDIS_REPLY_NIL:
      break;
    case REDIS_REPLY_INTEGER:
      out.type = RedisReply::Type::kInteger;
      out.integer = reply.integer;
      break;
    case REDIS_REPLY_ARRAY:
      out.type = RedisReply::Type::kArray;
      for (std::size_t i = 0; i < reply.elements; ++i)
        out.elements.push_back(copy(*reply.element[i]));
      break;
    default:
      out.type = reply.type == REDIS_REPLY_ERROR ? RedisReply::Type::kError : RedisReply::Type::kString;
      out.text.assign(reply.str, reply.len);
  }
  return out;
}

RedisReply run(redisContext& context, const std::vector<std::string>& argv) {
  std::vector<const char*> arguments;
  std::vector<std::size_t> sizes;
  for (const std::string& argument : argv) {
    arguments.push_back(argument.data());
    sizes.push_back(argument.size());
  }
  const std::unique_ptr<redisReply, decltype(&freeReplyObject)> reply(
      static_cast<redisReply*>(
          redisCommandArgv(&context, static_cast<int>(argv.size()), arguments.data(), sizes.data())),
      &freeReplyObject);
  if (!reply)
    throw std::runtime_error(fmt::format("{}: {}", fmt::join(argv, " "), context.errstr));
  return copy(*reply);
}

}  // namespace

RedisReply ask_redis(std::uint16_t port, const std::vector<std::string>& argv, const std::string& password) {
  const timeval timeout{5, 0};
  const std::unique_ptr<redisContext, decltype(&redisFree)> context(redisConnectWithTimeout("127.0.0.1", port, timeout),
                                                                    &redisFree);
  if (!context || context->err != 0)
    throw std::runtime_error(fmt::format("cannot connect to port {}", port));
  redisSetTimeout(context.get(), timeout);
  if (!password.empty())
    run(*context, {"AUTH", password});
  return run(*context, argv);
}

RedisReply tell_redis(std::uint16_t port, const std::vector<std::string>& argv, const std::string& password) {
  RedisReply reply = ask_redis(port, argv, password);
  if (reply.is_error())
    throw std::runtime_error(fmt::format("{}: {}", fmt::join(argv, " "), reply.text));
  return reply;
}

std::string role_of(std::uint16_t port, const std::string& password) {
  try {
    return tell_redis(port, {"ROLE"}, password).elements.at(0).text;
  } catch (const std::runtime_error&) {
    return {};
  }
}

std::string info_field(const std::string& info, const std::string& name) {
  const std::size_t at = info.find(name + ":");
  if (at == std::string::npos)
    return {};
  const std::size_t begin = at + name.size() + 1;
  return info.substr(begin, info.find('\r', begin) - begin);
}

}  // namespace tollgate
