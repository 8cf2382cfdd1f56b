// A client that writes and reads bytes, nothing more: what it sends is what the edge gets. Reads give up after ten
// seconds by failing the test.
#pragma once

#include <openssl/ssl.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace tollgate {

struct RawResponse {
  unsigned status = 0;
  // By lower-case name; of several the last.
  std::map<std::string, std::string> headers;
  // Without the chunked coding.
  std::string body;
  // False: the connection has ended before the response did.
  bool complete = false;
};

class RawClient {
 public:
  explicit RawClient(std::uint16_t port, int receive_buffer = 0);
  // Over TLS, accepting any certificate; `protocol` e.g. TLS1_3_VERSION.
  static RawClient tls(std::uint16_t port, int protocol);
  ~RawClient();
  RawClient(RawClient&& other) noexcept;
  RawClient(const RawClient&) = delete;

  void send(std::string_view bytes);
  // Sends what the connection takes; false when it is broken.
  bool try_send(std::string_view bytes);

  // Reads until `text` has come, which may be more.
  void read_until(std::string_view text);
  // A whole response; `head_only` for the answer to HEAD.
  RawResponse read_response(bool head_only = false);
  // All bytes until the end of the connection.
  std::string read_all();
  // Reads what has come, 16 KiB at most; false at the end of the connection.
  bool read_more();
  // Bytes that have come and were not part of a response.
  const std::string& buffered() const { return buffer_; }
  // True if nothing but the end of the connection comes.
  bool at_end();

  void close();
  void reset();
  void shutdown_send();

  bool tls_established() const { return ssl_ != nullptr; }
  std::string alpn() const;

 private:
  int fd_ = -1;
  SSL_CTX* context_ = nullptr;
  SSL* ssl_ = nullptr;
  std::string buffer_;
};

}  // namespace tollgate
