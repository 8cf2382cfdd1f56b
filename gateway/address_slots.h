// How many of something each client address has at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>

#include "services/common/base/networks.h"

namespace tollgate {

// Any thread. Holds what is in use only: no address costs memory when it has none.
class AddressSlots : public std::enable_shared_from_this<AddressSlots> {
 public:
  // `limit` 0: none.
  explicit AddressSlots(std::uint32_t limit) : limit_(limit) {}

  // One place; it is free again when this is destroyed.
  class Slot {
   public:
    Slot(std::shared_ptr<AddressSlots> slots, const IpAddress& client) : slots_(std::move(slots)), client_(client) {}
    Slot(Slot&& other) noexcept = default;
    Slot& operator=(Slot&& other) noexcept {
      std::swap(slots_, other.slots_);
      std::swap(client_, other.client_);
      return *this;
    }
    ~Slot() {
      if (slots_)
        slots_->leave(client_);
    }

   private:
    std::shared_ptr<AddressSlots> slots_;
    IpAddress client_;
  };

  // Nothing when the client has `limit` of them.
  std::optional<Slot> enter(const IpAddress& address) {
    if (limit_ == 0)
      return Slot(nullptr, address);
    const IpAddress client = address.client();
    const std::lock_guard lock(mutex_);
    std::uint32_t& count = counts_[client];
    if (count == limit_)
      return std::nullopt;
    ++count;
    return Slot(shared_from_this(), client);
  }

  std::size_t clients() const {
    const std::lock_guard lock(mutex_);
    return counts_.size();
  }

 private:
  void leave(const IpAddress& client) {
    const std::lock_guard lock(mutex_);
    const auto found = counts_.find(client);
    if (--found->second == 0)
      counts_.erase(found);
  }

  const std::uint32_t limit_;
  mutable std::mutex mutex_;
  std::unordered_map<IpAddress, std::uint32_t> counts_;
};

}  // namespace tollgate
