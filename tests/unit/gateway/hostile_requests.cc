#include "tests/unit/gateway/hostile_requests.h"

namespace tollgate {
namespace {

using Rows = std::vector<HostileRequest>;

const std::string kLine = "POST /v1/messages HTTP/1.1\r\n";
const std::string kHost = "Host: gateway\r\n";
const std::string kKey = "x-api-key: sk-tg-v1-first\r\n";

// A good head with other header lines in it, and a body that is itself the begin of a request.
std::string post(const std::string& lines, const std::string& body = "0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n") {
  return kLine + kHost + kKey + lines + "\r\n" + body;
}

std::string zero(const std::string& before, const std::string& after) {
  return before + std::string(1, '\0') + after;
}

void add_transfer_encodings(Rows& rows) {
  const std::vector<std::string> values = {"xchunked",
                                           "chunked, identity",
                                           "chunked, chunked",
                                           "",
                                           "identity",
                                           "gzip",
                                           "gzip, chunked",
                                           "chunked, gzip",
                                           "chunked,",
                                           ",chunked",
                                           "chunked;a=b",
                                           "\"chunked\"",
                                           "chunk ed",
                                           "chunked chunked",
                                           "x",
                                           "deflate",
                                           "chunked\xa0",
                                           "'chunked'",
                                           "chunke\xc4\x8f"};
  for (const std::string& value : values) {
    rows.push_back({"transfer-encoding <" + value + ">", post("Transfer-Encoding: " + value + "\r\n"), 400});
    rows.push_back({"transfer-encoding <" + value + "> and content-length",
                    post("Transfer-Encoding: " + value + "\r\nContent-Length: 5\r\n"), 400});
  }
  const std::string te = "Transfer-Encoding: chunked\r\n";
  rows.push_back({"chunked before content-length", post(te + "Content-Length: 5\r\n"), 400});
  rows.push_back({"content-length before chunked", post("Content-Length: 5\r\n" + te), 400});
  rows.push_back({"chunked and content-length 0", post(te + "Content-Length: 0\r\n"), 400});
  rows.push_back({"chunked twice", post(te + te), 400});
  rows.push_back({"chunked, then gzip on its own line", post(te + "Transfer-Encoding: gzip\r\n"), 400});
  rows.push_back({"gzip, then chunked on its own line", post("Transfer-Encoding: gzip\r\n" + te), 400});
  rows.push_back({"chunked with a folded value", post("Transfer-Encoding:\r\n chunked\r\n"), 400});
  rows.push_back({"chunked folded behind", post("Transfer-Encoding: chunked\r\n , identity\r\n"), 400});
  rows.push_back({"vertical tab before chunked", post("Transfer-Encoding: \vchunked\r\n"), 400});
  rows.push_back({"form feed behind chunked", post("Transfer-Encoding: chunked\f\r\n"), 400});
  rows.push_back({"NUL in chunked", post(zero("Transfer-Encoding: chunked", "\r\n")), 400});
  rows.push_back({"blank before the colon of transfer-encoding", post("Transfer-Encoding : chunked\r\n"), 400});
  rows.push_back({"tab before the colon of transfer-encoding", post("Transfer-Encoding\t: chunked\r\n"), 400});
  rows.push_back({"blank before transfer-encoding", post(" Transfer-Encoding: chunked\r\n"), 400});
  rows.push_back({"underscore in transfer_encoding", post("Transfer_Encoding: chunked\r\n"), 400});
  rows.push_back({"transfer-encoding behind a bare LF", post("X-A: b\nTransfer-Encoding: chunked\r\n"), 400});
  rows.push_back({"transfer-encoding behind a bare CR", post("X-A: b\rTransfer-Encoding: chunked\r\n"), 400});
  rows.push_back(
      {"transfer-encoding in HTTP/1.0", "POST /v1/messages HTTP/1.0\r\n" + kHost + kKey + te + "\r\n0\r\n\r\n", 400});
}

void add_content_lengths(Rows& rows) {
  const std::vector<std::string> values = {"",
                                           "+1",
                                           "-1",
                                           "0x1",
                                           "1,1",
                                           "1, 1",
                                           "1 1",
                                           "1e1",
                                           "1.0",
                                           "1;",
                                           "a",
                                           "\"1\"",
                                           "18446744073709551617",
                                           "99999999999999999999999999",
                                           "1\xa0",
                                           "\xef\xbc\x91",
                                           "0 0",
                                           ",1",
                                           "1,"};
  for (const std::string& value : values)
    rows.push_back({"content-length <" + value + ">", post("Content-Length: " + value + "\r\n"), 400});
  rows.push_back({"two equal content-lengths", post("Content-Length: 5\r\nContent-Length: 5\r\n"), 400});
  rows.push_back({"two different content-lengths", post("Content-Length: 0\r\nContent-Length: 5\r\n"), 400});
  rows.push_back({"content-length in other letters twice", post("content-length: 5\r\nCONTENT-LENGTH: 5\r\n"), 400});
  rows.push_back({"blank before the colon of content-length", post("Content-Length : 5\r\n"), 400});
  rows.push_back({"content-length with an underscore", post("Content_Length: 5\r\n"), 400});
  rows.push_back({"folded content-length", post("Content-Length:\r\n 5\r\n"), 400});
  rows.push_back({"vertical tab in content-length", post("Content-Length: \v5\r\n"), 400});
}

void add_hosts(Rows& rows) {
  const std::string end = kKey + "Content-Length: 2\r\n\r\n{}";
  rows.push_back({"no host", kLine + end, 400});
  rows.push_back({"two hosts", kLine + kHost + kHost + end, 400});
  rows.push_back({"two different hosts", kLine + kHost + "Host: other\r\n" + end, 400});
  for (const std::string value : {"", "a,b", "a b", "http://a", "a/b", "user@a", "a\\b", "a?b", "a\xc3\xa4", "a:80, b"})
    rows.push_back({"host <" + value + ">", kLine + "Host: " + value + "\r\n" + end, 400});
}

void add_duplicates(Rows& rows) {
  const std::string end = "Content-Length: 2\r\n";
  rows.push_back({"two x-api-key", post("X-Api-Key: sk-tg-v1-second\r\n" + end, "{}"), 400});
  rows.push_back({"two equal x-api-key", post(kKey + end, "{}"), 400});
  rows.push_back(
      {"two authorization", post("Authorization: Bearer a\r\nauthorization: Bearer b\r\n" + end, "{}"), 400});
  rows.push_back({"two content-type", post("Content-Type: a/b\r\nContent-Type: a/b\r\n" + end, "{}"), 400});
  rows.push_back(
      {"two anthropic-version", post("anthropic-version: 2023-06-01\r\nAnthropic-Version: x\r\n" + end, "{}"), 400});
  rows.push_back({"two expect", post("Expect: 100-continue\r\nExpect: 100-continue\r\n" + end, "{}"), 400});
}

void add_request_lines(Rows& rows) {
  const std::string end = kHost + kKey + "Content-Length: 2\r\n\r\n{}";
  const std::vector<std::pair<std::string, unsigned>> lines = {
      {"POST http://gateway/v1/messages HTTP/1.1", 400},
      {"POST https://other/v1/messages HTTP/1.1", 400},
      {"POST //v1/messages\x7f HTTP/1.1", 400},
      {"POST gateway:80 HTTP/1.1", 400},
      {"POST * HTTP/1.1", 400},
      {"OPTIONS * HTTP/1.1", 400},
      {"POST v1/messages HTTP/1.1", 400},
      {"POST /v1/m\xc3\xa4ssages HTTP/1.1", 400},
      {"POST /v1/messages#a HTTP/1.1", 400},
      {"POST /v1/messages\t HTTP/1.1", 400},
      {"POST /v1/messages /v1/models HTTP/1.1", 400},
      {"POST  /v1/messages HTTP/1.1", 400},
      {"POST /v1/messages  HTTP/1.1", 400},
      {"POST /v1/messages", 400},
      {"POST /v1/messages ", 400},
      {"POST", 400},
      {" POST /v1/messages HTTP/1.1", 400},
      {"\tPOST /v1/messages HTTP/1.1", 400},
      {"\r\nPOST /v1/messages HTTP/1.1", 400},
      {"POST\t/v1/messages\tHTTP/1.1", 400},
      {"PO(ST /v1/messages HTTP/1.1", 400},
      {"POST /v1/messages HTTP/1.1 ", 400},
      {"POST /v1/messages HTTP/1", 400},
      {"POST /v1/messages HTTP/1.10", 400},
      {"POST /v1/messages HTTP/11", 400},
      {"POST /v1/messages http/1.1", 400},
      {"POST /v1/messages HTTPS/1.1", 400},
      {"POST /v1/messages HTTP/1.2", 505},
      {"POST /v1/messages HTTP/0.9", 505},
      {"POST /v1/messages HTTP/2.0", 505},
      {"PRI * HTTP/2.0", 505},
      {"post /v1/messages HTTP/1.1", 501},
      {"Post /v1/messages HTTP/1.1", 501},
      {"CONNECT gateway:443 HTTP/1.1", 501},
      {"TRACE /v1/messages HTTP/1.1", 501},
      {"PROPFIND /v1/messages HTTP/1.1", 501},
      {"POSTX /v1/messages HTTP/1.1", 501},
  };
  for (const auto& [line, status] : lines)
    rows.push_back({"request line <" + line + ">", line + "\r\n" + end, status});
  rows.push_back({"bare LF behind the request line", "POST /v1/messages HTTP/1.1\n" + end, 400});
  rows.push_back({"only bare LFs", "POST /v1/messages HTTP/1.1\nHost: gateway\n\n", 400});
  rows.push_back({"NUL in the target", zero("POST /v1/messages", " HTTP/1.1\r\n") + end, 400});
  rows.push_back({"TLS on a plain port", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11), 400});
}

void add_lines(Rows& rows) {
  const std::string end = "Content-Length: 2\r\n";
  const std::vector<std::string> lines = {
      "X-A",        ": value",        "X A: b",         "X-A : b",       "X\xc3\xa4: b",
      "X-A\x7f: b", "X_A: b",         "X-A: b\r\n c",   "X-A: b\r\n\tc", "(a): b",
      "X-A: b\x01", "X-A: b\rX-B: c", "X-A: b\nX-B: c", "X-A: b\r\r",    "x-api_key: sk-tg-v1-b",
      "[a]: b",     "\"a\": b",       "a/b: c",         "a@b: c",        "a=b: c"};
  for (const std::string& line : lines)
    rows.push_back({"header line <" + line + ">", post(line + "\r\n" + end, "{}"), 400});
  rows.push_back({"NUL in a value", post(zero("X-A: b", "c\r\n") + end, "{}"), 400});
  rows.push_back({"NUL in a name", post(zero("X-", "A: c\r\n") + end, "{}"), 400});
  rows.push_back({"fold behind the request line", kLine + " X-A: b\r\n" + kHost + end + "\r\n{}", 400});
  std::string many;
  for (int i = 0; i < 101; ++i)
    many += "X-A: b\r\n";
  rows.push_back({"too many headers", post(many + end, "{}"), 431});
  rows.push_back({"too large headers", post("X-A: " + std::string(40'000, 'a') + "\r\n" + end, "{}"), 431});
}

void add_options(Rows& rows) {
  const std::string end = "Content-Length: 2\r\n";
  for (const std::string name :
       {"Content-Length", "transfer-encoding", "Host", "X-Api-Key", "authorization", "Expect", "content-type",
        "anthropic-version", "anthropic-beta", "close, x-api-key", "Upgrade"}) {
    rows.push_back({"connection: " + name, post("Connection: " + name + "\r\n" + end, "{}"), 400});
    rows.push_back({"proxy-connection: " + name, post("Proxy-Connection: " + name + "\r\n" + end, "{}"), 400});
  }
  rows.push_back({"upgrade", post("Upgrade: websocket\r\n" + end, "{}"), 400});
  rows.push_back(
      {"h2c", post("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n" + end, "{}"), 400});
  rows.push_back({"unknown expectation", post("Expect: 200-ok\r\n" + end, "{}"), 417});
  rows.push_back({"empty expectation", post("Expect:\r\n" + end, "{}"), 417});
  for (const std::string method : {"GET", "HEAD", "OPTIONS"}) {
    const std::string head = method + " /v1/models HTTP/1.1\r\n" + kHost + kKey;
    rows.push_back({"body on " + method, head + "Content-Length: 5\r\n\r\nhello", 400});
    rows.push_back({"chunked body on " + method, head + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400});
  }
}

}  // namespace

std::vector<HostileRequest> hostile_heads() {
  Rows rows;
  add_transfer_encodings(rows);
  add_content_lengths(rows);
  add_hosts(rows);
  add_duplicates(rows);
  add_request_lines(rows);
  add_lines(rows);
  add_options(rows);
  return rows;
}

std::vector<HostileRequest> hostile_chunks() {
  const std::string long_extension(257, 'a');
  std::string many_extensions;
  for (int i = 0; i < 100; ++i)
    many_extensions += "1;" + std::string(250, 'a') + "\r\nx\r\n";
  return {
      {"bare LF behind the size", "2\n{}\r\n0\r\n\r\n", 400},
      {"bare LF behind the data", "2\r\n{}\n0\r\n\r\n", 400},
      {"bare LF at the end", "2\r\n{}\r\n0\r\n\n", 400},
      {"bare CR behind the size", "2\r{}\r\n0\r\n\r\n", 400},
      {"data longer than its size", "1\r\n{}\r\n0\r\n\r\n", 400},
      {"data shorter than its size", "3\r\n{}\r\n0\r\n\r\n", 400},
      {"no size", "\r\n{}\r\n0\r\n\r\n", 400},
      {"size with a sign", "+2\r\n{}\r\n0\r\n\r\n", 400},
      {"negative size", "-2\r\n{}\r\n0\r\n\r\n", 400},
      {"size with 0x", "0x2\r\n{}\r\n0\r\n\r\n", 400},
      {"size with a blank before", " 2\r\n{}\r\n0\r\n\r\n", 400},
      {"size with a blank behind", "2 \r\n{}\r\n0\r\n\r\n", 400},
      {"size with an underscore", "0_2\r\n{}\r\n0\r\n\r\n", 400},
      {"size of many zeros", "0000000000000002\r\n{}\r\n0\r\n\r\n", 400},
      {"size of 2^64 + 2", "10000000000000002\r\n{}\r\n0\r\n\r\n", 413},
      {"size of 2^60", "fffffffffffffff\r\n{}\r\n0\r\n\r\n", 413},
      {"too long extension", "2;" + long_extension + "\r\n{}\r\n0\r\n\r\n", 400},
      {"too many extensions", many_extensions, 400},
      {"control character in an extension", "2;a\x01\r\n{}\r\n0\r\n\r\n", 400},
      {"bare LF in an extension", "2;a\nb\r\n{}\r\n0\r\n\r\n", 400},
      {"trailer", "2\r\n{}\r\n0\r\nX-A: b\r\n\r\n", 400},
      {"trailer with a key", "2\r\n{}\r\n0\r\nx-api-key: sk-tg-v1-other\r\n\r\n", 400},
      {"trailer with a length", "2\r\n{}\r\n0\r\nContent-Length: 5\r\n\r\n", 400},
      {"garbage for an end", "2\r\n{}\r\n0\r\nGET / HTTP/1.1\r\n\r\n", 400},
  };
}

std::vector<HostileRequest> hostile_chunked_bodies() {
  Rows rows = hostile_chunks();
  for (HostileRequest& row : rows)
    row.bytes = post("Transfer-Encoding: chunked\r\n", row.bytes);
  return rows;
}

}  // namespace tollgate
