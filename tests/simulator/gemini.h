// The simulator as Gemini, at Google AI Studio and on Vertex AI.
//
//   POST /v1beta/models/MODEL:generateContent, :streamGenerateContent?alt=sse, :countTokens    x-goog-api-key
//   GET  /v1beta/models
//   POST /v1/projects/PROJECT/locations/REGION/publishers/google/models/MODEL:...              a token of Vertex'
//
// It answers as answer.h says: a thought where thoughts are asked for, calls with ids (at AI Studio) and, from Gemini 3
// on, a thought signature at the first. Words of the last message it obeys, too: [[block]] blocks the prompt, [[finish
// REASON]] ends the answer for that reason.
#pragma once

#include <atomic>
#include <string>
#include <string_view>

#include "tests/simulator/vertex.h"

namespace tollgate::simulator {

// Any thread.
class Gemini {
 public:
  // `api_key` empty: anyone is served. `vertex` knows the tokens, and outlives this.
  Gemini(std::string api_key, Vertex& vertex, std::string project)
      : api_key_(std::move(api_key)), vertex_(vertex), project_(std::move(project)) {}

  static bool is_call(const Request& request);
  Reply handle(const Request& request);

 private:
  Reply generate(const Request& request, std::string_view model, bool stream, bool vertex);
  Reply count(const Request& request, std::string_view model, bool vertex);

  const std::string api_key_;
  Vertex& vertex_;
  const std::string project_;
  std::atomic<std::uint64_t> serial_{0};
};

}  // namespace tollgate::simulator
