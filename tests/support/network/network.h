// Hosts with addresses of their own: network namespaces behind one bridge, or, where the test may not make them,
// further addresses of the loopback.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace tollgate::testing {

class Network {
 public:
  // Of so many hosts. Namespaces need root and `ip`.
  explicit Network(std::size_t hosts);
  // Removes them; what runs in them has ended before.
  ~Network();
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  // Whether each host has a network namespace.
  bool separate() const { return separate_; }
  // Of the test itself, as the hosts see it.
  const std::string& own_address() const { return own_address_; }
  std::string address(std::size_t host) const;
  // What is put before a command so that it runs on the host.
  std::vector<std::string> prefix(std::size_t host) const;

 private:
  bool build();
  void remove();
  std::string name(std::size_t host) const;

  const std::size_t hosts_;
  // Of names: different in each process.
  std::string stem_;
  // The first three numbers of each address.
  std::string net_;
  std::string own_address_;
  bool separate_ = false;
};

}  // namespace tollgate::testing
