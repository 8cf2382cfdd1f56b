#include "gateway/failed_keys.h"

#include <algorithm>
#include <random>
#include <string>

namespace tollgate {
namespace {

std::uint64_t random_seed() {
  std::random_device device;
  return static_cast<std::uint64_t>(device()) << 32 | device();
}

constexpr std::chrono::nanoseconds kMinute = std::chrono::minutes(1);

}  // namespace

FailedKeys::FailedKeys(std::uint32_t per_minute, std::size_t addresses, std::size_t keys)
    : per_minute_(per_minute),
      step_(per_minute == 0 ? kMinute : kMinute / per_minute),
      addresses_(addresses),
      keys_(keys),
      seed_(random_seed()) {}

std::chrono::milliseconds FailedKeys::wait(const IpAddress& address, std::string_view key, Time now) {
  if (per_minute_ == 0)
    return {};
  const IpAddress client = address.client();
  const std::lock_guard lock(mutex_);
  const auto found = by_address_.find(client);
  if (found == by_address_.end())
    return {};
  // A try is there when what is spent leaves room for one more step.
  const auto left = found->second->full + step_ - now - per_minute_ * step_;
  if (left <= left.zero())
    return {};
  if (by_place_.count(place(client, key)) != 0)
    return {};
  return std::chrono::ceil<std::chrono::milliseconds>(left);
}

bool FailedKeys::failed(const IpAddress& address, std::string_view key, Time now) {
  if (per_minute_ == 0)
    return false;
  const IpAddress client = address.client();
  const std::lock_guard lock(mutex_);
  // It was switched off or has expired.
  if (const auto good = by_place_.find(place(client, key)); good != by_place_.end()) {
    good_.erase(good->second);
    by_place_.erase(good);
  }
  auto found = by_address_.find(client);
  if (found == by_address_.end()) {
    if (clients_.size() == addresses_) {
      by_address_.erase(clients_.back().address);
      clients_.pop_back();
    }
    clients_.push_front({.address = client, .full = now});
    found = by_address_.emplace(client, clients_.begin()).first;
  } else {
    clients_.splice(clients_.begin(), clients_, found->second);
  }
  Client& entry = *found->second;
  // Tries that were under way together may spend more than there are: not more than once over.
  entry.full = std::min(std::max(entry.full, now) + step_, now + 2 * per_minute_ * step_);
  return entry.full + step_ > now + per_minute_ * step_;
}

void FailedKeys::worked(const IpAddress& address, std::string_view key) {
  if (per_minute_ == 0)
    return;
  const std::uint64_t where = place(address.client(), key);
  const std::lock_guard lock(mutex_);
  if (const auto found = by_place_.find(where); found != by_place_.end()) {
    good_.splice(good_.begin(), good_, found->second);
    return;
  }
  if (good_.size() == keys_) {
    by_place_.erase(good_.back());
    good_.pop_back();
  }
  good_.push_front(where);
  by_place_.emplace(where, good_.begin());
}

// Nobody outside knows the seed, so nobody finds a key that falls on another's place.
std::uint64_t FailedKeys::place(const IpAddress& client, std::string_view key) const {
  std::string text(reinterpret_cast<const char*>(&seed_), sizeof seed_);
  text.append(reinterpret_cast<const char*>(client.bytes.data()), client.bytes.size()).append(key);
  return std::hash<std::string>()(text);
}

}  // namespace tollgate
