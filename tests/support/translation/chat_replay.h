// A chat completion stream through the translator, in any pieces.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "services/provider_adapter/openai/answer.h"

namespace tollgate::test {

// Seals with a fixed key.
const translation::Envelopes& test_envelopes();

// Of the upstream "up" and the model "m".
openai::AnswerContext chat_context(std::string_view preset = "", std::string_view overrides = "");

// The events of `stream`; a failure becomes the `error` event that a client would get. `piece`: bytes at once; 0: all.
std::string replay_chat(const openai::AnswerContext& context, std::string_view stream, std::size_t piece = 0);
// In two pieces.
std::string replay_cut(const openai::AnswerContext& context, std::string_view stream, std::size_t cut);

}  // namespace tollgate::test
