#include "services/common/rpc/client.h"

#include <grpc/support/time.h>

namespace tollgate::detail {

void prepare(grpc::ClientContext& context, const CallOptions& options) {
  if (options.deadline.count() > 0) {
    // Not system_clock: a step of the wall clock must neither end a call nor stretch it.
    const gpr_timespec span = gpr_time_from_millis(options.deadline.count(), GPR_TIMESPAN);
    context.set_deadline(gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), span));
  }
  for (const auto& [name, value] : options.metadata)
    context.AddMetadata(name, value);
}

void throw_cancelled() {
  throw boost::system::system_error(asio::error::operation_aborted);
}

}  // namespace tollgate::detail
