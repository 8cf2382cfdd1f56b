// The newest model table, for all who serve by it.
#pragma once

#include <memory>
#include <mutex>
#include <utility>

#include "services/router/catalog.h"

namespace tollgate::router {

// A handle: copies show the same table. Any thread may call. Who has got a table keeps it for as long as it needs it to
// stay as it is, a request until it is settled.
class LiveModels {
 public:
  LiveModels(std::shared_ptr<const ModelTable> models) : state_(std::make_shared<State>()) {  // NOLINT: a table is one
    state_->models = std::move(models);
  }

  std::shared_ptr<const ModelTable> get() const {
    const std::lock_guard lock(state_->mutex);
    return state_->models;
  }

  void set(std::shared_ptr<const ModelTable> models) const {
    const std::lock_guard lock(state_->mutex);
    // The old one, which may be the last of its kind, goes after the lock.
    state_->models.swap(models);
  }

 private:
  struct State {
    std::mutex mutex;
    std::shared_ptr<const ModelTable> models;
  };
  std::shared_ptr<State> state_;
};

}  // namespace tollgate::router
