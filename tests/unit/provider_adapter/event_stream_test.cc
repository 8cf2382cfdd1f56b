#include "services/provider_adapter/anthropic/event_stream.h"

#include <gtest/gtest.h>

namespace tollgate::anthropic {
namespace {

using Result = EventStream::Result;

std::string event(std::string_view name, std::string_view data) {
  return "event: " + std::string(name) + "\ndata: " + std::string(data) + "\n\n";
}

std::string start(std::string_view usage = R"({"input_tokens":10,"output_tokens":1})") {
  return event("message_start",
               R"({"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","content":[],)"
               R"("model":"claude","stop_reason":null,"usage":)" +
                   std::string(usage) + "}}");
}

const std::string kPing = event("ping", R"({"type": "ping"})");
const std::string kBlockStart = event(
    "content_block_start", R"({"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}})");
const std::string kDelta = event(
    "content_block_delta", R"({"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}})");
const std::string kBlockStop = event("content_block_stop", R"({"type":"content_block_stop","index":0})");
const std::string kMessageDelta = event(
    "message_delta",
    R"({"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":42}})");
const std::string kStop = event("message_stop", R"({"type":"message_stop"})");
const std::string kOverloaded =
    event("error", R"({"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}})");

std::string thinking() {
  return start(R"({"input_tokens":5,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":3})") +
         event(
             "content_block_start",
             R"({"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}})") +
         kPing +
         event("content_block_delta",
               R"({"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Hm\n\nso"}})") +
         event(
             "content_block_delta",
             R"({"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"EqQBCg=="}})") +
         kBlockStop + kMessageDelta + kStop;
}

std::string tool_use() {
  return start() + kBlockStart + kDelta + kBlockStop +
         event(
             "content_block_start",
             R"({"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"toolu_1","name":"Write","input":{}}})") +
         event(
             "content_block_delta",
             R"({"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"event: x\\n\\ndata"}})") +
         event("content_block_stop", R"({"type":"content_block_stop","index":1})") + kMessageDelta + kStop;
}

std::string crlf(const std::string& text) {
  std::string result;
  for (const char c : text)
    result.append(c == '\n' ? "\r\n" : std::string(1, c));
  return result;
}

std::vector<std::pair<std::string, std::string>> streams() {
  const std::string text = start() + kPing + kBlockStart + kDelta + kDelta + kBlockStop + kMessageDelta + kStop;
  return {
      {"text", text},
      {"thinking", thinking()},
      {"tool use", tool_use()},
      {"crlf", crlf(tool_use())},
      {"comments", ": ok\n\n" + start() + ": more\n" + kBlockStart + ":\n\n" + kMessageDelta + kStop},
      {"byte order mark", "\xef\xbb\xbf" + text},
      {"unknown events",
       start() + event("novelty", "[1]") + kBlockStart + event("novelty", "{}") + kMessageDelta + kStop},
      {"no content", start() + kMessageDelta + kStop},
      {"error after content", start() + kBlockStart + kDelta + kOverloaded},
  };
}

// The frames of a run, data joined between frames of other kinds: what must not depend on how the bytes came.
struct Relay {
  EventStream events;
  std::vector<v1::Frame> frames;
  Result result = Result::kOk;
  std::string data;
  std::vector<std::string> order;

  void push(std::string_view bytes) {
    std::vector<v1::Frame> now;
    if (result == Result::kOk)
      result = events.push(std::string(bytes), now);
    take(now);
  }
  void finish() {
    std::vector<v1::Frame> now;
    if (result == Result::kOk)
      result = events.finish(now);
    take(now);
  }
  void take(std::vector<v1::Frame>& now) {
    for (v1::Frame& frame : now) {
      data += frame.data();
      frames.push_back(std::move(frame));
    }
  }
  std::size_t commit_offset() const {
    std::size_t offset = 0;
    for (const v1::Frame& frame : frames) {
      if (frame.has_committed())
        return offset;
      offset += frame.data().size();
    }
    return std::string::npos;
  }
};

bool ends_with_event(const std::string& data) {
  return data.ends_with("\n\n") || data.ends_with("\r\n\r\n");
}

void check_relay(const Relay& relay, const std::string& stream, const v1::Usage& usage, const std::string& what) {
  ASSERT_EQ(relay.result, Result::kOk) << what;
  EXPECT_EQ(relay.data, stream) << what;
  EXPECT_TRUE(relay.events.committed()) << what;
  EXPECT_EQ(relay.events.usage().SerializeAsString(), usage.SerializeAsString()) << what;
  for (const v1::Frame& frame : relay.frames) {
    if (frame.kind_case() == v1::Frame::kData) {
      EXPECT_TRUE(ends_with_event(frame.data())) << what << ": " << frame.data();
      EXPECT_FALSE(frame.mid_event()) << what;
    }
  }
  // Nothing of the first content is out before the commitment.
  const std::size_t content = std::min(stream.find("event: content_block_start"), stream.find("event: message_delta"));
  EXPECT_LE(relay.commit_offset(), content) << what;
}

TEST(EventStream, SameBytesAndWholeEventsAtEveryBoundary) {
  for (const auto& [name, stream] : streams()) {
    Relay once;
    once.push(stream);
    once.finish();
    check_relay(once, stream, once.events.usage(), name);
    for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
      Relay relay;
      relay.push(std::string_view(stream).substr(0, cut));
      relay.push(std::string_view(stream).substr(cut));
      relay.finish();
      check_relay(relay, stream, once.events.usage(), name + " cut at " + std::to_string(cut));
    }
    for (std::size_t size = 1; size < 40; size += 3) {
      Relay relay;
      for (std::size_t at = 0; at < stream.size(); at += size)
        relay.push(std::string_view(stream).substr(at, size));
      relay.finish();
      check_relay(relay, stream, once.events.usage(), name + " in pieces of " + std::to_string(size));
      EXPECT_EQ(relay.events.stopped(), once.events.stopped()) << name;
      EXPECT_EQ(relay.events.errored(), once.events.errored()) << name;
    }
  }
}

TEST(EventStream, EventsThatCameTogetherLeaveTogether) {
  Relay relay;
  relay.push(start() + kPing + kBlockStart + kDelta);
  ASSERT_EQ(relay.frames.size(), 3u);
  EXPECT_EQ(relay.frames[0].usage().input_tokens(), 10);
  EXPECT_TRUE(relay.frames[1].has_committed());
  EXPECT_EQ(relay.frames[2].data(), start() + kPing + kBlockStart + kDelta);
}

TEST(EventStream, CommitsRightBeforeTheFirstContent) {
  Relay relay;
  relay.push(start());
  relay.push(kPing);
  EXPECT_FALSE(relay.events.committed());
  relay.push(kBlockStart);
  relay.push(kDelta);
  ASSERT_EQ(relay.frames.size(), 6u);
  EXPECT_TRUE(relay.frames[0].has_usage());
  EXPECT_EQ(relay.frames[1].data(), start());
  EXPECT_EQ(relay.frames[2].data(), kPing);
  EXPECT_TRUE(relay.frames[3].has_committed());
  EXPECT_EQ(relay.frames[4].data(), kBlockStart);
  EXPECT_EQ(relay.frames[5].data(), kDelta);
}

TEST(EventStream, UsageComesOnlyWhenItChanged) {
  Relay relay;
  relay.push(start());
  relay.push(kBlockStart);
  relay.push(kMessageDelta);
  relay.push(kMessageDelta);
  relay.push(kStop);
  int usages = 0;
  for (const v1::Frame& frame : relay.frames)
    usages += frame.has_usage();
  EXPECT_EQ(usages, 2);
  EXPECT_EQ(relay.events.usage().output_tokens(), 42);
  EXPECT_TRUE(relay.events.stopped());
}

TEST(EventStream, EstimatesTheTokensOfDeltas) {
  const auto delta = [](const std::string& inner) {
    return event("content_block_delta", R"({"type":"content_block_delta","index":0,"delta":{"type":)" + inner + "}}");
  };
  const std::string text(400, 'x');
  const struct {
    std::string bytes;
    unsigned least, most;
  } cases[] = {
      {kPing + kBlockStart, 0, 0},
      {kDelta, 1, 1},
      {delta(R"("text_delta","text":")" + text + "\""), 100, 100},
      {delta(R"("thinking_delta","thinking":")" + text + "\""), 100, 103},
      {delta(R"("input_json_delta","partial_json":")" + text + "\""), 100, 105},
      {delta(R"("signature_delta","signature":")" + text + "\""), 0, 0},
  };
  for (const auto& example : cases) {
    EventStream stream;
    std::vector<v1::Frame> frames;
    stream.push(example.bytes, frames);
    EXPECT_GE(frames.back().estimated_output_tokens(), example.least) << example.bytes;
    EXPECT_LE(frames.back().estimated_output_tokens(), example.most) << example.bytes;
  }
}

TEST(EventStream, ErrorBeforeContentIsAnError) {
  for (const std::string& before : {std::string(), start(), start() + kPing}) {
    Relay together;
    together.push(before + kOverloaded);
    EXPECT_EQ(together.result, Result::kError);
    Relay apart;
    apart.push(before);
    apart.push(kOverloaded);
    EXPECT_EQ(apart.result, Result::kError);
    EXPECT_EQ(apart.events.error().type, "overloaded_error");
    EXPECT_EQ(apart.events.error().message, "Overloaded");
    EXPECT_EQ(apart.events.error_json(),
              R"({"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}})");
    EXPECT_FALSE(apart.events.committed());
  }
}

TEST(EventStream, ErrorAfterContentIsData) {
  Relay relay;
  relay.push(start() + kBlockStart + kOverloaded);
  EXPECT_EQ(relay.result, Result::kOk);
  EXPECT_TRUE(relay.events.errored());
  EXPECT_EQ(relay.data, start() + kBlockStart + kOverloaded);
}

TEST(EventStream, EventsThatMustBeReadMustBeJson) {
  for (const std::string& bad :
       {event("message_start", "{"), event("message_start", "<html>"), event("message_delta", "[]"),
        event("error", "oops"), event("error", "{}"), event("message_delta", R"({"usage":{"output_tokens":1)")}) {
    Relay relay;
    relay.push(bad);
    EXPECT_EQ(relay.result, Result::kMalformed) << bad;
    EXPECT_TRUE(relay.frames.empty());
  }
}

TEST(EventStream, IncompleteEventIsHeld) {
  Relay relay;
  relay.push(start() + kBlockStart.substr(0, 30));
  EXPECT_EQ(relay.data, start());
  relay.finish();
  EXPECT_EQ(relay.data, start());
}

TEST(EventStream, HugeEventPassesInParts) {
  const std::string huge = event("content_block_start", R"({"type":"content_block_start","content_block":{"text":")" +
                                                            std::string(700 * 1024, 'x') + R"("}})");
  const std::string stream = start() + huge + kDelta + kMessageDelta + kStop;
  for (const std::size_t size : {std::size_t(1000), std::size_t(16384), std::size_t(300 * 1024), stream.size()}) {
    Relay relay;
    std::size_t largest_hold = 0;
    for (std::size_t at = 0; at < stream.size(); at += size) {
      relay.push(std::string_view(stream).substr(at, size));
      largest_hold = std::max(largest_hold, std::min(at + size, stream.size()) - relay.data.size());
    }
    relay.finish();
    EXPECT_EQ(relay.result, Result::kOk);
    EXPECT_EQ(relay.data, stream) << size;
    EXPECT_TRUE(relay.events.stopped()) << size;
    EXPECT_EQ(relay.events.usage().output_tokens(), 42) << size;
    EXPECT_LE(relay.commit_offset(), start().size()) << size;
    EXPECT_LE(largest_hold, EventStream::kHold) << size;
    bool mid_event = false;
    for (const v1::Frame& frame : relay.frames) {
      if (frame.kind_case() != v1::Frame::kData)
        continue;
      EXPECT_EQ(ends_with_event(frame.data()), !frame.mid_event()) << size;
      mid_event |= frame.mid_event();
    }
    EXPECT_EQ(mid_event, size < stream.size()) << size;
    EXPECT_FALSE(relay.events.mid_event());
  }
}

TEST(EventStream, HugeCrlfEventPassesInPartsAtEveryBoundaryOfItsEnd) {
  const std::string huge = crlf(event("content_block_delta", "{\"x\":\"" + std::string(300 * 1024, 'x') + "\"}"));
  const std::string stream = crlf(start()) + huge + crlf(kMessageDelta + kStop);
  const std::size_t end = crlf(start()).size() + huge.size();
  for (std::size_t cut = end - 6; cut <= end + 2; ++cut) {
    Relay relay;
    relay.push(std::string_view(stream).substr(0, 270 * 1024));
    relay.push(std::string_view(stream).substr(270 * 1024, cut - 270 * 1024));
    relay.push(std::string_view(stream).substr(cut));
    relay.finish();
    EXPECT_EQ(relay.data, stream) << cut;
    EXPECT_TRUE(relay.events.stopped()) << cut;
    EXPECT_FALSE(relay.events.mid_event()) << cut;
  }
}

TEST(EventStream, LargeEventsThatMustBeReadAreHeldAndRead) {
  const std::string padding(1024 * 1024, 'x');
  const std::string large = event(
      "message_delta", R"({"type":"message_delta","delta":{"x":")" + padding + R"("},"usage":{"output_tokens":7}})");
  Relay relay;
  relay.push(start() + kBlockStart);
  for (std::size_t at = 0; at < large.size(); at += 16384)
    relay.push(std::string_view(large).substr(at, 16384));
  EXPECT_EQ(relay.data, start() + kBlockStart + large);
  EXPECT_EQ(relay.events.usage().output_tokens(), 7);

  Relay endless;
  endless.push("event: message_start\ndata: ");
  for (int i = 0; i < 5; ++i)
    endless.push(padding);
  EXPECT_EQ(endless.result, Result::kMalformed);
}

}  // namespace
}  // namespace tollgate::anthropic
