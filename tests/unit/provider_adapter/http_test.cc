// The parts of the HTTP client that need no socket: URLs, edited bodies, headers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/provider_adapter/anthropic/direct_route.h"
#include "services/provider_adapter/anthropic/headers.h"
#include "services/provider_adapter/http/body.h"
#include "services/provider_adapter/http/url.h"

namespace tollgate::upstream {
namespace {

TEST(Url, Good) {
  struct Case {
    std::string text;
    bool tls;
    std::string host, port, prefix, authority;
  };
  const std::vector<Case> cases = {
      {"https://api.anthropic.com", true, "api.anthropic.com", "443", "", "api.anthropic.com"},
      {"https://api.anthropic.com/", true, "api.anthropic.com", "443", "", "api.anthropic.com"},
      {"https://openrouter.ai/api", true, "openrouter.ai", "443", "/api", "openrouter.ai"},
      {"https://h:443/a/b//", true, "h", "443", "/a/b", "h"},
      {"https://h:8443", true, "h", "8443", "", "h:8443"},
      {"http://localhost:11434", false, "localhost", "11434", "", "localhost:11434"},
      {"http://h:80", false, "h", "80", "", "h"},
      {"http://h:443", false, "h", "443", "", "h:443"},
      {"http://127.0.0.1:1", false, "127.0.0.1", "1", "", "127.0.0.1:1"},
      {"http://[::1]:8080/x", false, "::1", "8080", "/x", "[::1]:8080"},
      {"https://[::1]", true, "::1", "443", "", "[::1]"},
  };
  for (const Case& c : cases) {
    const auto url = parse_url(c.text);
    ASSERT_TRUE(url.ok()) << c.text << url.status();
    EXPECT_EQ(url->tls, c.tls) << c.text;
    EXPECT_EQ(url->host, c.host) << c.text;
    EXPECT_EQ(url->port, c.port) << c.text;
    EXPECT_EQ(url->prefix, c.prefix) << c.text;
    EXPECT_EQ(url->authority(), c.authority) << c.text;
  }
}

TEST(Url, Bad) {
  for (const char* text : {"",
                           "api.anthropic.com",
                           "ftp://h",
                           "https://",
                           "https:///x",
                           "https://:443",
                           "https://h:",
                           "https://h:0",
                           "https://h:65536",
                           "https://h:1x",
                           "https://h:-1",
                           "https://u:p@h",
                           "https://h/a?b",
                           "https://h/#f",
                           "https://h /x",
                           "https://h\r\nx: y",
                           "https://[::1",
                           "https://[::1]x",
                           "https://[]",
                           "HTTPS://h",
                           "https://h\\x",
                           "https://h\xc3\xa4"}) {
    EXPECT_FALSE(parse_url(text).ok()) << text;
  }
  EXPECT_EQ(parse_url("https://u:hunter2@h").status().message().find("hunter2"), absl::string_view::npos);
}

struct Change {
  std::uint64_t offset;
  std::uint64_t length;
  std::string replacement;
};

google::protobuf::RepeatedPtrField<v1::Edit> edits(const std::vector<Change>& changes) {
  google::protobuf::RepeatedPtrField<v1::Edit> result;
  for (const Change& change : changes) {
    v1::Edit& edit = *result.Add();
    edit.set_offset(change.offset);
    edit.set_length(change.length);
    edit.set_replacement(change.replacement);
  }
  return result;
}

TEST(Body, Splice) {
  struct Case {
    std::vector<Change> changes;
    std::string result;
    std::size_t pieces;
  };
  const std::string body = "0123456789";
  const std::vector<Case> cases = {
      {{}, "0123456789", 1},
      {{{0, 0, ""}}, "0123456789", 1},
      {{{2, 3, "abc"}}, "01abc56789", 3},
      {{{0, 1, "X"}, {9, 1, "Y"}}, "X12345678Y", 3},
      {{{0, 10, ""}}, "", 0},
      {{{10, 0, "end"}}, "0123456789end", 2},
      {{{3, 0, "in"}, {3, 2, ""}}, "012in56789", 3},
      {{{1, 2, ""}, {3, 2, "z"}}, "0z56789", 3},
  };
  for (const Case& c : cases) {
    const auto changes = edits(c.changes);
    const auto spliced = splice(body, changes);
    ASSERT_TRUE(spliced.ok()) << c.result;
    std::string joined;
    for (std::string_view piece : spliced->pieces)
      joined += piece;
    EXPECT_EQ(joined, c.result);
    EXPECT_EQ(spliced->size, c.result.size());
    EXPECT_EQ(spliced->pieces.size(), c.pieces) << c.result;
  }
}

TEST(Body, BadEdits) {
  for (const auto& changes : std::vector<std::vector<Change>>{
           {{11, 0, ""}},
           {{10, 1, ""}},
           {{5, 2, ""}, {6, 1, ""}},
           {{5, 2, ""}, {3, 1, ""}},
           {{1, ~0ull, ""}},
           {{~0ull, 1, ""}},
       }) {
    const auto list = edits(changes);
    EXPECT_FALSE(splice("0123456789", list).ok());
  }
}

}  // namespace
}  // namespace tollgate::upstream

namespace tollgate::anthropic {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

google::protobuf::RepeatedPtrField<v1::Header> headers(const std::vector<std::pair<std::string, std::string>>& list) {
  google::protobuf::RepeatedPtrField<v1::Header> result;
  for (const auto& [name, value] : list) {
    v1::Header& header = *result.Add();
    header.set_name(name);
    header.set_value(value);
  }
  return result;
}

std::string head_of(const std::vector<std::pair<std::string, std::string>>& list, const std::string& auth = "x-api-key",
                    std::string_view url = "https://h/p") {
  UpstreamConfig config;
  config.api_key = "secret";
  config.auth = auth;
  const auto parsed = upstream::parse_url(url);
  const auto fields = headers(list);
  const Target target = direct_target(Call::kMessages, config, *parsed, fields);
  const auto head = request_head(target, *parsed, fields, 12);
  return head.ok() ? *head : std::string(head.status().message());
}

TEST(RequestHead, Exact) {
  EXPECT_EQ(head_of({{"User-Agent", "claude-cli/2"},
                     {"anthropic-version", "2026-10-21"},
                     {"X-New", "1"},
                     {"content-type", "application/json; charset=utf-8"}}),
            "POST /p/v1/messages HTTP/1.1\r\nhost: h\r\nUser-Agent: claude-cli/2\r\nanthropic-version: 2026-10-21\r\n"
            "X-New: 1\r\ncontent-type: application/json; charset=utf-8\r\naccept-encoding: identity\r\n"
            "x-api-key: secret\r\ncontent-length: 12\r\n\r\n");
  EXPECT_EQ(head_of({}, "bearer", "http://h:8080"),
            "POST /v1/messages HTTP/1.1\r\nhost: h:8080\r\nanthropic-version: 2023-06-01\r\n"
            "accept-encoding: identity\r\nauthorization: Bearer secret\r\ncontent-type: application/json\r\n"
            "content-length: 12\r\n\r\n");
}

TEST(RequestHead, BetaAddsTheQuery) {
  const std::string head = head_of({{"Anthropic-Beta", "a,b"}, {"anthropic-beta", "c"}});
  EXPECT_THAT(head, HasSubstr("POST /p/v1/messages?beta=true HTTP/1.1\r\n"));
  EXPECT_THAT(head, HasSubstr("Anthropic-Beta: a,b\r\nanthropic-beta: c\r\n"));
}

TEST(RequestHead, DropsWhatIsNotEndToEnd) {
  const std::string head = head_of({{"Host", "evil"},
                                    {"Content-Length", "999"},
                                    {"Transfer-Encoding", "chunked"},
                                    {"Connection", "close, X-Private"},
                                    {"X-Private", "drop"},
                                    {"Keep-Alive", "drop"},
                                    {"TE", "drop"},
                                    {"Trailer", "drop"},
                                    {"Upgrade", "drop"},
                                    {"Proxy-Authorization", "drop"},
                                    {"Expect", "100-continue"},
                                    {"X-Api-Key", "sk-tg-v1-drop"},
                                    {"Authorization", "Bearer sk-tg-v1-drop"},
                                    {"Cookie", "drop"},
                                    {"Accept-Encoding", "gzip"},
                                    {"X-Forwarded-For", "drop"},
                                    {"x-forwarded-proto", "drop"},
                                    {"X-Real-IP", "drop"},
                                    {"Via", "drop"},
                                    {"Forwarded", "drop"},
                                    {"X-Kept", "1"}});
  EXPECT_EQ(head,
            "POST /p/v1/messages HTTP/1.1\r\nhost: h\r\nX-Kept: 1\r\nanthropic-version: 2023-06-01\r\n"
            "accept-encoding: identity\r\nx-api-key: secret\r\ncontent-type: application/json\r\n"
            "content-length: 12\r\n\r\n");
}

TEST(RequestHead, RefusesHeadersThatWouldBeMore) {
  for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{
           {"x-a", "b\r\nx-api-key: stolen"},
           {"x-a", "b\nc"},
           {"x-a", std::string("b\0c", 3)},
           {"x-a: b\r\nx-c", "d"},
           {"x a", "b"},
           {"", "b"},
           {"x-a\x7f", "b"},
       }) {
    EXPECT_THAT(head_of({{name, value}}), HasSubstr("is not valid in HTTP")) << name;
  }
  EXPECT_THAT(head_of({{"x-a", "\xc3\xa4\tb"}}), HasSubstr("x-a: \xc3\xa4\tb\r\n"));
}

TEST(ResponseHeaders, EndToEndInTheirOrder) {
  boost::beast::http::fields fields;
  for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{
           {"Date", "d"},
           {"Content-Type", "text/event-stream"},
           {"request-id", "req_1"},
           {"Transfer-Encoding", "chunked"},
           {"Connection", "keep-alive, X-Hop"},
           {"X-Hop", "1"},
           {"Server", "cloudflare"},
           {"Set-Cookie", "c=1"},
           {"anthropic-ratelimit-requests-limit", "5"},
           {"retry-after", "3"},
           {"x-novel", "a"},
           {"x-novel", "b"},
           {"Content-Length", "3"},
           {"strict-transport-security", "max-age=1"},
           {"x-should-retry", "true"},
       }) {
    fields.insert(name, value);
  }
  google::protobuf::RepeatedPtrField<v1::Header> out;
  copy_response_headers(fields, out);
  std::string joined;
  for (const v1::Header& header : out)
    joined += header.name() + "=" + header.value() + ";";
  EXPECT_EQ(joined,
            "Content-Type=text/event-stream;request-id=req_1;anthropic-ratelimit-requests-limit=5;retry-after=3;"
            "x-novel=a;x-novel=b;x-should-retry=true;");
}

}  // namespace
}  // namespace tollgate::anthropic
