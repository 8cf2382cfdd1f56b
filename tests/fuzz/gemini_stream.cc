// Whatever Gemini sends, in whatever pieces, what comes out is a well-formed sequence of the Messages API's events:
// whole with its end when the answer is, without an end when it is not, and the same for every split. The first byte
// says how the rest is cut.
#include "services/provider_adapter/gemini/stream.h"

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/fuzz/must.h"

namespace {

using nlohmann::json;
using tollgate::fuzz::must;

struct Decoded {
  bool whole = false;
  std::string events;
};

Decoded decode(std::string_view bytes, std::size_t step) {
  static const tollgate::translation::Envelopes envelopes("key");
  static const tollgate::v1::SendRequest request = [] {
    tollgate::v1::SendRequest made;
    made.set_model("gemini-3.1-pro-preview");
    made.set_generation_id("gen-1");
    made.set_body(R"({"model":"m","messages":[{"role":"user","content":"hi"}]})");
    return made;
  }();
  tollgate::gemini::ChunkDecoder decoder({request, envelopes, "google", tollgate::gemini::Door::kStudio});
  Decoded decoded;
  absl::Status status;
  for (std::size_t i = 0; i < bytes.size() && status.ok(); i += step)
    status = decoder.decode(bytes.substr(i, step), decoded.events);
  if (status.ok())
    status = decoder.finish(decoded.events);
  decoded.whole = status.ok();
  return decoded;
}

// The order that the Messages API promises.
class Order {
 public:
  void take(const json& event) {
    const std::string type = event.at("type");
    must(!stopped_, "nothing behind the end");
    if (type == "message_start") {
      must(!std::exchange(started_, true), "one start");
      return;
    }
    must(started_, "the start first");
    if (type == "content_block_start") {
      must(open_.empty() && !ending_, "one block at a time");
      must(event.at("index") == blocks_++, "blocks counted up");
      open_ = event.at("content_block").at("type");
      input_.clear();
      holds_ = false;
    } else if (type == "content_block_delta") {
      must(!open_.empty(), "a delta in a block");
      must(event.at("index") == blocks_ - 1, "a delta of the open block");
      holds_ = true;
      if (event["delta"].contains("partial_json"))
        input_ += event["delta"]["partial_json"];
    } else if (type == "content_block_stop") {
      must(!open_.empty(), "an open block to close");
      must(open_ == "tool_use" ? json::accept(input_) : holds_, "a block that holds something");
      open_.clear();
    } else if (type == "message_delta") {
      must(open_.empty() && !std::exchange(ending_, true), "one end of all blocks");
      must(event.at("usage").at("output_tokens").is_number_integer(), "counts");
    } else if (type == "message_stop") {
      must(ending_, "a reason before the end");
      stopped_ = true;
    } else {
      must(false, "an event of the API");
    }
  }
  bool stopped() const { return stopped_; }

 private:
  bool started_ = false;
  bool ending_ = false;
  bool stopped_ = false;
  bool holds_ = false;
  std::size_t blocks_ = 0;
  std::string open_;
  std::string input_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0)
    return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Decoded whole = decode(bytes, std::max<std::size_t>(1, bytes.size()));
  for (const std::size_t step : {std::size_t{1} + data[0], std::size_t{1}}) {
    const Decoded parted = decode(bytes, step);
    must(parted.whole == whole.whole && parted.events == whole.events, "the same for every split");
  }
  Order order;
  tollgate::sse::Scanner scanner;
  scanner.scan(whole.events, true, [&order](const tollgate::sse::Event& event) {
    const json parsed = json::parse(event.data, nullptr, false);
    must(parsed.is_object() && parsed.at("type") == event.name, "JSON of the event's type");
    order.take(parsed);
  });
  must(order.stopped() == whole.whole, "an end exactly when the answer is whole");
  return 0;
}
