#include "gateway/forwarding.h"

#include <gtest/gtest.h>

namespace tollgate {
namespace {

std::string forwarded(std::vector<HeaderField> fields) {
  RequestHead head;
  head.fields = std::move(fields);
  HeaderList list;
  forward_request_headers(head, list);
  std::string shown;
  for (const v1::Header& header : list)
    shown += header.name() + ": " + header.value() + "\n";
  return shown;
}

std::string returned(const std::vector<std::pair<std::string, std::string>>& headers) {
  HeaderList list;
  for (const auto& [name, value] : headers) {
    v1::Header* header = list.Add();
    header->set_name(name);
    header->set_value(value);
  }
  std::string out;
  append_response_headers(list, out);
  return out;
}

TEST(Forwarding, EndToEndRequestHeadersPassAsTheyCame) {
  EXPECT_EQ(forwarded({{"User-Agent", "claude-cli/2.1.330"},
                       {"anthropic-beta", "a,b"},
                       {"Anthropic-Version", "2026-10-21"},
                       {"X-Stainless-Retry-Count", "0"},
                       {"X-Claude-Code-Session-Id", "id"},
                       {"Content-Type", "application/json"},
                       {"x-unknown-header", "J\xc3\xb6rg"},
                       {"x-unknown-header", "again"}}),
            "User-Agent: claude-cli/2.1.330\nanthropic-beta: a,b\nAnthropic-Version: 2026-10-21\n"
            "X-Stainless-Retry-Count: 0\nX-Claude-Code-Session-Id: id\nContent-Type: application/json\n"
            "x-unknown-header: J\xc3\xb6rg\nx-unknown-header: again\n");
}

TEST(Forwarding, WhatIsOursOrSecretStays) {
  EXPECT_EQ(forwarded({{"Host", "a"},
                       {"Content-Length", "2"},
                       {"Transfer-Encoding", "chunked"},
                       {"Connection", "keep-alive, X-Hop"},
                       {"x-hop", "1"},
                       {"Keep-Alive", "timeout=5"},
                       {"TE", "trailers"},
                       {"Trailer", "x"},
                       {"Proxy-Authorization", "Basic x"},
                       {"Proxy-Connection", "close"},
                       {"Expect", "100-continue"},
                       {"Accept-Encoding", "gzip, br"},
                       {"X-API-Key", "sk-tg-v1-a"},
                       {"AUTHORIZATION", "Bearer sk-tg-v1-a"},
                       {"Cookie", "a=b"},
                       {"Forwarded", "for=1.2.3.4"},
                       {"X-Forwarded-For", "1.2.3.4"},
                       {"x-forwarded-proto", "https"},
                       {"X-Real-IP", "1.2.3.4"},
                       {"Via", "1.1 a"}}),
            "");
}

TEST(Forwarding, ResponseHeaders) {
  EXPECT_EQ(
      returned({{"content-type", "text/event-stream; charset=utf-8"},
                {"request-id", "req_1"},
                {"anthropic-ratelimit-requests-remaining", "9"},
                {"retry-after", "2"},
                {"content-encoding", "gzip"},
                {"X-Anything", "a"}}),
      "content-type: text/event-stream; charset=utf-8\r\nrequest-id: req_1\r\n"
      "anthropic-ratelimit-requests-remaining: 9\r\nretry-after: 2\r\ncontent-encoding: gzip\r\nX-Anything: a\r\n");
  EXPECT_EQ(returned({{"Connection", "keep-alive, x-hop"},
                      {"x-hop", "a"},
                      {"Keep-Alive", "a"},
                      {"transfer-encoding", "chunked"},
                      {"Content-Length", "5"},
                      {"Set-Cookie", "a=b"},
                      {"Server", "cloudflare"},
                      {"Date", "now"},
                      {"alt-svc", "h3=\":443\""},
                      {"strict-transport-security", "max-age=1"}}),
            "");
}

TEST(Forwarding, NothingBreaksOutOfAHeader) {
  EXPECT_EQ(returned({{"x-a", "b\r\nset-cookie: c=d"},
                      {"x-b", "b\nc"},
                      {"x-c", std::string("b\0c", 3)},
                      {"x-d\r\nx-e", "b"},
                      {"", "b"},
                      {"x f", "b"},
                      {"x-good", "b\tc"}}),
            "x-good: b\tc\r\n");
}

}  // namespace
}  // namespace tollgate
