// A loop that runs coroutines on the test's thread, and what tests say of their results.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <chrono>
#include <exception>
#include <functional>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "services/common/async.h"
#include "services/common/base/errors.h"

namespace tollgate {

// As absl::StatusOr prints nothing by itself.
template <class T>
void expect_ok(const absl::StatusOr<T>& result) {
  EXPECT_TRUE(result.ok()) << result.status().message();
}

inline v1::Failure::Kind kind_of(const absl::Status& status) {
  return failure_of(status).kind();
}

class Loop {
 public:
  asio::io_context& context() { return context_; }

  // Runs the loop until `done`; false after a generous time.
  bool run_until(const std::function<bool()>& done, std::chrono::milliseconds patience = std::chrono::seconds(50)) {
    const auto deadline = SteadyClock::now() + patience;
    while (!done()) {
      if (SteadyClock::now() > deadline)
        return false;
      context_.restart();
      context_.run_one_for(std::chrono::milliseconds(10));
    }
    return true;
  }

  template <class T>
  T run(Awaitable<T> coroutine) {
    std::optional<T> result;
    std::exception_ptr problem;
    asio::co_spawn(context_, std::move(coroutine), [&](std::exception_ptr thrown, T value) {
      problem = thrown;
      result.emplace(std::move(value));
    });
    if (!run_until([&] { return result.has_value(); }))
      throw std::runtime_error("the coroutine did not end");
    if (problem)
      std::rethrow_exception(problem);
    return *std::move(result);
  }

  // All at the same time; returns when the last has ended.
  void run_all(std::vector<Awaitable<void>> coroutines) {
    std::size_t left = coroutines.size();
    for (auto& coroutine : coroutines) {
      asio::co_spawn(context_, std::move(coroutine), [&left](std::exception_ptr thrown) {
        --left;
        if (thrown)
          std::rethrow_exception(thrown);
      });
    }
    if (!run_until([&] { return left == 0; }))
      throw std::runtime_error("the coroutines did not end");
  }

 private:
  asio::io_context context_;
};

}  // namespace tollgate
