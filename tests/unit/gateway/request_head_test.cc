#include "gateway/request_head.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/framing_guard.h"
#include "tests/unit/gateway/hostile_requests.h"

namespace tollgate {
namespace {

TEST(RequestHead, KeepsFieldsAsWritten) {
  RequestHead head;
  ASSERT_TRUE(
      parse_head("POST /v1/messages?beta=true HTTP/1.1\r\nHost: a\r\nX-App:  cli \r\nanthropic-beta: a,b\r\n"
                 "anthropic-beta: c\r\nx-empty:\r\nTransfer-Encoding: chunked\r\n\r\n",
                 head));
  EXPECT_EQ(head.target, "/v1/messages?beta=true");
  std::string shown;
  for (const HeaderField& field : head.fields)
    shown += std::string(field.name) + "=" + std::string(field.value) + ";";
  EXPECT_EQ(shown, "Host=a;X-App=cli;anthropic-beta=a,b;anthropic-beta=c;x-empty=;Transfer-Encoding=chunked;");
  EXPECT_EQ(head.find("x-app"), "cli");
  EXPECT_EQ(head.find("ANTHROPIC-BETA"), "a,b");
  EXPECT_EQ(head.find("missing"), "");
}

TEST(RequestHead, TakesHeadsAsLargeAsTheGuardDoes) {
  const std::string value(30'000, 'a');
  const std::string bytes = "GET / HTTP/1.1\r\nHost: a\r\nX-A: " + value + "\r\n\r\n";
  RequestHead head;
  ASSERT_TRUE(parse_head(bytes, head));
  EXPECT_EQ(head.find("x-a"), value);
}

TEST(RequestHead, ParsesAgainFromTheBegin) {
  RequestHead head;
  ASSERT_TRUE(parse_head("GET /a HTTP/1.1\r\nHost: a\r\n\r\n", head));
  ASSERT_TRUE(parse_head("GET /b HTTP/1.1\r\nHost: b\r\nContent-Length: 0\r\n\r\n", head));
  EXPECT_EQ(head.target, "/b");
  EXPECT_EQ(head.fields.size(), 2u);
}

// Beast as it is here would take some of these: the reason for the guard.
TEST(RequestHead, TheGuardIsStricterThanTheParser) {
  int taken = 0;
  for (const HostileRequest& row : hostile_heads()) {
    const HeadEnd end = find_head_end(row.bytes, 0);
    RequestHead head;
    if (end.size > 0 && parse_head(std::string_view(row.bytes).substr(0, end.size), head))
      ++taken;
  }
  EXPECT_GT(taken, 10);
}

}  // namespace
}  // namespace tollgate
