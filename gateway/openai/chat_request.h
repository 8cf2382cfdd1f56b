// A chat completion request as one of the Messages API.
// Source: https://platform.openai.com/docs/api-reference/chat/create; `reasoning`, `provider`, `models`, `session_id`:
// https://openrouter.ai/docs/api-reference/chat-completion. What cannot be expressed: README.md in this folder.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "tollgate/v1/catalog.pb.h"

namespace tollgate::chat {

// What the answer must look like.
struct ChatOptions {
  bool stream = false;
  // A last chunk with the usage.
  bool include_usage = false;
  bool exclude_reasoning = false;
};

// What is written depends on the model in this much.
struct ModelTraits {
  // Output without a limit of the request's own.
  std::int64_t default_max_tokens;
  // Messages of the role system may stand within the conversation.
  bool later_system;
  // Thinking is asked for by a number of tokens, not by an effort.
  bool thinks_by_budget;
};

// What is safe with any model.
ModelTraits cautious_traits();
ModelTraits traits_of(const v1::Model& model);

// Pure. Errors are KIND_INVALID_REQUEST and begin with the name of the member that is wrong.
class ChatRequest {
 public:
  static absl::StatusOr<ChatRequest> read(std::string_view body);

  // As it was asked for.
  const std::string& model() const { return model_; }
  const ChatOptions& options() const { return options_; }
  // Whether the traits make a difference.
  bool depends_on_model() const;
  // The body for POST /v1/messages.
  absl::StatusOr<std::string> messages_body(const ModelTraits& traits) const;

 private:
  ChatRequest() = default;

  // Behind a pointer: elements refer to where it stands.
  std::unique_ptr<simdjson::dom::parser> parser_;
  simdjson::dom::object object_;
  simdjson::dom::array messages_;
  std::string model_;
  ChatOptions options_;
};

}  // namespace tollgate::chat
