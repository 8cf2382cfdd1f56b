// The simulator as the upstreams that speak OpenAI's chat completions. As strict as they are: about members that they
// do not know, about the order of calls and results, and about what their models want back.
//
//   POST /openai/v1/chat/completions           OpenAI
//   POST /morph/v1/chat/completions            Morph: morph-v3-* apply an edit (one user message with <code> and
//                                              <update>), others chat
//   POST /deepseek/chat/completions            DeepSeek: thinks unless told not to, and wants reasoning_content back
//   POST /openrouter/api/v1/chat/completions   OpenRouter: reasoning_details, whose signatures it checks
//   GET  .../models
//
// The answers are those of answer.h. Source: https://platform.openai.com/docs/api-reference/chat
#pragma once

#include <atomic>
#include <string>

#include "tests/simulator/api.h"

namespace tollgate::simulator {

// Any thread.
class OpenAi {
 public:
  // Requests bear `api_key`; empty: anyone is served.
  explicit OpenAi(std::string api_key) : api_key_(std::move(api_key)) {}

  static bool is_call(const Request& request);
  Reply handle(const Request& request);

 private:
  Reply chat(const Request& request, std::string_view flavour);

  const std::string api_key_;
  std::atomic<std::uint64_t> serial_{0};
};

}  // namespace tollgate::simulator
