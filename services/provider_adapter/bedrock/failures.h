// What an error of AWS means: the one table of exceptions.
// Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html
#pragma once

#include <boost/beast/http/fields.hpp>
#include <chrono>
#include <string>
#include <string_view>

#include "tollgate/v1/failure.pb.h"

namespace tollgate::bedrock {

// `exception`: ThrottlingException, throttlingException, or with a namespace or a URL around it; never the status,
// which is the same for all inside a stream. Empty: `status` decides, 0 being unknown.
v1::Failure failure_of_exception(std::string_view upstream, std::string_view exception, unsigned status,
                                 std::string_view message);

// The failure of a response that is not 2xx: AWS' own form, or the Messages API's.
v1::Failure failure_of_response(std::string_view upstream, unsigned status, const boost::beast::http::fields& headers,
                                std::string body, bool complete, std::chrono::system_clock::time_point now);

// Whether AWS knows the credentials no more (expired, revoked), so that newer ones may do.
bool refuses_credentials(unsigned status, const boost::beast::http::fields& headers);

// ThrottlingException out of any of its spellings.
std::string exception_name(std::string_view text);

}  // namespace tollgate::bedrock
