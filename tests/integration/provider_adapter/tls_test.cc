// TLS towards an upstream: who is trusted, and who is not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "harness.h"

namespace tollgate::test {
namespace {

using ::testing::HasSubstr;
using Kind = v1::Failure;

// An authority and a certificate signed by it, made by the openssl command.
class Certificates {
 public:
  Certificates() {
    char path[] = "/tmp/tollgate-tls-XXXXXX";
    folder_ = mkdtemp(path);
    make_authority("ca");
    make_authority("other");
    make_certificate("good", "IP:127.0.0.1,DNS:localhost");
    make_certificate("wrong", "DNS:example.org");
  }
  ~Certificates() { std::filesystem::remove_all(folder_); }

  std::string file(const std::string& name) const { return folder_ + "/" + name; }
  TlsFiles files(const std::string& name) const { return {file(name + ".pem"), file(name + ".key")}; }

 private:
  void openssl(const std::string& arguments) const {
    const std::string command = "cd " + folder_ + " && openssl " + arguments + " >/dev/null 2>&1";
    if (std::system(command.c_str()) != 0)
      throw std::runtime_error("failed: " + command);
  }
  void make_authority(const std::string& name) const {
    openssl("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=" + name + " -keyout " +
            name + ".key -out " + name + ".pem");
  }
  void make_certificate(const std::string& name, const std::string& names) const {
    std::ofstream(file(name + ".ext")) << "subjectAltName=" << names << "\n";
    openssl("req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=test -keyout " + name + ".key -out " +
            name + ".csr");
    openssl("x509 -req -in " + name + ".csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile " + name +
            ".ext -out " + name + ".pem");
  }

  std::string folder_;
};

const Certificates& certificates() {
  static const Certificates made;
  return made;
}

UpstreamUnderTest::Adjust trusting(const std::string& authority) {
  return [authority](anthropic::UpstreamOptions& options) {
    options.config.ca_file = authority.empty() ? "" : certificates().file(authority + ".pem");
  };
}

TEST(Tls, PrivateAuthority) {
  const TlsFiles files = certificates().files("good");
  std::vector<std::string> names;
  std::vector<std::string> requests;
  RawServer server(
      [&](Peer& peer, int) {
        names.push_back(peer.server_name());
        requests.push_back(peer.read_request());
        for (std::size_t at = 0; at < kStream.size() + 1000; at += 7) {
          if (at == 0)
            peer.send(kStreamHead);
          if (at < kStream.size())
            peer.send(chunk(std::string_view(kStream).substr(at, 7)));
        }
        peer.send(kLastChunk);
      },
      &files);
  const std::string body = R"({"x":")" + std::string(1 << 20, 'x') + "\"}";
  for (const std::string& host : {std::string("127.0.0.1"), std::string("localhost")}) {
    UpstreamUnderTest up("https://" + host + ":" + std::to_string(server.port()), trusting("ca"));
    up.request.set_body(body);
    const absl::Status status = up.send();
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_EQ(up.sink.data(), kStream);
  }
  ASSERT_EQ(requests.size(), 2u);
  for (const std::string& request : requests)
    EXPECT_TRUE(request.ends_with("\r\n\r\n" + body));
  EXPECT_EQ(names, (std::vector<std::string>{"", "localhost"}));
}

TEST(Tls, ConnectionIsReusedAndSessionResumed) {
  const TlsFiles files = certificates().files("good");
  std::vector<bool> resumed;
  RawServer server(
      [&](Peer& peer, int) {
        resumed.push_back(peer.resumed());
        for (int i = 0; i < 2; ++i) {
          peer.read_request();
          peer.send(response("200 OK", "{}", i == 0 ? "" : "connection: close\r\n"));
        }
      },
      &files);
  UpstreamUnderTest up(server.url(), trusting("ca"));
  for (int i = 0; i < 4; ++i) {
    const absl::Status status = up.send(false);
    ASSERT_TRUE(status.ok()) << status;
  }
  EXPECT_EQ(server.connections(), 2);
  EXPECT_EQ(resumed, (std::vector<bool>{false, true}));
}

TEST(Tls, Refused) {
  struct Case {
    std::string certificate;
    std::string authority;
    std::string says;
  };
  for (const Case& c : std::vector<Case>{
           {"good", "other", "certificate"},
           {"good", "", "certificate"},
           {"wrong", "ca", "mismatch"},
       }) {
    const TlsFiles files = certificates().files(c.certificate);
    bool asked = false;
    RawServer server([&](Peer& peer, int) { asked = !peer.read_request().empty(); }, &files);
    UpstreamUnderTest up(server.url(), trusting(c.authority));
    const v1::Failure failure = up.fail();
    EXPECT_EQ(failure.kind(), Kind::KIND_UNAVAILABLE) << c.certificate << c.authority;
    EXPECT_THAT(failure.message(), HasSubstr("TLS with upstream up")) << c.certificate << c.authority;
    EXPECT_THAT(failure.message(), HasSubstr(c.says));
    EXPECT_FALSE(asked);
    const v1::ProbeRequest request;
    const auto reply = up.shard.run(up.upstream->probe(request));
    EXPECT_THAT(std::string(reply.status().message()), HasSubstr("TLS with upstream up"));
  }
}

TEST(Tls, PlainServer) {
  RawServer server([](Peer& peer, int) { peer.send("HTTP/1.1 400 Bad Request\r\n\r\n"); });
  UpstreamUnderTest up("https://127.0.0.1:" + std::to_string(server.port()), trusting("ca"));
  EXPECT_THAT(up.fail().message(), HasSubstr("TLS with upstream up"));
}

TEST(Tls, HandshakeThatNeverComes) {
  RawServer server([](Peer& peer, int) { peer.wait_closed(std::chrono::seconds(20)); });
  UpstreamUnderTest up("https://127.0.0.1:" + std::to_string(server.port()), [](auto& options) {
    options.config.ca_file = certificates().file("ca.pem");
    options.config.connect_timeout = std::chrono::milliseconds(150);
  });
  const v1::Failure failure = up.fail();
  EXPECT_EQ(failure.kind(), Kind::KIND_TIMEOUT);
  EXPECT_THAT(failure.message(), HasSubstr("150 ms"));
}

TEST(Tls, CancelledStreamAndSilence) {
  const TlsFiles files = certificates().files("good");
  RawServer server(
      [](Peer& peer, int) {
        peer.read_request();
        peer.send(kStreamHead + chunk(kStart));
        // Long enough for reads that are given up and begun again.
        peer.wait_closed(std::chrono::milliseconds(200));
        peer.send(chunk(kBlock + kDelta + kEnd) + kLastChunk);
        peer.wait_closed(std::chrono::seconds(20));
      },
      &files);
  UpstreamUnderTest up(server.url(), [](auto& options) {
    options.config.ca_file = certificates().file("ca.pem");
    options.ping = std::chrono::milliseconds(20);
  });
  ASSERT_TRUE(up.send().ok());
  EXPECT_EQ(up.sink.data(), kStream);
  EXPECT_GE(up.sink.order().find("CDN"), 2u);
}

}  // namespace
}  // namespace tollgate::test
