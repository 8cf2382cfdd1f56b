// What an error of the Messages API means: the one table of statuses and error types.
// Source: https://docs.anthropic.com/en/api/errors
#pragma once

#include <boost/beast/http/fields.hpp>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "services/provider_adapter/anthropic/usage.h"
#include "tollgate/v1/failure.pb.h"

namespace tollgate::anthropic {

// The failure of a response that is not 2xx. `body` goes to the client untouched when it is an error of the API and no
// matter of our own credentials; else we say what happened. `complete`: it is all there.
v1::Failure failure_of_response(std::string_view upstream, unsigned status, const boost::beast::http::fields& headers,
                                std::string body, bool complete, std::chrono::system_clock::time_point now);

// The failure of an `error` event, or of an error under a status of 2xx; `json` is its whole object.
v1::Failure failure_of_error(std::string_view upstream, const ApiError& error, std::string json);

// How long retry-after-ms or retry-after (seconds or an HTTP date) ask to wait; 0 when neither says so. At most a day.
std::uint64_t retry_after_ms(const boost::beast::http::fields& headers, std::chrono::system_clock::time_point now);

}  // namespace tollgate::anthropic
