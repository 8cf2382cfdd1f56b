#include "services/provider_adapter/aws/event_frames.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>

namespace tollgate::aws {
namespace {

std::map<std::string, std::string> vectors() {
  std::ifstream file(std::string(TOLLGATE_SOURCE) + "/tests/unit/provider_adapter/data/event_frames.txt");
  std::map<std::string, std::string> out;
  std::string name, hex;
  std::size_t size = 0;
  while (file >> name >> size >> hex) {
    std::string bytes;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
      bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    EXPECT_EQ(bytes.size(), size) << name;
    out[name] = bytes;
  }
  return out;
}

const std::string& vector_of(const std::string& name) {
  static const std::map<std::string, std::string> all = vectors();
  return all.at(name);
}

// Every frame in one line each; a fault is the last line.
std::string read_all(EventFrames& frames) {
  std::ostringstream out;
  EventFrame frame;
  for (;;) {
    switch (frames.next(frame)) {
      case EventFrames::Result::kMore:
        return out.str();
      case EventFrames::Result::kBroken:
        out << "broken: " << frames.error();
        return out.str();
      case EventFrames::Result::kFrame:
        for (const EventHeader& header : frame.headers)
          out << header.name << '(' << static_cast<int>(header.type) << ")=" << header.number << header.bytes << ' ';
        out << "| " << frame.payload << '\n';
    }
  }
}

std::string read_whole(std::string_view bytes) {
  EventFrames frames;
  frames.push(bytes);
  return read_all(frames);
}

TEST(EventFrames, ReadsThePublishedMessages) {
  EXPECT_EQ(read_whole(vector_of("empty")), "| \n");
  EXPECT_EQ(read_whole(vector_of("payload_no_headers")), "| {'foo':'bar'}\n");
  EXPECT_EQ(read_whole(vector_of("payload_one_str_header")), "content-type(7)=0application/json | {'foo':'bar'}\n");
  EXPECT_EQ(read_whole(vector_of("int32_header")), "event-type(4)=40972 | {'foo':'bar'}\n");
  EXPECT_EQ(read_whole(vector_of("exception")),
            ":exception-type(7)=0throttlingException :content-type(7)=0application/json :message-type(7)=0exception | "
            R"({"message":"Too many tokens, please wait before trying again."})"
            "\n");
}

TEST(EventFrames, ReadsEveryTypeOfHeader) {
  EventFrames frames;
  frames.push(vector_of("all_headers"));
  EventFrame frame;
  ASSERT_EQ(frames.next(frame), EventFrames::Result::kFrame) << frames.error();
  ASSERT_EQ(frame.headers.size(), 10u);
  const auto& headers = frame.headers;
  EXPECT_EQ(headers[0].number, 40972);
  EXPECT_EQ(headers[1].bytes, "application/json");
  EXPECT_EQ(headers[2].type, HeaderType::kFalse);
  EXPECT_EQ(headers[3].type, HeaderType::kTrue);
  EXPECT_EQ(headers[3].number, 1);
  EXPECT_EQ(headers[4].number, -49);
  EXPECT_EQ(headers[5].bytes, "I'm a little teapot!");
  EXPECT_EQ(headers[6].number, 8675309);
  EXPECT_EQ(headers[7].number, 42);
  EXPECT_EQ(headers[8].number, 42424242);
  EXPECT_EQ(headers[9].bytes, "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10");
  EXPECT_EQ(frame.text("content-type"), "application/json");
  EXPECT_EQ(frame.text("byte buf"), "") << "no string";
  EXPECT_EQ(frame.text("none"), "");
  EXPECT_FALSE(frames.partial());
}

TEST(EventFrames, RefusesThePublishedCorruptions) {
  for (const char* name : {"corrupted_headers", "corrupted_header_len", "corrupted_length", "corrupted_payload"})
    EXPECT_EQ(read_whole(vector_of(name)).substr(0, 6), "broken") << name;
}

// At most two cuts anywhere, then a byte at a time.
TEST(EventFrames, EverySplitGivesTheSame) {
  const std::string bytes = vector_of("all_headers") + vector_of("empty") + vector_of("exception");
  const std::string whole = read_whole(bytes);
  for (std::size_t first = 0; first <= bytes.size(); ++first) {
    for (std::size_t second = first; second <= bytes.size(); second += 7) {
      EventFrames frames;
      std::string seen;
      for (const auto& piece : {bytes.substr(0, first), bytes.substr(first, second - first), bytes.substr(second)}) {
        frames.push(piece);
        seen += read_all(frames);
      }
      ASSERT_EQ(seen, whole) << first << " " << second;
    }
  }
  EventFrames frames;
  std::string seen;
  for (const char c : bytes) {
    frames.push(std::string_view(&c, 1));
    seen += read_all(frames);
  }
  EXPECT_EQ(seen, whole);
  EXPECT_FALSE(frames.partial());
}

TEST(EventFrames, KnowsWhenItIsInsideAMessage) {
  const std::string& bytes = vector_of("chunk");
  for (std::size_t size = 1; size < bytes.size(); ++size) {
    EventFrames frames;
    frames.push(std::string_view(bytes).substr(0, size));
    ASSERT_EQ(read_all(frames), "");
    ASSERT_TRUE(frames.partial()) << size;
  }
}

// Both checksums together see every single flipped bit.
TEST(EventFrames, NoFlippedBitPasses) {
  const std::string bytes = vector_of("all_headers");
  for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    std::string bad = bytes;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ 1 << bit % 8);
    const std::string seen = read_whole(bad);
    ASSERT_EQ(seen.substr(0, 6), "broken") << bit;
  }
}

TEST(EventFrames, StaysBroken) {
  EventFrames frames;
  frames.push(vector_of("corrupted_payload"));
  EventFrame frame;
  EXPECT_EQ(frames.next(frame), EventFrames::Result::kBroken);
  frames.push(vector_of("empty"));
  EXPECT_EQ(frames.next(frame), EventFrames::Result::kBroken);
}

// Sizes with a right checksum, which a peer can send as well as we: {size, size of the headers}.
std::string prelude(std::uint32_t size, std::uint32_t headers) {
  std::string bytes;
  const auto put = [&bytes](std::uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8)
      bytes += static_cast<char>(value >> shift & 0xff);
  };
  put(size);
  put(headers);
  std::uint32_t crc = 0xffffffff;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit)
      crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
  }
  put(~crc);
  return bytes;
}

TEST(EventFrames, BelievesNoImpossibleSize) {
  const std::pair<std::uint32_t, std::uint32_t> sizes[] = {{0, 0},
                                                           {15, 0},
                                                           {16, 1},
                                                           {100, 85},
                                                           {EventFrames::kMaxMessage + 1, 0},
                                                           {0xffffffff, 0},
                                                           {1000000, EventFrames::kMaxHeaders + 1},
                                                           {100, 0xffffffff}};
  for (const auto& [size, headers] : sizes)
    EXPECT_EQ(read_whole(prelude(size, headers)).substr(0, 6), "broken") << size << " " << headers;
  EXPECT_EQ(read_whole(prelude(EventFrames::kMaxMessage, EventFrames::kMaxHeaders)), "") << "allowed: waits for it";
}

}  // namespace
}  // namespace tollgate::aws
