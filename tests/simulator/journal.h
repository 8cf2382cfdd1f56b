// What the simulator received and what it considers billed.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>

#include "services/common/async.h"
#include "tests/simulator/reply.h"

namespace tollgate::simulator {

// Any thread.
class Journal {
 public:
  struct Entry;
  using Ticket = std::shared_ptr<Entry>;

  // Keeps the last `capacity` requests, and of them no more than 256 MB of bodies; the sums count all.
  explicit Journal(std::size_t capacity) : capacity_(capacity) {}

  // A request has arrived. Takes what it records of it; `connection` counts from 1.
  Ticket received(const Request& request, std::uint64_t connection);
  // Its reply is about to be written.
  void answering(const Ticket& ticket, const Reply& reply);
  // Its reply has been written as far as it will be. Billed is an answer of which anything was written: complete ones
  // at their usage, others at their input and the output tokens of the events written.
  void answered(const Ticket& ticket, const Reply& reply, const Outcome& outcome);
  void clear();

  // {"total": N, "requests": [...]}: oldest first.
  std::string requests_json() const;
  // {"totals": {...}, "requests": [...]}
  std::string billed_json() const;
  std::uint64_t total() const;

 private:
  void add(Usage& sum, const Usage& usage);
  void drop_old();

  const std::size_t capacity_;
  const SteadyClock::time_point begin_ = SteadyClock::now();
  mutable std::mutex mutex_;
  std::deque<Ticket> entries_;
  std::size_t body_bytes_ = 0;
  std::uint64_t total_ = 0;
  std::uint64_t billed_requests_ = 0;
  Usage billed_;
};

}  // namespace tollgate::simulator
