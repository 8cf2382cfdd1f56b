#include "services/router/settle_all.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <future>

#include "services/common/base/log.h"

namespace tollgate::router {

void settle_all(const std::vector<std::pair<Executor, Router*>>& routers, std::chrono::milliseconds limit,
                const std::stop_token& haste) {
  std::vector<std::future<bool>> waits;
  for (const auto& [executor, router] : routers)
    waits.push_back(asio::co_spawn(executor, router->settled(limit, haste), asio::use_future));
  bool all = true;
  for (std::future<bool>& wait : waits)
    all = wait.get() && all;
  if (!all)
    Log(spdlog::level::err, "settlements_left").with("settled_by", "lease");
}

}  // namespace tollgate::router
