// Whatever a client sends is refused, or becomes JSON for every kind of upstream. The first byte chooses it.
#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "services/provider_adapter/openai/request.h"
#include "services/provider_adapter/translation/token_estimate.h"
#include "tests/fuzz/must.h"
#include "tests/support/translation/chat_replay.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tollgate;
  if (size == 0)
    return 0;
  static const std::array kPresets = {"openai", "deepseek", "openrouter", "vllm", "mistral", "morph"};
  const auto table = openai::QuirkTable::make(kPresets[data[0] % kPresets.size()], "");
  const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
  translation::RequestReader reader;
  const auto request = reader.read(body);
  if (!request.ok())
    return 0;
  fuzz::must(translation::estimate_prompt(*request) > 0, "no prompt is empty");
  const auto chat = openai::chat_request(*request, {"up", "m", table->of("m"), test::test_envelopes()});
  fuzz::must(!chat.ok() || nlohmann::json::accept(*chat), "what goes out is JSON");
  return 0;
}
