// What an error of a chat completions API means, told in the Messages API's own words.
// Source: https://platform.openai.com/docs/guides/error-codes
#pragma once

#include <boost/beast/http/fields.hpp>
#include <chrono>
#include <string>
#include <string_view>

#include "tollgate/v1/failure.pb.h"

namespace tollgate::openai {

// The failure of a response that is not 2xx. Known are the bodies of OpenAI and of all that came after it:
// {"error":{"message","type","code"}}, {"error":"..."}, {"message":...}, {"detail":...}. `complete`: it is all there.
v1::Failure failure_of_response(std::string_view upstream, unsigned status, const boost::beast::http::fields& headers,
                                std::string body, bool complete, std::chrono::system_clock::time_point now);

// The failure of an error under a status of 2xx, within a stream or as the whole body.
v1::Failure failure_of_event(std::string_view upstream, const std::string& json);

// The message of a prompt that does not fit, as Anthropic says it ("prompt is too long: 210000 tokens > 200000
// maximum"), which is how clients know that they have to compact; empty when the error is another one.
std::string context_message(std::string_view code, std::string_view message);

}  // namespace tollgate::openai
