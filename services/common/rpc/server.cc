#include "services/common/rpc/server.h"

#include <spdlog/spdlog.h>

#include "services/common/base/errors.h"

namespace tollgate::detail {

absl::Status status_of_exception(const std::exception_ptr& thrown, bool cancelled) {
  try {
    std::rethrow_exception(thrown);
  } catch (const boost::system::system_error& failure) {
    if (cancelled && failure.code() == asio::error::operation_aborted)
      return absl::CancelledError("The call was cancelled.");
    spdlog::error("a call ended by an exception: {}", failure.what());
  } catch (const std::exception& failure) {
    spdlog::error("a call ended by an exception: {}", failure.what());
  } catch (...) {
    spdlog::error("a call ended by an exception of unknown type");
  }
  // What was thrown is for the log, not for the caller.
  return error(v1::Failure::KIND_INTERNAL, "Internal error of the gateway.");
}

}  // namespace tollgate::detail
