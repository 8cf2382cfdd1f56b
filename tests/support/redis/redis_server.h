// A real redis-server for tests: a process of its own with AOF in a temporary directory, on a Unix socket or on a TCP
// port from the kernel, which can be killed, frozen and started again at the same address.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "services/common/config/config.h"

namespace tollgate {

class RedisServer {
 public:
  enum class Transport { kUnixSocket, kTcp };

  // Starts it and waits until it answers; throws std::runtime_error when it does not. `options` are further command
  // line options of redis-server.
  explicit RedisServer(Transport transport = Transport::kUnixSocket, std::vector<std::string> options = {});
  // Kills it and removes its directory.
  ~RedisServer();
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;

  // unix:/path or 127.0.0.1:port; stays the same over kill() and start().
  const std::string& address() const { return address_; }
  RedisConfig config() const;
  const std::filesystem::path& directory() const { return directory_; }

  // 0 on a Unix socket.
  std::uint16_t port() const { return port_; }

  // SIGKILL, and waits for the end.
  void kill();
  // After kill(): the same data at the same address.
  void start();
  // SIGSTOP: connections stand, nothing is answered.
  void freeze();
  void thaw();

 private:
  void clean_up();
  void spawn();
  void wait_until_ready();

  Transport transport_;
  std::vector<std::string> options_;
  std::filesystem::path directory_;
  std::string address_;
  std::uint16_t port_ = 0;
  pid_t pid_ = -1;
};

}  // namespace tollgate
