#include "gateway/chunked_decoder.h"

#include <gtest/gtest.h>

#include "tests/unit/gateway/hostile_requests.h"

namespace tollgate {
namespace {

using State = ChunkedDecoder::State;

constexpr std::uint64_t kLimit = 1000;

struct Decoded {
  State state;
  std::string body;
  std::size_t used;
};

// Fed in pieces of `step` bytes.
Decoded decode(std::string_view wire, std::size_t step, std::uint64_t limit = kLimit) {
  ChunkedDecoder decoder(limit);
  Decoded decoded{State::kMore, {}, 0};
  while (decoded.used < wire.size() && decoder.state() == State::kMore)
    decoded.used += decoder.feed(wire.substr(decoded.used, step), decoded.body);
  decoded.state = decoder.state();
  return decoded;
}

TEST(ChunkedDecoder, DecodesWhateverTheCut) {
  const std::string wire = "5\r\nhello\r\n0A;name=\"value\"\r\n, \r\nworld!\r\n1\r\n0\r\n000\r\n\r\n";
  const std::string next = "GET /next HTTP/1.1\r\n";
  for (std::size_t step = 1; step <= wire.size() + next.size(); ++step) {
    const Decoded decoded = decode(wire + next, step);
    EXPECT_EQ(decoded.state, State::kDone) << step;
    EXPECT_EQ(decoded.body, "hello, \r\nworld!0") << step;
    EXPECT_EQ(decoded.used, wire.size()) << step;
  }
}

TEST(ChunkedDecoder, RefusesWhatIsNotExactlyIt) {
  for (const HostileRequest& row : hostile_chunks()) {
    for (std::size_t step : {std::size_t{1}, std::size_t{7}, row.bytes.size()}) {
      const Decoded decoded = decode(row.bytes, step, 1 << 20);
      EXPECT_EQ(decoded.state, row.status == 413 ? State::kTooLarge : State::kBad) << row.name << " by " << step;
    }
  }
}

TEST(ChunkedDecoder, CountsTheBodyNotTheWire) {
  EXPECT_EQ(decode("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", 1, 5).state, State::kDone);
  EXPECT_EQ(decode("3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n", 1, 5).state, State::kTooLarge);
  EXPECT_EQ(decode("6\r\n", 1, 5).state, State::kTooLarge);
  // Known before its data has arrived.
  EXPECT_EQ(decode("6", 1, 5).state, State::kTooLarge);
}

TEST(ChunkedDecoder, WaitsForTheLastByte) {
  const std::string wire = "1\r\na\r\n0\r\n\r\n";
  for (std::size_t size = 0; size < wire.size(); ++size)
    EXPECT_EQ(decode(std::string_view(wire).substr(0, size), 1).state, State::kMore) << size;
}

}  // namespace
}  // namespace tollgate
