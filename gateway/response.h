// Heads and bodies of the responses that the edge writes itself.
#pragma once

#include <string>
#include <string_view>

#include "tollgate/v1/failure.pb.h"

namespace tollgate {

// Whose errors a client understands: the Messages API's, the account API's or those of OpenAI's chat completions.
enum class Dialect { kMessages, kAccount, kChat };

// A whole response.
struct Answer {
  unsigned status = 200;
  // `name: value\r\n` each, content-type included; framing and date come with the head.
  std::string headers;
  std::string body;
};

// "HTTP/1.1 200 OK\r\ndate: ...\r\n".
void append_status_line(unsigned status, std::string& out);

// The whole head of an answer, blank line included.
std::string head_of(const Answer& answer, bool close);

Answer json_answer(std::string body);

// What the client gets as `request-id`.
std::string_view request_id_of(const v1::Failure& failure);

// The failure's own body and headers where it has them. `request-id` and `x-generation-id` are there in any case:
// `failure` has a generation id.
Answer failure_answer(const v1::Failure& failure, Dialect dialect);

}  // namespace tollgate
