// Whatever a client sends, what Gemini gets is JSON, no larger than the request gives reason for, and without an
// envelope of ours. The first byte chooses the model.
#include "services/provider_adapter/gemini/request.h"

#include <cstdint>
#include <string>

#include "tests/fuzz/must.h"

namespace {

using tollgate::fuzz::must;

// A schema's references are written out: up to what schema.cc allows.
constexpr std::size_t kSchemas = 64 * 1024 * 1024;

void check(const absl::StatusOr<std::string>& body) {
  if (!body.ok())
    return;
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  must(!parser.parse(*body).get_object().get(object), "an object of JSON");
  must(body->size() < kSchemas, "no larger than it has to be");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tollgate;
  if (size == 0)
    return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  static const translation::Envelopes envelopes("key");
  constexpr std::string_view kModels[] = {"gemini-3.1-pro-preview", "gemini-2.5-flash", "gemma-4-31b-it"};
  gemini::Destination destination;
  destination.upstream = "google";
  destination.model = kModels[data[0] % std::size(kModels)];
  destination.vertex = (data[0] & 0x80) != 0;
  translation::RequestReader reader;
  const auto request = reader.read(bytes, false);
  if (!request.ok())
    return 0;
  check(gemini::generate_body(*request, destination, envelopes));
  check(gemini::count_body(*request, destination, envelopes));
  return 0;
}
