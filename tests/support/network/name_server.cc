#include "tests/support/network/name_server.h"

#include <fmt/format.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/address_v4.hpp>

namespace tollgate::testing {
namespace {

using boost::asio::ip::udp;

constexpr std::size_t kHeaderBytes = 12;
constexpr unsigned kA = 1;

std::string two_bytes(unsigned value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value & 0xff)};
}

}  // namespace

NameServer::NameServer(const std::string& address)
    : socket_(context_, udp::endpoint(boost::asio::ip::make_address(address), 0)) {
  receive();
  thread_ = std::thread([this] { context_.run(); });
}

NameServer::~NameServer() {
  context_.stop();
  thread_.join();
}

void NameServer::set(const std::string& name, std::vector<std::string> addresses) {
  const std::lock_guard lock(mutex_);
  names_[name] = std::move(addresses);
}

std::string NameServer::target(const std::string& name, std::uint16_t service_port) const {
  const udp::endpoint here = socket_.local_endpoint();
  return fmt::format("dns://{}:{}/{}:{}", here.address().to_string(), here.port(), name, service_port);
}

void NameServer::receive() {
  buffer_.resize(1024);
  socket_.async_receive_from(boost::asio::buffer(buffer_), from_,
                             [this](boost::system::error_code error, std::size_t size) {
                               if (error)
                                 return;
                               buffer_.resize(size);
                               const std::string reply = answer(buffer_);
                               boost::system::error_code ignored;
                               if (!reply.empty())
                                 socket_.send_to(boost::asio::buffer(reply), from_, 0, ignored);
                               receive();
                             });
}

std::string NameServer::answer(const std::string& question) {
  std::string name;
  std::size_t at = kHeaderBytes;
  while (at < question.size() && question[at] != 0) {
    const auto length = static_cast<unsigned char>(question[at]);
    if (at + 1 + length >= question.size())
      return {};
    if (!name.empty())
      name += '.';
    name.append(question, at + 1, length);
    at += 1 + length;
  }
  const std::size_t end = at + 5;
  if (end > question.size())
    return {};
  const unsigned type =
      static_cast<unsigned char>(question[at + 1]) * 256U + static_cast<unsigned char>(question[at + 2]);
  std::vector<std::string> addresses;
  bool known = false;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = names_.find(name); found != names_.end() && !found->second.empty()) {
      known = true;
      if (type == kA)
        addresses = found->second;
    }
  }
  // A response with recursion, no error or no such name; one question, so many answers.
  std::string reply = question.substr(0, 2) + two_bytes(known ? 0x8180 : 0x8183) + two_bytes(1) +
                      two_bytes(static_cast<unsigned>(addresses.size())) + two_bytes(0) + two_bytes(0) +
                      question.substr(kHeaderBytes, end - kHeaderBytes);
  for (const std::string& address : addresses) {
    // The name of the question, an A of the Internet that is not to be kept, four bytes.
    reply +=
        two_bytes(0xc000 + kHeaderBytes) + two_bytes(kA) + two_bytes(1) + two_bytes(0) + two_bytes(0) + two_bytes(4);
    for (const unsigned char byte : boost::asio::ip::make_address_v4(address).to_bytes())
      reply += static_cast<char>(byte);
  }
  return reply;
}

}  // namespace tollgate::testing
