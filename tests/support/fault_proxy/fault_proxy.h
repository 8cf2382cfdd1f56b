// A TCP proxy between two programs of a test that makes the network bad, in ways that change while it runs.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>

namespace tollgate::testing {

struct Faults {
  // What was read is passed on this much later, and up to `jitter` more; the order stays. The rate is not limited.
  std::chrono::milliseconds latency{0};
  std::chrono::milliseconds jitter{0};
  // Passed on in packets of so many bytes; 0: as it was read.
  std::size_t piece_bytes = 0;
  // Each connection is reset (RST to both ends) when so many bytes have passed, both ways together; 0: never.
  std::uint64_t cut_after_bytes = 0;
  // Nothing passes, and nobody is told. What was sent meanwhile passes later.
  bool partition = false;
};

// Works from its construction to its destruction, on a thread of its own. Any thread may call.
class FaultProxy {
 public:
  // `target`: A.B.C.D:PORT or unix:/path. Listens on a free port of 127.0.0.1.
  explicit FaultProxy(const std::string& target);
  ~FaultProxy();
  FaultProxy(const FaultProxy&) = delete;
  FaultProxy& operator=(const FaultProxy&) = delete;

  std::uint16_t port() const { return port_; }
  // 127.0.0.1:PORT
  std::string address() const;

  // From now on, for connections that stand as well; the bytes of a connection are counted from now on, too.
  void set(const Faults& faults);
  // Resets all connections.
  void cut();
  // Where connections that come from now on lead.
  void lead_to(const std::string& target);

  // Accepted so far; reset so far by either of the two cuts.
  std::uint64_t accepted() const;
  std::uint64_t cuts() const;

 private:
  struct State;

  boost::asio::io_context context_{1};
  const std::shared_ptr<State> state_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

}  // namespace tollgate::testing
