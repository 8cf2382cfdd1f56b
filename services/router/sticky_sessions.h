// Where conversations are being served: a prompt cache is warm only at the provider that filled it.
#pragma once

#include <chrono>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "services/common/async.h"
#include "tollgate/v1/catalog.pb.h"

namespace tollgate::router {

// One for the whole process, since the requests of a conversation come to any shard. Any thread may call. Bounded: the
// conversation that was quiet for the longest is forgotten first. A replica knows its own conversations alone.
class StickySessions {
 public:
  using Clock = std::function<SteadyClock::time_point()>;

  explicit StickySessions(
      std::size_t most = 100'000, Clock clock = [] { return SteadyClock::now(); });

  // `conversation` was served there.
  void remember(const std::string& conversation, const v1::Endpoint& endpoint);
  // It was, less than 10 min ago.
  bool sticks_to(const std::string& conversation, const v1::Endpoint& endpoint) const;
  std::size_t size() const;

  static constexpr std::chrono::minutes kIdle{10};

 private:
  struct Entry {
    std::string conversation;
    std::string endpoint;
    SteadyClock::time_point used;
  };

  const std::size_t most_;
  const Clock clock_;
  mutable std::mutex mutex_;
  // The latest first.
  std::list<Entry> entries_;
  std::unordered_map<std::string_view, std::list<Entry>::iterator> by_conversation_;
};

// A cache that costs as much to read as the prompt itself is no reason to stay.
bool worth_staying(const v1::Endpoint& endpoint);

}  // namespace tollgate::router
