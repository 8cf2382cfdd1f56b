// Those who try keys: how often each client address has shown one that does not work.
#pragma once

#include <chrono>
#include <cstdint>
#include <list>
#include <mutex>
#include <string_view>
#include <unordered_map>

#include "services/common/async.h"
#include "services/common/base/networks.h"

namespace tollgate {

// Any thread. A client may fail `per_minute` times at once, and gets one more try every 60 s / `per_minute`. Without
// tries no key of its is looked at, but for those that have worked from the same address lately: an office behind one
// address does not stand still for one wrong key. Both memories are bounded; the longest unused goes first.
class FailedKeys {
 public:
  using Time = SteadyClock::time_point;

  // `per_minute` 0: no limit.
  explicit FailedKeys(std::uint32_t per_minute, std::size_t addresses = 65536, std::size_t keys = 65536);

  // How long this client must wait before this key is looked at; zero: not at all.
  std::chrono::milliseconds wait(const IpAddress& address, std::string_view key, Time now);
  // True when this was the last try for now.
  bool failed(const IpAddress& address, std::string_view key, Time now);
  void worked(const IpAddress& address, std::string_view key);

 private:
  struct Client {
    IpAddress address;
    // When all of its tries are there again.
    Time full;
  };

  std::uint64_t place(const IpAddress& client, std::string_view key) const;

  const std::uint32_t per_minute_;
  const std::chrono::nanoseconds step_;
  const std::size_t addresses_;
  const std::size_t keys_;
  const std::uint64_t seed_;
  std::mutex mutex_;
  // Used last first.
  std::list<Client> clients_;
  std::unordered_map<IpAddress, std::list<Client>::iterator> by_address_;
  std::list<std::uint64_t> good_;
  std::unordered_map<std::uint64_t, std::list<std::uint64_t>::iterator> by_place_;
};

}  // namespace tollgate
