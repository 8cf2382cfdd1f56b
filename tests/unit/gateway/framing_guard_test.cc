#include "gateway/framing_guard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/gateway/hostile_requests.h"

namespace tollgate {
namespace {

using testing::AnyOf;

// What a session does with the first bytes of a connection; 0: the request is believed.
unsigned status_of(const std::string& bytes, Framing& framing) {
  const HeadLimits limits;
  const HeadEnd end = find_head_end(bytes, 0);
  if (end.bad)
    return 400;
  if (end.size == 0 || end.size > limits.bytes)
    return 431;
  const auto refusal = inspect_head(std::string_view(bytes).substr(0, end.size), limits, framing);
  return refusal ? refusal->status : 0;
}

TEST(FramingGuard, RefusesWhatTwoServersMightReadInTwoWays) {
  const auto rows = hostile_heads();
  EXPECT_GE(rows.size(), 150u);
  for (const HostileRequest& row : rows) {
    Framing framing;
    EXPECT_EQ(status_of(row.bytes, framing), row.status) << row.name;
  }
}

TEST(FramingGuard, EveryRefusalSaysWhy) {
  for (const HostileRequest& row : hostile_heads()) {
    const HeadEnd end = find_head_end(row.bytes, 0);
    if (end.size == 0)
      continue;
    Framing framing;
    const auto refusal = inspect_head(std::string_view(row.bytes).substr(0, end.size), HeadLimits(), framing);
    ASSERT_TRUE(refusal) << row.name;
    EXPECT_GT(refusal->message.size(), 20u) << row.name;
  }
}

struct Accepted {
  std::string bytes;
  Framing framing;
};

TEST(FramingGuard, BelievesOrdinaryRequests) {
  const std::string post = "POST /v1/messages?beta=true HTTP/1.1\r\n";
  const std::string host = "Host: localhost:8787\r\n";
  const std::vector<Accepted> rows = {
      {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", {.method = Method::kGet}},
      {"GET / HTTP/1.1\r\nHost: [::1]:8787\r\n\r\n", {.method = Method::kGet}},
      {"GET / HTTP/1.1\r\nHOST:a\r\n\r\n", {.method = Method::kGet}},
      {"HEAD /api/hello HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n", {.method = Method::kHead}},
      {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", {.method = Method::kGet}},
      {"GET /v1/models/a%2Fb HTTP/1.1\r\nHost: a\r\n\r\n", {.method = Method::kGet}},
      {"GET / HTTP/1.0\r\n\r\n", {.method = Method::kGet, .http_1_0 = true, .keep_alive = false}},
      {"POST / HTTP/1.0\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n",
       {.method = Method::kPost, .http_1_0 = true, .keep_alive = false, .content_length = 2}},
      {"OPTIONS /v1/models HTTP/1.1\r\nHost: a\r\n\r\n", {.method = Method::kOptions}},
      {"DELETE /v1/messages HTTP/1.1\r\nHost: a\r\n\r\n", {.method = Method::kDelete}},
      {post + host + "Content-Length: 33554433\r\n\r\n", {.method = Method::kPost, .content_length = 33554433}},
      {post + host + "Content-Length: \t 5 \t \r\n\r\n", {.method = Method::kPost, .content_length = 5}},
      {post + host + "Content-Length: 005\r\n\r\n", {.method = Method::kPost, .content_length = 5}},
      {post + host + "transfer-encoding: CHUNKED\r\n\r\n", {.method = Method::kPost, .chunked = true}},
      {post + host + "\r\n", {.method = Method::kPost}},
      {post + host + "Expect: 100-Continue\r\nContent-Length: 1\r\n\r\n",
       {.method = Method::kPost, .expect_continue = true, .content_length = 1}},
      {post + host + "Connection: Close\r\n\r\n", {.method = Method::kPost, .keep_alive = false}},
      {post + host + "Connection: keep-alive, x-hop , close\r\n\r\n", {.method = Method::kPost, .keep_alive = false}},
      {post + host + "X-Name: J\xc3\xb6rg\t \"x\"\r\nx-empty:\r\n\r\n", {.method = Method::kPost}},
      {post + host + "x-api-key: a\r\nAuthorization: Bearer b\r\nTE: trailers\r\nTrailer: x\r\n\r\n",
       {.method = Method::kPost}},
  };
  for (const Accepted& row : rows) {
    Framing framing;
    ASSERT_EQ(status_of(row.bytes, framing), 0u) << row.bytes;
    EXPECT_EQ(framing.method, row.framing.method) << row.bytes;
    EXPECT_EQ(framing.http_1_0, row.framing.http_1_0) << row.bytes;
    EXPECT_EQ(framing.keep_alive, row.framing.keep_alive) << row.bytes;
    EXPECT_EQ(framing.expect_continue, row.framing.expect_continue) << row.bytes;
    EXPECT_EQ(framing.chunked, row.framing.chunked) << row.bytes;
    EXPECT_EQ(framing.content_length, row.framing.content_length) << row.bytes;
  }
}

TEST(FramingGuard, CountsHeadersUpToTheLimit) {
  std::string head = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (int i = 0; i < 99; ++i)
    head += "X-A: b\r\n";
  Framing framing;
  EXPECT_FALSE(inspect_head(head + "\r\n", HeadLimits(), framing));
  EXPECT_EQ(inspect_head(head + "X-A: b\r\n\r\n", HeadLimits(), framing)->status, 431u);
}

TEST(FramingGuard, FindsTheEndOfAHeadThatComesByteByByte) {
  const std::string head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::string more = head + "GET /next HTTP/1.1\r\n\r\n";
  for (std::size_t scanned = 0; scanned < head.size(); ++scanned) {
    EXPECT_EQ(find_head_end(std::string_view(more).substr(0, scanned), 0).size, 0u);
    EXPECT_FALSE(find_head_end(std::string_view(more).substr(0, scanned), 0).bad);
    EXPECT_EQ(find_head_end(more, scanned).size, head.size()) << scanned;
  }
}

TEST(FramingGuard, SurvivesAnyCutAndAnyByte) {
  const std::string head = "POST /v1/messages HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nConnection: close\r\n\r\n";
  for (std::size_t i = 0; i < head.size(); ++i) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string bytes = head;
      bytes[i] = static_cast<char>(byte);
      Framing framing;
      EXPECT_THAT(status_of(bytes, framing), AnyOf(0u, 400u, 417u, 431u, 501u, 505u));
      inspect_head(std::string_view(bytes).substr(0, i), HeadLimits(), framing);
    }
  }
}

}  // namespace
}  // namespace tollgate
