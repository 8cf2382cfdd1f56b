// One client connection.
#pragma once

#include <boost/asio/ssl/context.hpp>

#include "services/common/async.h"

namespace tollgate::simulator {

struct Shared;

// Serves requests until either side ends the connection. `tls` may be null; it and `shared` outlive the call.
Awaitable<void> serve(TcpSocket socket, asio::ssl::context* tls, Shared& shared);

}  // namespace tollgate::simulator
