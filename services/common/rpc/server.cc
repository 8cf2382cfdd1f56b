#include "services/common/rpc/server.h"

#include "services/common/base/errors.h"
#include "services/common/base/log.h"

namespace tollgate::detail {

absl::Status status_of_exception(const std::exception_ptr& thrown, bool cancelled) {
  try {
    std::rethrow_exception(thrown);
  } catch (const boost::system::system_error& failure) {
    if (cancelled && failure.code() == asio::error::operation_aborted)
      return absl::CancelledError("The call was cancelled.");
    Log(spdlog::level::err, "call_failed").with("error", failure.what());
  } catch (const std::exception& failure) {
    Log(spdlog::level::err, "call_failed").with("error", failure.what());
  } catch (...) {
    Log(spdlog::level::err, "call_failed").with("error", "an exception of unknown type");
  }
  // What was thrown is for the log, not for the caller.
  return error(v1::Failure::KIND_INTERNAL, "Internal error of the gateway.");
}

absl::Status status_of_end() {
  return error(v1::Failure::KIND_UNAVAILABLE, "The server is shutting down: ask again.");
}

}  // namespace tollgate::detail
