// Coroutines for a command line: one call, waited for.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <optional>
#include <utility>

#include "services/common/async.h"

namespace tollgate {

// Runs `work` on `context`, which nobody else runs, and returns its result. May be called again with the same context.
template <class Result>
Result run_to_end(asio::io_context& context, Awaitable<Result> work) {
  // A context that once ran out of work stays stopped until it is told otherwise.
  context.restart();
  std::optional<Result> result;
  asio::co_spawn(context.get_executor(), std::move(work), [&](std::exception_ptr failure, Result value) {
    if (failure)
      std::rethrow_exception(failure);
    result.emplace(std::move(value));
  });
  while (!result)
    context.run_one();
  return *std::move(result);
}

}  // namespace tollgate
