// The JSON of the models. One object serves Anthropic's, OpenRouter's and OpenAI's clients.
// Source: https://docs.anthropic.com/en/api/models-list,
// https://openrouter.ai/docs/api-reference/list-available-models, https://platform.openai.com/docs/api-reference/models
#pragma once

#include <cstdint>
#include <string>

#include "tollgate/v1/catalog.pb.h"

namespace tollgate {

// Anthropic's list parameters. Without a limit everything is on one page, as OpenRouter's clients expect.
struct Page {
  // 0: no limit.
  std::size_t limit = 0;
  std::string after_id = {};
  std::string before_id = {};
};

std::string models_json(const v1::ListModelsReply& models, const Page& page);
std::string model_json(const v1::Model& model);

// USD per token as the shortest exact decimal: 3000000 micro-USD per million tokens is "0.000003".
std::string format_token_price(std::int64_t micro_usd_per_million);

}  // namespace tollgate
