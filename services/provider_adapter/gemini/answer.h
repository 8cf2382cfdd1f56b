// The answers of generateContent and streamGenerateContent, told in the Messages API's terms.
// Source: https://ai.google.dev/api/generate-content#v1beta.GenerateContentResponse
#pragma once

#include <simdjson.h>

#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "services/provider_adapter/gemini/failures.h"
#include "services/provider_adapter/gemini/thought.h"
#include "services/provider_adapter/translation/answer_writer.h"
#include "services/provider_adapter/translation/envelope.h"
#include "tollgate/v1/adapter.pb.h"

namespace tollgate::gemini {

// One answer, from its chunks: a stream's, or the whole as the only one.
class Answer {
 public:
  struct Context {
    // All of them outlive the answer.
    const v1::SendRequest& request;
    const translation::Envelopes& envelopes;
    std::string_view upstream;
    Door door = Door::kStudio;
  };

  Answer(const Context& context, translation::AnswerWriter& writer) : context_(context), writer_(writer) {}

  // One GenerateContentResponse. An error carries the Failure that ends the answer.
  absl::Status take(const simdjson::dom::element& response);
  // Nothing more comes: ends the message. An error when the answer is not whole, as above.
  absl::Status finish();

  // The model said why it stopped.
  bool stopped() const { return !stop_reason_.empty(); }

 private:
  void read_usage(const simdjson::dom::element& response);
  void start();
  absl::Status take_candidate(const simdjson::dom::object& candidate);
  absl::Status take_part(const simdjson::dom::object& part);
  absl::Status take_call(const simdjson::dom::object& call, std::string signature);
  absl::Status stop(std::string_view reason, std::string_view message);
  // Seals what the open block of thinking, or the next part, has to carry.
  void seal(Thought thought);
  std::string new_tool_use_id(std::string_view call_id);
  std::string tool_name(std::string_view function) const;
  bool one_call_only() const;
  std::int64_t estimated_input() const;

  const Context context_;
  translation::AnswerWriter& writer_;
  std::string response_id_;
  translation::TokenCounts counts_;
  bool counted_ = false;
  // Bytes of the answer, for an upstream that counts nothing.
  std::size_t bytes_ = 0;
  std::string stop_reason_;
  std::size_t calls_ = 0;
  std::set<std::string, std::less<>> tool_use_ids_;
  // The signature of the open thought itself.
  std::string own_signature_;
};

}  // namespace tollgate::gemini
