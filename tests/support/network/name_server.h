// A DNS server with a few names, each with the addresses that it has at the moment.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace tollgate::testing {

// Works from its construction to its destruction, on a thread of its own. Any thread may call.
class NameServer {
 public:
  // On a free UDP port of `address`.
  explicit NameServer(const std::string& address = "127.0.0.1");
  ~NameServer();
  NameServer(const NameServer&) = delete;
  NameServer& operator=(const NameServer&) = delete;

  // The IPv4 addresses of a name; none: there is no such name.
  void set(const std::string& name, std::vector<std::string> addresses);
  // What gRPC is told to find `name` here: dns://ADDRESS:PORT/NAME:SERVICE_PORT.
  std::string target(const std::string& name, std::uint16_t service_port) const;

 private:
  void receive();
  // Empty: nothing to say to this.
  std::string answer(const std::string& question);

  boost::asio::io_context context_{1};
  boost::asio::ip::udp::socket socket_;
  boost::asio::ip::udp::endpoint from_;
  std::string buffer_;
  std::mutex mutex_;
  std::map<std::string, std::vector<std::string>> names_;
  std::thread thread_;
};

}  // namespace tollgate::testing
