#include "services/router/sticky_sessions.h"

#include <fmt/format.h>

namespace tollgate::router {
namespace {

std::string identity(const v1::Endpoint& endpoint) {
  return fmt::format("{}\n{}\n{}", endpoint.provider(), endpoint.upstream(), endpoint.upstream_model());
}

}  // namespace

StickySessions::StickySessions(std::size_t most, Clock clock) : most_(most), clock_(std::move(clock)) {}

void StickySessions::remember(const std::string& conversation, const v1::Endpoint& endpoint) {
  const auto now = clock_();
  const std::lock_guard lock(mutex_);
  const auto found = by_conversation_.find(conversation);
  if (found != by_conversation_.end()) {
    found->second->endpoint = identity(endpoint);
    found->second->used = now;
    entries_.splice(entries_.begin(), entries_, found->second);
    return;
  }
  entries_.push_front({conversation, identity(endpoint), now});
  by_conversation_.emplace(entries_.front().conversation, entries_.begin());
  while (!entries_.empty() && (entries_.size() > most_ || now - entries_.back().used >= kIdle)) {
    by_conversation_.erase(entries_.back().conversation);
    entries_.pop_back();
  }
}

bool StickySessions::sticks_to(const std::string& conversation, const v1::Endpoint& endpoint) const {
  const auto now = clock_();
  const std::lock_guard lock(mutex_);
  const auto found = by_conversation_.find(conversation);
  return found != by_conversation_.end() && now - found->second->used < kIdle &&
         found->second->endpoint == identity(endpoint);
}

std::size_t StickySessions::size() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

bool worth_staying(const v1::Endpoint& endpoint) {
  return endpoint.price().cache_read() < endpoint.price().input();
}

}  // namespace tollgate::router
