#include "tests/integration/gateway/raw_client.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <utility>

#include "gateway/ascii.h"

namespace tollgate {
namespace {

constexpr timeval kPatience{.tv_sec = 10, .tv_usec = 0};

int connect_to(std::uint16_t port, int receive_buffer) {
  std::signal(SIGPIPE, SIG_IGN);
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  if (receive_buffer > 0)
    ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0) << std::strerror(errno);
  return fd;
}

}  // namespace

RawClient::RawClient(std::uint16_t port, int receive_buffer) : fd_(connect_to(port, receive_buffer)) {}

RawClient RawClient::tls(std::uint16_t port, int protocol) {
  RawClient client(port);
  client.context_ = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_security_level(client.context_, 0);
  SSL_CTX_set_min_proto_version(client.context_, protocol);
  SSL_CTX_set_max_proto_version(client.context_, protocol);
  const unsigned char alpn[] = "\x02h2\x08http/1.1";
  SSL_CTX_set_alpn_protos(client.context_, alpn, sizeof alpn - 1);
  client.ssl_ = SSL_new(client.context_);
  SSL_set_fd(client.ssl_, client.fd_);
  if (SSL_connect(client.ssl_) != 1) {
    SSL_free(client.ssl_);
    client.ssl_ = nullptr;
  }
  return client;
}

RawClient::RawClient(RawClient&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      context_(std::exchange(other.context_, nullptr)),
      ssl_(std::exchange(other.ssl_, nullptr)),
      buffer_(std::move(other.buffer_)) {}

RawClient::~RawClient() {
  SSL_free(ssl_);
  SSL_CTX_free(context_);
  close();
}

bool RawClient::try_send(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ssl_ != nullptr ? SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()))
                                      : ::send(fd_, bytes.data(), bytes.size(), 0);
    if (sent <= 0)
      return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

void RawClient::send(std::string_view bytes) {
  EXPECT_TRUE(try_send(bytes)) << std::strerror(errno);
}

bool RawClient::read_more() {
  char bytes[16 * 1024];
  errno = 0;
  const auto got = ssl_ != nullptr ? SSL_read(ssl_, bytes, sizeof bytes) : ::recv(fd_, bytes, sizeof bytes, 0);
  EXPECT_FALSE(errno == EAGAIN) << "nothing has come for ten seconds; so far: " << buffer_.substr(0, 2000);
  if (got <= 0)
    return false;
  buffer_.append(bytes, static_cast<std::size_t>(got));
  return true;
}

void RawClient::read_until(std::string_view text) {
  while (buffer_.find(text) == std::string::npos)
    ASSERT_TRUE(read_more()) << "the connection has ended before <" << text << ">; so far: " << buffer_;
}

RawResponse RawClient::read_response(bool head_only) {
  RawResponse response;
  std::size_t end;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
    if (!read_more())
      return response;
  }
  const std::string head = buffer_.substr(0, end + 2);
  buffer_.erase(0, end + 4);
  if (head.starts_with("HTTP/1.1 "))
    response.status = static_cast<unsigned>(std::stoul(head.substr(9, 3)));
  for (std::size_t at = head.find("\r\n") + 2; at < head.size();) {
    const std::size_t stop = head.find("\r\n", at);
    const std::string line = head.substr(at, stop - at);
    std::string name = line.substr(0, line.find(':'));
    for (char& c : name)
      c = to_lower(c);
    response.headers[name] = trim(std::string_view(line).substr(line.find(':') + 1));
    at = stop + 2;
  }
  if (head_only || response.status == 204 || response.status < 200) {
    response.complete = true;
  } else if (response.headers.contains("content-length")) {
    const std::size_t length = std::stoul(response.headers["content-length"]);
    while (buffer_.size() < length && read_more()) {
    }
    response.complete = buffer_.size() >= length;
    response.body = buffer_.substr(0, length);
    buffer_.erase(0, length);
  } else if (response.headers.contains("transfer-encoding")) {
    while (true) {
      std::size_t line;
      while ((line = buffer_.find("\r\n")) == std::string::npos) {
        if (!read_more())
          return response;
      }
      const std::size_t size = std::stoul(buffer_.substr(0, line), nullptr, 16);
      while (buffer_.size() < line + 4 + size) {
        if (!read_more())
          return response;
      }
      response.body += buffer_.substr(line + 2, size);
      buffer_.erase(0, line + 4 + size);
      if (size == 0)
        break;
    }
    response.complete = true;
  } else {
    response.body = read_all();
    response.complete = true;
  }
  return response;
}

std::string RawClient::read_all() {
  while (read_more()) {
  }
  return std::exchange(buffer_, {});
}

bool RawClient::at_end() {
  return buffer_.empty() && !read_more();
}

void RawClient::close() {
  if (fd_ >= 0)
    ::close(std::exchange(fd_, -1));
}

void RawClient::reset() {
  const linger now{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close();
}

void RawClient::shutdown_send() {
  ::shutdown(fd_, SHUT_WR);
}

std::string RawClient::alpn() const {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_, &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

}  // namespace tollgate
