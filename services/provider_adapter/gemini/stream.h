// The server-sent events of streamGenerateContent as the Messages API's.
#pragma once

#include <simdjson.h>

#include <string>

#include "services/provider_adapter/anthropic/route.h"
#include "services/provider_adapter/gemini/answer.h"
#include "services/provider_adapter/sse/scanner.h"
#include "services/provider_adapter/translation/event_writer.h"

namespace tollgate::gemini {

class ChunkDecoder : public anthropic::StreamDecoder {
 public:
  // What `context` refers to outlives the decoder.
  explicit ChunkDecoder(const Answer::Context& context)
      : upstream_(context.upstream), writer_(out_), answer_(context, writer_) {}

  absl::Status decode(std::string_view bytes, std::string& events) override;
  absl::Status finish(std::string& events) override;
  bool ending() const override { return answer_.stopped(); }
  void complete(v1::Usage&) const override {}

 private:
  absl::Status scan(bool at_end);

  const std::string upstream_;
  std::string out_;
  translation::EventWriter writer_;
  Answer answer_;
  sse::Scanner scanner_;
  // Bytes of the event that is under way.
  std::string held_;
  simdjson::dom::parser parser_;
};

}  // namespace tollgate::gemini
