#include "services/common/redis/redis_call.h"

#include <fmt/format.h>

#include <iterator>
#include <utility>

namespace tollgate {
namespace {

// RESP arrays of bulk strings. Source: https://redis.io/docs/latest/develop/reference/protocol-spec/
void append_header(std::string& out, std::size_t count) {
  fmt::format_to(std::back_inserter(out), "*{}\r\n", count);
}

void append_bulk(std::string& out, std::string_view text) {
  fmt::format_to(std::back_inserter(out), "${}\r\n", text.size());
  out.append(text).append("\r\n");
}

}  // namespace

RedisCall make_call(const std::vector<std::string>& argv) {
  RedisCall out;
  append_header(out.bytes, argv.size());
  for (const std::string& argument : argv)
    append_bulk(out.bytes, argument);
  return out;
}

RedisCall make_call(const RedisScript& script, const std::vector<std::string>& keys,
                    const std::vector<std::string>& args) {
  RedisCall out;
  out.script = &script;
  out.bytes.reserve(512);
  append_header(out.bytes, 3 + keys.size() + args.size());
  append_bulk(out.bytes, "EVALSHA");
  append_bulk(out.bytes, script.sha1());
  out.arguments = out.bytes.size();
  append_bulk(out.bytes, std::to_string(keys.size()));
  for (const std::string& key : keys)
    append_bulk(out.bytes, key);
  for (const std::string& argument : args)
    append_bulk(out.bytes, argument);
  return out;
}

void turn_into_eval(RedisCall& call) {
  std::string bytes = call.bytes.substr(0, call.bytes.find('$'));
  append_bulk(bytes, "EVAL");
  append_bulk(bytes, call.script->source());
  bytes.append(call.bytes, call.arguments);
  call.bytes = std::move(bytes);
  call.script = nullptr;
}

}  // namespace tollgate
