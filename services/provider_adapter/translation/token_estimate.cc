#include "services/provider_adapter/translation/token_estimate.h"

#include <algorithm>

namespace tollgate::translation {
namespace {

// What stands around a message, and around a tool.
constexpr std::int64_t kAroundTurn = 4;
constexpr std::int64_t kAroundTool = 12;
// An image of unknown size: 1092 x 1092 pixels at 750 pixels a token.
constexpr std::int64_t kImage = 1590;
// A page of a PDF has about 2,000 tokens and 60 KB (80 KB of base64).
constexpr std::int64_t kPdfBytesPerToken = 40;

std::int64_t estimate_json(const Json& value) {
  return estimate_text(to_json(value));
}

std::int64_t estimate_blocks(const std::vector<Block>& blocks);

std::int64_t estimate_block(const Block& block) {
  std::int64_t tokens = 0;
  switch (block.kind) {
    case Block::Kind::kImage:
      return kImage;
    case Block::Kind::kDocument:
    case Block::Kind::kSearchResult:
      if (block.source.kind == Source::Kind::kBase64)
        tokens += static_cast<std::int64_t>(block.source.data.size()) / kPdfBytesPerToken;
      else
        tokens += estimate_text(block.source.data);
      break;
    case Block::Kind::kToolUse:
      if (block.input)
        tokens += estimate_json(*block.input);
      break;
    case Block::Kind::kRedactedThinking:
      // Not shown to any model but the one that made it.
      return static_cast<std::int64_t>(block.text.size()) / 8;
    case Block::Kind::kServerToolUse:
    case Block::Kind::kServerToolResult:
    case Block::Kind::kOther:
      return estimate_json(block.raw);
    default:
      break;
  }
  tokens +=
      estimate_text(block.text) + estimate_text(block.title) + estimate_text(block.context) + estimate_text(block.name);
  return tokens + estimate_blocks(block.content);
}

std::int64_t estimate_blocks(const std::vector<Block>& blocks) {
  std::int64_t tokens = 0;
  for (const Block& block : blocks)
    tokens += estimate_block(block);
  return tokens;
}

}  // namespace

std::int64_t estimate_text(std::string_view text) {
  // Four bytes of ASCII make a token; of scripts beyond Latin a character makes one, or nearly so.
  const auto wide = std::count_if(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0xe0;
  });
  const auto size = static_cast<std::int64_t>(text.size());
  const std::int64_t narrow = std::max<std::int64_t>(0, size - 3 * wide);
  return (narrow + 3) / 4 + wide;
}

std::int64_t estimate_prompt(const MessagesRequest& request) {
  std::int64_t tokens = estimate_blocks(request.system);
  for (const Turn& turn : request.turns)
    tokens += kAroundTurn + estimate_blocks(turn.blocks);
  for (const Tool& tool : request.tools)
    tokens += kAroundTool + estimate_json(tool.raw);
  if (request.output_schema)
    tokens += estimate_json(*request.output_schema);
  return std::max<std::int64_t>(1, tokens);
}

}  // namespace tollgate::translation
