// The Messages API: routes, credentials, checks and answers.
// Source: https://docs.anthropic.com/en/api/overview
#pragma once

#include <atomic>
#include <string>
#include <string_view>

#include "tests/simulator/reply.h"

namespace tollgate::simulator {

// {"type":"error","error":{"type":...,"message":...},"request_id":...}, with the headers of an API response.
// error.type follows from the status.
Reply error_reply(unsigned status, std::string_view message);

// Headers of every API response: request-id, rate limits and the like, content-type first.
Headers api_headers(std::string_view content_type);

// Any thread.
class Api {
 public:
  // `api_key` empty: anyone is served.
  explicit Api(std::string api_key) : api_key_(std::move(api_key)) {}

  Reply handle(const Request& request);

 private:
  std::optional<Reply> refuse(const Request& request) const;
  Reply messages(const Request& request, bool counts_only);

  const std::string api_key_;
  std::atomic<std::uint64_t> serial_{0};
};

}  // namespace tollgate::simulator
