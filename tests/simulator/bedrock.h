// The simulator as Amazon Bedrock: InvokeModel, with and without a stream, CountTokens, and the Messages API's own form
// below /anthropic. As strict as AWS about signatures and about what does not belong into a body.
// Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_Operations_Amazon_Bedrock_Runtime.html
//
// A script (script.h) answers as for the Messages API; its events become chunks. An event named exception:NAME becomes
// an exception of that name: {"raw": "event: exception:throttlingException\ndata: {\"message\":\"...\"}\n\n"}.
#pragma once

#include <string>
#include <vector>

#include "tests/simulator/api.h"
#include "tests/simulator/aws_signature.h"

namespace tollgate::simulator {

// Any thread.
class Bedrock {
 public:
  // Requests bear `api_key`, or are signed by one of `keys`; both empty: anyone is served.
  Bedrock(Api& api, std::string api_key, std::vector<AwsKey> keys)
      : api_(api), api_key_(std::move(api_key)), keys_(std::move(keys)) {}

  static bool is_call(const Request& request);

  // The answer as the Messages API has it, or a refusal.
  Reply handle(const Request& request);
  // Puts an answer, scripted or not, into the form that the request's path has.
  static Reply dressed(const Request& request, Reply reply);

 private:
  std::optional<Reply> refuse(const Request& request) const;

  Api& api_;
  const std::string api_key_;
  const std::vector<AwsKey> keys_;
};

// One message of AWS' event stream with headers that are strings.
std::string aws_frame(const Headers& headers, std::string_view payload);

}  // namespace tollgate::simulator
