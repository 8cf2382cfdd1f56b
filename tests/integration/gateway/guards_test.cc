// What one client may take of the gateway, and what it is told when it wants more.
#include <gmock/gmock.h>

#include <list>

#include "gateway/metrics.h"
#include "gateway/sign_in.h"
#include "tests/integration/gateway/edge_testing.h"

namespace tollgate {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

std::string proxied(const std::string& client) {
  return "PROXY TCP4 " + client + " 10.0.0.1 40000 443\r\n";
}

std::string from(const std::string& client) {
  return "X-Forwarded-For: " + client + "\r\n";
}

std::string post_with(const std::string& key, const std::string& headers = "") {
  return "POST /v1/messages HTTP/1.1\r\nHost: gateway\r\nx-api-key: " + key + "\r\n" + headers +
         "Content-Length: 2\r\n\r\n{}";
}

class GuardsTest : public EdgeTest {
 protected:
  GuardsTest() { config_.access.unlimited_addresses.clear(); }

  void behind_proxies(bool proxy_protocol = false) {
    config_.access.trusted_proxies = {"127.0.0.1"};
    config_.access.proxy_protocol = proxy_protocol;
  }

  RawClient opened(const std::string& bytes) {
    RawClient client = connect();
    client.send(bytes);
    return client;
  }
};

TEST_F(GuardsTest, OneAddressHasNoMoreConnectionsThanItsLimit) {
  config_.limits.connections_per_address = 3;
  start();
  const double before = refused_connections(Closed::kTooManyOfAddress).Value();
  std::list<RawClient> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(opened(post()));
    EXPECT_EQ(clients.back().read_response().status, 200u);
  }
  EXPECT_TRUE(connect().at_end());
  EXPECT_EQ(refused_connections(Closed::kTooManyOfAddress).Value(), before + 1);
  // The others are served on, and one that leaves makes room.
  clients.back().send(post());
  EXPECT_EQ(clients.back().read_response().status, 200u);
  clients.pop_front();
  EXPECT_TRUE(eventually([&] {
    RawClient client = connect();
    return client.try_send(post()) && !client.at_end();
  }));
}

TEST_F(GuardsTest, ExceptedNetworksHaveNoLimit) {
  config_.limits.connections_per_address = 1;
  config_.access.unlimited_addresses = {"127.0.0.0/8"};
  start();
  std::list<RawClient> clients;
  for (int i = 0; i < 5; ++i) {
    clients.push_back(opened(post()));
    EXPECT_EQ(clients.back().read_response().status, 200u);
  }
}

TEST_F(GuardsTest, BehindTheProxyProtocolEachClientHasItsOwnLimit) {
  behind_proxies(true);
  config_.limits.connections_per_address = 1;
  start();
  RawClient first = opened(proxied("192.0.2.1") + post());
  EXPECT_EQ(first.read_response().status, 200u);
  EXPECT_TRUE(opened(proxied("192.0.2.1") + post()).at_end());
  EXPECT_EQ(opened(proxied("192.0.2.2") + post()).read_response().status, 200u);
  // The proxy itself, which asks how things stand.
  const std::string local("\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", 16);
  EXPECT_EQ(opened(local + post()).read_response().status, 200u);
}

TEST_F(GuardsTest, AHeaderOfTheProxyProtocolMayComeByteByByte) {
  behind_proxies(true);
  start();
  RawClient client = connect();
  for (char c : proxied("192.0.2.1") + post())
    client.send(std::string(1, c));
  EXPECT_EQ(client.read_response().status, 200u);
}

TEST_F(GuardsTest, WithoutItsHeaderATrustedProxyIsNotServed) {
  behind_proxies(true);
  config_.timeouts.header = milliseconds(300);
  start();
  const double before = refused_connections(Closed::kProxyHeader).Value();
  EXPECT_EQ(opened(post()).read_all(), "");
  EXPECT_EQ(opened("PROXY TCP4 nobody 10.0.0.1 1 2\r\n" + post()).read_all(), "");
  // Nor one that says nothing, or not to the end.
  EXPECT_TRUE(connect().at_end());
  EXPECT_TRUE(opened("PROXY TCP4 192.0").at_end());
  EXPECT_EQ(refused_connections(Closed::kProxyHeader).Value(), before + 4);
  EXPECT_EQ(messages_.calls(), 0);
}

TEST_F(GuardsTest, FromOthersAHeaderOfTheProxyProtocolIsNoRequest) {
  behind_proxies(true);
  config_.access.trusted_proxies = {"10.0.0.0/8"};
  start();
  EXPECT_EQ(opened(proxied("192.0.2.1") + post()).read_response().status, 400u);
  EXPECT_EQ(ask(post()).status, 200u);
}

TEST_F(GuardsTest, BehindAForwardingProxyEachClientHasItsOwnLimit) {
  behind_proxies();
  config_.limits.connections_per_address = 1;
  messages_.set_script({gate(), write(head_frame("application/json")), write(data_frame("{}")), write(done_frame())});
  start();
  RawClient first = opened(post("{}", from("192.0.2.1")));
  ASSERT_TRUE(eventually([&] { return messages_.calls() == 1; }));
  RawClient again = opened(post("{}", from("1.1.1.1, 192.0.2.1")));
  const RawResponse refused = again.read_response();
  EXPECT_EQ(refused.status, 429u);
  EXPECT_EQ(refused.headers.at("retry-after"), "1");
  EXPECT_THAT(refused.body, HasSubstr("rate_limit_error"));
  RawClient other = opened(post("{}", from("192.0.2.2")));
  ASSERT_TRUE(eventually([&] { return messages_.calls() == 2; }));
  messages_.open_gate();
  EXPECT_EQ(first.read_response().status, 200u);
  EXPECT_EQ(other.read_response().status, 200u);
  // With the request its place is free, although the connection stays.
  EXPECT_TRUE(eventually([&] { return ask(post("{}", from("192.0.2.1"))).status == 200; }));
}

TEST_F(GuardsTest, NobodyIsBelievedAboutItselfWithoutATrustedProxy) {
  config_.limits.failed_keys_per_minute = 2;
  start();
  const std::string wrong = "GET /v1/key HTTP/1.1\r\nHost: a\r\nx-api-key: sk-tg-v1-wrong\r\n";
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(ask(wrong + from("192.0.2." + std::to_string(i)) + "\r\n").status, i < 2 ? 401u : 429u);
}

class FakeSignIns final : public SignIns {
 public:
  Awaitable<absl::StatusOr<v1::CreateSignInReply>> create(const v1::CreateSignInRequest&) override {
    co_return error(v1::Failure::KIND_UNAVAILABLE, "Nobody signs in here.");
  }
  Awaitable<absl::StatusOr<v1::DeleteSignInReply>> remove(const v1::DeleteSignInRequest&) override {
    co_return v1::DeleteSignInReply();
  }
};

class GuessingTest : public GuardsTest {
 protected:
  GuessingTest() { config_.limits.failed_keys_per_minute = 4; }

  unsigned key(const std::string& name, const std::string& path = "/v1/key") {
    return ask(get(path, "Authorization: Bearer sk-tg-v1-" + name + "\r\n")).status;
  }
  RawResponse sign_in(const std::string& name) {
    const std::string body = "{\"key\":\"sk-tg-v1-" + name + "\"}";
    return ask("POST /dashboard/session HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: " +
               std::to_string(body.size()) + "\r\n\r\n" + body);
  }
};

TEST_F(GuessingTest, WhoTriesKeysIsHeardNoMore) {
  start();
  EXPECT_EQ(key("manager"), 200u);
  for (int i = 0; i < 4; ++i)
    EXPECT_EQ(key("guess" + std::to_string(i)), 401u) << i;
  const double before = shed_requests(Shed::kFailedKeys).Value();
  RawClient client = opened(get("/v1/key", "x-api-key: sk-tg-v1-guess\r\n"));
  const RawResponse refused = client.read_response();
  EXPECT_EQ(refused.status, 429u);
  EXPECT_GE(std::stoi(refused.headers.at("retry-after")), 1);
  EXPECT_LE(std::stoi(refused.headers.at("retry-after")), 15);
  EXPECT_EQ(shed_requests(Shed::kFailedKeys).Value(), before + 1);
  // The right one is not told from wrong ones, wherever it is tried.
  EXPECT_EQ(key("good"), 429u);
  EXPECT_EQ(key("good", "/v1/models"), 429u);
  EXPECT_EQ(key("good", "/v1/keys"), 429u);
  EXPECT_EQ(key("good", "/v1/activity"), 429u);
  EXPECT_EQ(ask(post()).status, 429u);
  EXPECT_EQ(messages_.calls(), 0);
  // One that has worked from here before goes on working.
  EXPECT_EQ(key("manager"), 200u);
  EXPECT_EQ(key("manager", "/v1/keys"), 200u);
}

TEST_F(GuessingTest, TheManagementApiCountsToo) {
  start();
  for (int i = 0; i < 4; ++i)
    EXPECT_EQ(key("guess", "/v1/keys"), 401u);
  EXPECT_EQ(key("manager", "/v1/keys"), 429u);
}

TEST_F(GuessingTest, SigningInCountsToo) {
  FakeSignIns sign_ins;
  sign_ins_ = &sign_ins;
  start();
  for (int i = 0; i < 4; ++i)
    EXPECT_EQ(sign_in("guess").status, 401u);
  const RawResponse refused = sign_in("manager");
  EXPECT_EQ(refused.status, 429u);
  EXPECT_TRUE(refused.headers.contains("retry-after"));
  EXPECT_EQ(key("manager", "/v1/keys"), 429u);
  EXPECT_EQ(ask(get("/dashboard/session", "Cookie: tollgate_session=sk-tg-session-guess\r\n")).status, 429u);
}

TEST_F(GuessingTest, ASessionThatWasSignedOutIsNoGoodKey) {
  FakeSignIns sign_ins;
  sign_ins_ = &sign_ins;
  start();
  const std::string guess = "sk-tg-session-guess";
  const std::string cookie = "Cookie: tollgate_session=" + guess + "\r\n";
  EXPECT_EQ(ask("DELETE /dashboard/session HTTP/1.1\r\nHost: a\r\nX-Csrf-Token: " + csrf_token(guess) + "\r\n" +
                cookie + "\r\n")
                .status,
            200u);
  for (int i = 0; i < 4; ++i)
    EXPECT_EQ(key("guess"), 401u);
  EXPECT_EQ(ask(get("/dashboard/session", cookie)).status, 429u);
}

TEST_F(GuessingTest, WhatIsNoFailureIsNotCounted) {
  start();
  for (int i = 0; i < 10; ++i) {
    // None at all, one without the right, one that nobody can look up, something that does not exist.
    EXPECT_EQ(ask(get("/v1/key")).status, 401u);
    EXPECT_EQ(key("good", "/v1/keys"), 403u);
    EXPECT_EQ(key("away"), 503u);
    EXPECT_EQ(key("good", "/v1/models/nothing"), 404u);
  }
  EXPECT_EQ(key("good"), 200u);
}

TEST_F(GuessingTest, OneClientOfAProxyDoesNotTakeTheOthersWithIt) {
  behind_proxies();
  start();
  const auto ask_from = [&](const std::string& client, const std::string& name) {
    return ask(get("/v1/key", from(client) + "x-api-key: sk-tg-v1-" + name + "\r\n")).status;
  };
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(ask_from("192.0.2.1", "guess"), i < 4 ? 401u : 429u) << i;
  EXPECT_EQ(ask_from("192.0.2.2", "good"), 200u);
  EXPECT_EQ(ask_from("192.0.2.1, 192.0.2.2", "good"), 200u);
}

// Unknown, disabled and expired keys, in the API and in the ledger's answer, take the same time: a multiple of what
// the looking up takes.
TEST_F(GuessingTest, TheTimeOfARefusalSaysNothing) {
  config_.limits.failed_keys_per_minute = 0;
  messages_.set_script({fail(make_failure(v1::Failure::KIND_UNAUTHENTICATED, "Invalid API key."))});
  start();
  for (const std::string name : {"unknown", "disabled", "expired"}) {
    for (const std::string& request :
         {get("/v1/key", "x-api-key: sk-tg-v1-" + name + "\r\n"), post_with("sk-tg-v1-" + name)}) {
      const auto begin = SteadyClock::now();
      EXPECT_EQ(ask(request).status, 401u) << name;
      EXPECT_GE(SteadyClock::now() - begin, milliseconds(25)) << name;
    }
  }
}

class MemoryTest : public GuardsTest {
 protected:
  MemoryTest() {
    config_.limits.in_flight_bytes = 1024 * 1024;
    messages_.set_script({gate(), write(head_frame("application/json")), write(data_frame("{}")), write(done_frame())});
    messages_.forget_bodies();
  }
};

TEST_F(MemoryTest, WhatWouldBeTooMuchIsShedBeforeItIsSent) {
  start();
  RawClient first = opened(post(std::string(700 * 1024, 'x')));
  ASSERT_TRUE(eventually([&] { return messages_.calls() == 1; }));
  const double before = shed_requests(Shed::kMemory).Value();
  RawClient second = opened("POST /v1/messages HTTP/1.1\r\nHost: a\r\nx-api-key: k\r\nContent-Length: 700000\r\n\r\n");
  const RawResponse shed = second.read_response();
  EXPECT_EQ(shed.status, 529u);
  EXPECT_EQ(shed.headers.at("retry-after"), "1");
  EXPECT_THAT(shed.body, HasSubstr("overloaded_error"));
  EXPECT_EQ(shed.headers.at("connection"), "close");
  EXPECT_EQ(shed_requests(Shed::kMemory).Value(), before + 1);
  // What fits is served, and what is done gives its memory back.
  RawClient small = opened(post());
  ASSERT_TRUE(eventually([&] { return messages_.calls() == 2; }));
  messages_.open_gate();
  EXPECT_EQ(first.read_response().status, 200u);
  EXPECT_EQ(small.read_response().status, 200u);
  EXPECT_TRUE(eventually([&] { return ask(post(std::string(900 * 1024, 'x'))).status == 200; }));
}

TEST_F(MemoryTest, AChunkedBodyIsCountedAsItComes) {
  start();
  RawClient first = opened(post(std::string(700 * 1024, 'x')));
  ASSERT_TRUE(eventually([&] { return messages_.calls() == 1; }));
  RawClient second =
      opened("POST /v1/messages HTTP/1.1\r\nHost: a\r\nx-api-key: k\r\nTransfer-Encoding: chunked\r\n\r\n");
  second.try_send("80000\r\n" + std::string(0x80000, 'x') + "\r\n");
  EXPECT_EQ(second.read_response().status, 529u);
  EXPECT_EQ(messages_.calls(), 1);
  messages_.open_gate();
  EXPECT_EQ(first.read_response().status, 200u);
}

// Claims cost next to nothing: what has come is counted.
TEST_F(MemoryTest, ClaimedLengthsDoNotShutOthersOut) {
  start();
  std::list<RawClient> claims;
  for (int i = 0; i < 100; ++i)
    claims.push_back(
        opened("POST /v1/messages HTTP/1.1\r\nHost: a\r\nx-api-key: k\r\nContent-Length: 1000000\r\n\r\n{"));
  messages_.open_gate();
  EXPECT_EQ(ask(post(std::string(500 * 1024, 'x'))).status, 200u);
}

TEST_F(MemoryTest, WhoManagesIsHeardWhenAllIsFull) {
  start();
  RawClient first = opened(post(std::string(1024 * 1024, 'x')));
  ASSERT_TRUE(eventually([&] { return messages_.calls() == 1; }));
  EXPECT_EQ(ask(post()).status, 529u);
  const std::string body = "{\"name\":\"new\"}";
  EXPECT_EQ(ask("POST /v1/keys HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer sk-tg-v1-manager\r\nContent-Length: " +
                std::to_string(body.size()) + "\r\n\r\n" + body)
                .status,
            201u);
  messages_.open_gate();
  EXPECT_EQ(first.read_response().status, 200u);
}

TEST_F(GuardsTest, ABodyThatOnlyTricklesIsGivenUp) {
  config_.timeouts.body = milliseconds(200);
  config_.limits.bytes_per_second = 100'000;
  start();
  for (const std::string framing : {"Content-Length: 1000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n3e8\r\n"}) {
    RawClient client = opened("POST /v1/messages HTTP/1.1\r\nHost: a\r\nx-api-key: k\r\n" + framing);
    const auto begin = SteadyClock::now();
    // A byte now and then does not help.
    for (int i = 1; i < 12; ++i) {
      EXPECT_TRUE(eventually([&] { return SteadyClock::now() > begin + i * milliseconds(80); }));
      client.try_send("x");
    }
    EXPECT_EQ(client.read_response().status, 408u) << framing;
  }
  EXPECT_EQ(messages_.calls(), 0);
}

// Takes a little before each timeout.
TEST_F(GuardsTest, AClientThatReadsTooSlowlyIsLeft) {
  constexpr std::size_t kBytes = 64 * 1024 * 1024;
  config_.timeouts.write = milliseconds(300);
  config_.limits.bytes_per_second = 1'000'000'000;
  messages_.set_script(
      {write(head_frame("application/json")), write(data_frame(std::string(kBytes, 'x'))), write(done_frame())});
  start();
  RawClient client = connect(4096);
  client.send(post());
  EXPECT_TRUE(eventually([&] { return !client.read_more(); }));
  EXPECT_LT(client.buffered().size(), kBytes);
  EXPECT_TRUE(eventually([&] { return messages_.finished() + messages_.cancelled() == 1; }));
}

}  // namespace
}  // namespace tollgate
