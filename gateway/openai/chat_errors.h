// Errors as OpenAI's clients know them. Pure.
// Source: https://platform.openai.com/docs/guides/error-codes
#pragma once

#include <string>
#include <string_view>

#include "gateway/openai/completion.h"
#include "tollgate/v1/failure.pb.h"

namespace tollgate::chat {

// The HTTP status: OpenAI's clients know no 529.
unsigned chat_status(unsigned http_status);

// {"error": {"message": ..., "type": ..., "param": ..., "code": ...}}. `param` is the member that the message begins
// with, if it does.
std::string chat_error_json(const v1::Failure& failure);

// A chunk that ends a stream, in the shape that both OpenAI's and OpenRouter's clients take for an error. `type` is one
// of the Messages API.
std::string error_chunk(const CompletionHead& head, std::string_view type, std::string_view message);
std::string error_chunk(const v1::Failure& failure);

}  // namespace tollgate::chat
