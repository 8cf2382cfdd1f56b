// The answer of InvokeModelWithResponseStream as the Messages API's server-sent events.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "services/provider_adapter/anthropic/route.h"
#include "services/provider_adapter/aws/event_frames.h"

namespace tollgate::bedrock {

// What Bedrock itself counted, in the last chunk of a stream; -1: not stated.
struct InvocationMetrics {
  std::int64_t input_tokens = -1;
  std::int64_t output_tokens = -1;
  std::int64_t cache_read_tokens = -1;
  std::int64_t cache_write_tokens = -1;
};

// Cuts "amazon-bedrock-invocationMetrics" out of an event, the bytes around it left alone, and reads it. False when the
// event has none, or is no JSON object.
bool cut_metrics(std::string& event, InvocationMetrics& metrics);

class ChunkDecoder : public anthropic::StreamDecoder {
 public:
  explicit ChunkDecoder(std::string upstream) : upstream_(std::move(upstream)) {}

  absl::Status decode(std::string_view bytes, std::string& events) override;
  absl::Status finish(std::string& events) override;
  // Counts that the events leave at zero or, without a final one, at less than Bedrock counted.
  void complete(v1::Usage& usage) const override;

 private:
  absl::Status take(const aws::EventFrame& frame, std::string& events);
  absl::Status broken(std::string_view why) const;

  const std::string upstream_;
  aws::EventFrames frames_;
  InvocationMetrics metrics_;
};

}  // namespace tollgate::bedrock
