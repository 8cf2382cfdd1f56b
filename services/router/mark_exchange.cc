#include "services/router/mark_exchange.h"

#include <utility>

#include "services/common/base/log.h"

namespace tollgate::router {
namespace {

using std::chrono::milliseconds;

// An outage that goes on is prolonged with each failure: it is told again when that makes a difference.
constexpr milliseconds kWorthTelling{2000};

std::string name_of(const v1::Mark& mark) {
  return mark.upstream() + "\n" + mark.upstream_model() + "\n" + mark.provider();
}

}  // namespace

Awaitable<absl::Status> MarkExchange::report() {
  const auto now = SteadyClock::now();
  std::erase_if(told_, [now](const auto& each) { return each.second <= now; });
  v1::ReportMarksRequest request;
  std::map<std::string, SteadyClock::time_point> ends;
  for (v1::Mark& mark : health_.marks()) {
    const auto end = now + milliseconds(mark.lasts_ms());
    std::string name = name_of(mark);
    const auto told = told_.find(name);
    if (told != told_.end() && end < told->second + kWorthTelling)
      continue;
    ends[std::move(name)] = end;
    *request.add_marks() = std::move(mark);
  }
  if (request.marks_size() == 0)
    co_return absl::OkStatus();
  const auto reply = co_await marks_.report(request);
  // What was not told is offered again the next time.
  if (reply.ok()) {
    for (const auto& [name, end] : ends)
      told_[name] = end;
  }
  co_return reply.status();
}

Awaitable<absl::Status> MarkExchange::exchange() {
  const absl::Status reported = co_await report();
  const v1::ReadMarksRequest request;
  const auto reply = co_await marks_.read(request);
  if (!reply.ok())
    co_return reply.status();
  health_.merge({reply->marks().begin(), reply->marks().end()});
  co_return reported;
}

Awaitable<void> MarkExchange::run() {
  for (;;) {
    const absl::Status status = co_await exchange();
    if (!status.ok() && !std::exchange(alone_, true))
      Log(spdlog::level::warn, "marks_not_shared").with("error", std::string(status.message()));
    if (status.ok() && std::exchange(alone_, false))
      Log(spdlog::level::info, "marks_shared_again");
    timer_.expires_after(kPause);
    co_await timer_.async_wait(use_awaitable);
  }
}

}  // namespace tollgate::router
