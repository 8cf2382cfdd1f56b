// The same edge over TLS.
#include <gmock/gmock.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "tests/integration/gateway/edge_testing.h"

namespace tollgate {
namespace {

using testing::HasSubstr;

// A self-signed certificate for localhost and its key.
void write_certificate(const std::string& certificate_file, const std::string& key_file) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, key);
  X509_NAME* name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
  X509_set_issuer_name(certificate, name);
  ASSERT_GT(X509_sign(certificate, key, EVP_sha256()), 0);
  std::FILE* file = std::fopen(certificate_file.c_str(), "w");
  PEM_write_X509(file, certificate);
  std::fclose(file);
  file = std::fopen(key_file.c_str(), "w");
  PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
  std::fclose(file);
  X509_free(certificate);
  EVP_PKEY_free(key);
}

class TlsTest : public EdgeTest {
 protected:
  TlsTest() : folder_(std::filesystem::temp_directory_path() / ("tollgate-tls-" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(folder_);
    config_.listen.tls.certificate_file = folder_ / "certificate.pem";
    config_.listen.tls.key_file = folder_ / "key.pem";
    write_certificate(config_.listen.tls.certificate_file, config_.listen.tls.key_file);
  }
  ~TlsTest() override { std::filesystem::remove_all(folder_); }

  RawClient connect_tls(int protocol = TLS1_3_VERSION) { return RawClient::tls(edge_->port(), protocol); }

  const std::filesystem::path folder_;
};

TEST_F(TlsTest, RequestsAndStreams) {
  start();
  for (const int protocol : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    RawClient client = connect_tls(protocol);
    ASSERT_TRUE(client.tls_established());
    EXPECT_EQ(client.alpn(), "http/1.1");
    messages_.set_script(json_reply("{\"reply\":1}"));
    const std::string body(1'000'000, 'x');
    client.send(post(body));
    EXPECT_EQ(client.read_response().body, "{\"reply\":1}");
    EXPECT_TRUE(messages_.last_request().body() == body);
    messages_.set_script({write(head_frame("text/event-stream")), write(data_frame("event: a\n\n")),
                          repeat(data_frame(std::string(100'000, 'y')), 20), write(done_frame())});
    client.send(post() + post());
    for (int i = 0; i < 2; ++i) {
      const RawResponse response = client.read_response();
      EXPECT_TRUE(response.complete);
      EXPECT_EQ(response.body.size(), 10u + 2'000'000u);
    }
  }
}

TEST_F(TlsTest, OldProtocolsAreRefused) {
  start();
  EXPECT_FALSE(connect_tls(TLS1_1_VERSION).tls_established());
  EXPECT_FALSE(connect_tls(TLS1_VERSION).tls_established());
  EXPECT_TRUE(connect_tls(TLS1_2_VERSION).tls_established());
}

TEST_F(TlsTest, AClientThatGoesCancelsItsCall) {
  messages_.set_script({write(head_frame("text/event-stream")), write(data_frame("event: a\n\n")), silence()});
  start();
  RawClient client = connect_tls();
  client.send(post());
  client.read_until("event: a");
  client.close();
  EXPECT_TRUE(eventually([&] { return messages_.cancelled() == 1; }));
}

TEST_F(TlsTest, ARefusalReachesAClientThatIsStillSending) {
  start();
  RawClient client = connect_tls();
  client.try_send("POST /v1/messages HTTP/1.1\r\nHost: a\r\nx-api-key: k\r\nContent-Length: 33554433\r\n\r\n" +
                  std::string(1'000'000, 'x'));
  EXPECT_EQ(client.read_response().status, 413u);
}

TEST_F(TlsTest, TheLastResponseEndsWithACleanGoodbye) {
  start();
  RawClient client = connect_tls();
  client.send("POST /v1/messages HTTP/1.0\r\nx-api-key: k\r\nContent-Length: 2\r\n\r\n{}");
  EXPECT_EQ(client.read_response().body, "{\"reply\":1}");
  EXPECT_TRUE(client.at_end());
}

TEST_F(TlsTest, PlainTextOnTheTlsPortIsClosed) {
  start();
  RawClient client = connect();
  client.send(post());
  EXPECT_THAT(client.read_all(), testing::Not(HasSubstr("HTTP/1.1")));
}

TEST_F(TlsTest, AHandshakeThatDoesNotEndIsGivenUp) {
  config_.timeouts.header = std::chrono::milliseconds(200);
  start();
  EXPECT_TRUE(connect().at_end());
}

TEST_F(TlsTest, BadFilesAreNamed) {
  const auto listening = [this](const std::string& certificate, const std::string& key) {
    config_.listen.tls.certificate_file = certificate;
    config_.listen.tls.key_file = key;
    const EdgeServices services{
        .messages = &messages_, .catalog = &catalog_, .keys = &keys_, .workspaces = &workspaces_};
    Edge edge(config_, shards_, {services, services});
    return std::string(edge.listen().message());
  };
  const std::string certificate = folder_ / "certificate.pem";
  const std::string key = folder_ / "key.pem";
  EXPECT_THAT(listening("/nowhere.pem", key), HasSubstr("listen.tls.certificate_file: /nowhere.pem"));
  EXPECT_THAT(listening(certificate, "/nowhere.pem"), HasSubstr("listen.tls.key_file: /nowhere.pem"));
  EXPECT_THAT(listening(certificate, certificate), HasSubstr("listen.tls.key_file"));
  config_.listen.http = "nonsense";
  EXPECT_THAT(listening(certificate, key), HasSubstr("listen.http: \"nonsense\" is not host:port"));
  config_.listen.http = "127.0.0.1:0";
  start();
  config_.listen.http = "127.0.0.1:" + std::to_string(edge_->port());
  EXPECT_THAT(listening(certificate, key), HasSubstr("listen.http: cannot listen on " + config_.listen.http));
}

}  // namespace
}  // namespace tollgate
