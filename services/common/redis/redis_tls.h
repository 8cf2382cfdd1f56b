// TLS on a connection to Redis, as far as the hiredis it is built with can (1.0 and later).
#pragma once

#include <string>

#include "absl/status/status.h"
#include "services/common/config/config.h"

struct redisAsyncContext;
struct ssl_st;

namespace tollgate {

// Begins TLS on a context that has just begun to connect to `host`, whose certificate must bear that name unless
// another is configured. The files are read anew each time, so renewed ones count from the next connection on. The
// result belongs to the context. The error says what cannot be used.
absl::StatusOr<ssl_st*> start_tls(redisAsyncContext& context, const RedisTlsConfig& config, const std::string& host);

// Why a connection that failed did not get through its handshake; empty: for no reason of TLS.
std::string tls_problem(ssl_st& tls);

}  // namespace tollgate
