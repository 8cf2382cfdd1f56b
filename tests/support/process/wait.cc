#include "tests/support/process/wait.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
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
  asio::io_context context;
  asio::ip::tcp::acceptor acceptor(context, asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  return acceptor.local_endpoint().port();
}

}  // namespace tollgate::testing
