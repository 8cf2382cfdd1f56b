#include "tests/support/process/wait.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <stdexcept>
#include <thread>

namespace tollgate::testing {

namespace asio = boost::asio;

bool wait_until(const std::function<bool()>& condition, std::chrono::milliseconds patience) {
  auto deadline = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline)
      return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

bool wait_for_port(const std::string& host, std::uint16_t port, std::chrono::milliseconds patience) {
  asio::ip::tcp::endpoint endpoint(asio::ip::make_address(host), port);
  auto answers = [&] {
    asio::io_context context;
    asio::ip::tcp::socket socket(context);
    boost::system::error_code error;
    socket.connect(endpoint, error);
    return !error;
  };
  return wait_until(answers, patience);
}

std::uint16_t free_port() {
  // Bound and not listening, it keeps the kernel from giving the port to anything else, the near end of a connection
  // among it; a program that binds it with SO_REUSEADDR, as servers do, may.
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
      setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0 || bind(fd, generic, size) != 0 ||
      getsockname(fd, generic, &size) != 0)
    throw std::runtime_error("no free port");
  return ntohs(address.sin_port);
}

}  // namespace tollgate::testing
