// One upstream of the adapter on a shard of its own, run by the test's thread.
#pragma once

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "raw_server.h"
#include "services/common/base/errors.h"
#include "services/provider_adapter/anthropic/upstream.h"

namespace tollgate::test {

// Keeps the frames; `on_frame` is called after each.
class RecordingSink : public FrameSink {
 public:
  Awaitable<absl::Status> write(v1::Frame frame) override {
    frames.push_back(std::move(frame));
    if (on_frame)
      on_frame(frames.back());
    co_return result;
  }

  std::vector<v1::Frame> frames;
  std::function<void(const v1::Frame&)> on_frame;
  absl::Status result;

  std::string data() const {
    std::string all;
    for (const v1::Frame& frame : frames)
      all += frame.data();
    return all;
  }
  // One letter a frame: Head, Data, Usage, Committed, doNe, Keep-alive.
  std::string order() const {
    std::string letters;
    for (const v1::Frame& frame : frames)
      letters += "?HDUCNK"[frame.kind_case()];
    return letters;
  }
  const v1::Done* done() const { return !frames.empty() && frames.back().has_done() ? &frames.back().done() : nullptr; }
};

class Shard {
 public:
  asio::io_context context{1};
  Deadlines deadlines{context, std::chrono::milliseconds(5)};

  // Runs the coroutine to its end; rethrows what it threw.
  template <class T>
  T run(Awaitable<T> work) {
    std::optional<T> result;
    std::exception_ptr thrown;
    bool done = false;
    asio::co_spawn(context, std::move(work), [&](std::exception_ptr exception, T value) {
      thrown = exception;
      result = std::move(value);
      done = true;
    });
    run_until(done);
    if (thrown)
      std::rethrow_exception(thrown);
    return *std::move(result);
  }

  void run_until(const bool& done) {
    while (!done) {
      context.restart();
      context.run_one();
    }
  }
};

class UpstreamUnderTest {
 public:
  using Adjust = std::function<void(anthropic::UpstreamOptions&)>;

  explicit UpstreamUnderTest(const std::string& url, const Adjust& adjust = nullptr) {
    anthropic::UpstreamOptions options;
    options.config.name = "up";
    options.config.url = url;
    options.config.api_key = "secret";
    if (adjust)
      adjust(options);
    auto made = anthropic::Upstream::make(shard.context, shard.deadlines, options);
    if (!made.ok())
      throw std::runtime_error(std::string(made.status().message()));
    upstream = *std::move(made);
  }

  absl::Status send(bool stream = true) {
    request.set_stream(stream);
    return shard.run(upstream->send(request, sink));
  }
  // The failure of a request that must not succeed.
  v1::Failure fail(bool stream = true) {
    const absl::Status status = send(stream);
    return status.ok() ? v1::Failure() : failure_of(status);
  }

  static v1::SendRequest default_request() {
    v1::SendRequest request;
    request.set_upstream("up");
    request.set_model("claude");
    request.set_generation_id("gen-1");
    request.set_body(R"({"model":"claude","max_tokens":5,"messages":[]})");
    return request;
  }

  Shard shard;
  std::unique_ptr<anthropic::Upstream> upstream;
  v1::SendRequest request = default_request();
  RecordingSink sink;
};

// A small whole stream of the API.
inline std::string event(std::string_view name, std::string_view data) {
  return "event: " + std::string(name) + "\ndata: " + std::string(data) + "\n\n";
}
inline const std::string kStart = event(
    "message_start",
    R"({"type":"message_start","message":{"id":"msg_1","content":[],"usage":{"input_tokens":10,"output_tokens":1}}})");
inline const std::string kBlock = event(
    "content_block_start", R"({"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}})");
inline const std::string kDelta = event(
    "content_block_delta", R"({"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}})");
inline const std::string kEnd =
    event("content_block_stop", R"({"type":"content_block_stop","index":0})") +
    event("message_delta",
          R"({"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":42}})") +
    event("message_stop", R"({"type":"message_stop"})");
inline const std::string kStream = kStart + kBlock + kDelta + kEnd;

inline const std::string kStreamHead =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\nrequest-id: req_1\r\n"
    "transfer-encoding: chunked\r\n\r\n";

inline std::string chunk(std::string_view bytes, std::string_view extension = "") {
  char size[32];
  std::snprintf(size, sizeof size, "%zx", bytes.size());
  return size + std::string(extension) + "\r\n" + std::string(bytes) + "\r\n";
}
inline const std::string kLastChunk = "0\r\n\r\n";

inline std::string response(std::string_view status_line, std::string_view body, std::string_view headers = "") {
  return "HTTP/1.1 " + std::string(status_line) + "\r\ncontent-length: " + std::to_string(body.size()) + "\r\n" +
         std::string(headers) + "\r\n" + std::string(body);
}

}  // namespace tollgate::test
