// What Google's errors mean in terms of the Messages API.
// Source: https://ai.google.dev/gemini-api/docs/troubleshooting and https://google.aip.dev/193
#pragma once

#include <boost/beast/http/fields.hpp>
#include <chrono>
#include <string>
#include <string_view>

#include "tollgate/v1/failure.pb.h"

namespace tollgate::gemini {

// Which of Google's two doors an upstream is.
enum class Door { kStudio, kVertex };

// The failure of a response that is not 2xx. `complete`: `body` is all of it.
v1::Failure failure_of_response(std::string_view upstream, Door door, unsigned status,
                                const boost::beast::http::fields& headers, std::string body, bool complete,
                                std::chrono::system_clock::time_point now);

// The failure of {"error": {...}} within a stream, or under a status of 2xx; `json` is the whole object.
v1::Failure failure_of_error(std::string_view upstream, Door door, std::string json);

// Whether it says that a thought signature is missing or not the model's own.
bool refuses_signature(const v1::Failure& failure);

// "30s", "1.5s": in ms; 0 when it is none.
std::uint64_t duration_ms(std::string_view text);

}  // namespace tollgate::gemini
