#include "services/budget/aof_renewal.h"

#include <utility>
#include <vector>

#include "services/budget/commands.h"
#include "services/budget/layout.h"
#include "services/common/base/log.h"

namespace tollgate {
namespace {

constexpr std::chrono::milliseconds kLook{50};

// The value of a line `field:value` of INFO.
std::string info_field(const std::string& info, const std::string& field) {
  const std::size_t at = info.find(field + ":");
  if (at == std::string::npos)
    return "";
  const std::size_t begin = at + field.size() + 1;
  return info.substr(begin, info.find_first_of("\r\n", begin) - begin);
}

}  // namespace

Awaitable<void> AofRenewal::run() {
  std::uint64_t seen = 0;
  for (;;) {
    timer_.expires_after(kLook);
    co_await timer_.async_wait(use_awaitable);
    const std::uint64_t epoch = redis_.epoch();
    if (epoch == seen)
      continue;
    const absl::Status status = co_await renew();
    if (status.ok())
      seen = epoch;
  }
}

Awaitable<absl::Status> AofRenewal::renew() {
  std::vector<std::string> info = {"INFO"};
  const auto state = co_await tollgate::run(redis_, std::move(info));
  if (!state.ok())
    co_return state.status();
  const std::string run_id = info_field(state->text, "run_id");
  if (info_field(state->text, "aof_enabled") != "1")
    co_return absl::OkStatus();
  std::vector<std::string> get = {"GET", std::string(layout::kRenewedRun)};
  const auto renewed = co_await tollgate::run(redis_, std::move(get));
  if (!renewed.ok())
    co_return renewed.status();
  if (renewed->text == run_id)
    co_return absl::OkStatus();
  std::vector<std::string> set = {"SET", std::string(layout::kRenewedRun), run_id};
  const auto noted = co_await tollgate::run(redis_, std::move(set));
  if (!noted.ok())
    co_return noted.status();
  std::vector<std::string> rewrite = {"BGREWRITEAOF"};
  const auto begun = co_await redis_.command(std::move(rewrite));
  if (!begun.ok())
    co_return begun.status();
  if (begun->is_error())
    Log(spdlog::level::warn, "aof_not_renewed").with("error", begun->text);
  else
    Log(spdlog::level::info, "aof_renewed").with("run_id", run_id);
  co_return absl::OkStatus();
}

}  // namespace tollgate
