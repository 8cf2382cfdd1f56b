#include "services/common/runtime/shards.h"

#include <algorithm>

namespace tollgate {

Shards::Shards(std::size_t count) {
  if (count == 0)
    count = std::max(1u, std::thread::hardware_concurrency());
  for (std::size_t i = 0; i < count; ++i) {
    contexts_.push_back(std::make_unique<asio::io_context>(1));
    guards_.emplace_back(contexts_.back()->get_executor());
  }
}

Shards::~Shards() {
  stop();
}

void Shards::start() {
  for (auto& context : contexts_)
    threads_.emplace_back([&context = *context] { context.run(); });
}

void Shards::stop() {
  guards_.clear();
  for (auto& context : contexts_)
    context->stop();
  for (auto& thread : threads_)
    thread.join();
  threads_.clear();
}

}  // namespace tollgate
