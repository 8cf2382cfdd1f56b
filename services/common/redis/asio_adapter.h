// Lets Asio drive an asynchronous context of hiredis.
#pragma once

#include <functional>
#include <string>

#include "services/common/async.h"

struct redisAsyncContext;

namespace tollgate {

// `on_closed` is called once, with the reason, when hiredis gives the connection up by itself or in redisAsyncFree():
// after the callbacks of all unanswered commands and inside of hiredis, so it must not call hiredis. The context is
// gone when it returns. Everything happens on the executor's thread.
void attach_to_asio(redisAsyncContext& context, Executor executor, std::function<void(std::string)> on_closed);

}  // namespace tollgate
