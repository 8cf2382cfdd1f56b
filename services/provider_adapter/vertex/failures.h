// What an error of Vertex AI means.
// Source: https://cloud.google.com/apis/design/errors
#pragma once

#include <boost/beast/http/fields.hpp>
#include <chrono>
#include <string>
#include <string_view>

#include "tollgate/v1/failure.pb.h"

namespace tollgate::vertex {

// The failure of a response that is not 2xx. An error of the Messages API, which Vertex passes on from the model, goes
// to the client untouched, also one that stands as a string in the message of Google's. Google's own
// ({"error":{"code","message","status"}}, alone or in an array of one) is told in the API's form, its kind by `status`.
// `complete`: `body` is all there is.
v1::Failure failure_of_response(std::string_view upstream, unsigned status, const boost::beast::http::fields& headers,
                                std::string body, bool complete, std::chrono::system_clock::time_point now);

}  // namespace tollgate::vertex
