#include "tests/support/network/network.h"

#include <fmt/format.h>
#include <unistd.h>

#include "tests/support/process/process.h"

namespace tollgate::testing {
namespace {

constexpr std::size_t kFirst = 10;

bool run(std::vector<std::string> command) {
  return Process(std::move(command)).wait() == 0;
}

}  // namespace

Network::Network(std::size_t hosts)
    : hosts_(hosts),
      stem_(fmt::format("tg{}", getpid())),
      net_(fmt::format("10.{}.{}", 200 + getpid() % 50, getpid() / 50 % 250)) {
  separate_ = geteuid() == 0 && build();
  if (!separate_) {
    remove();
    net_ = fmt::format("127.{}.{}", 1 + getpid() % 250, getpid() / 250 % 250);
  }
  own_address_ = separate_ ? net_ + ".1" : "127.0.0.1";
}

Network::~Network() {
  if (separate_)
    remove();
}

std::string Network::name(std::size_t host) const {
  return fmt::format("{}-{}", stem_, host);
}

std::string Network::address(std::size_t host) const {
  return fmt::format("{}.{}", net_, kFirst + host);
}

std::vector<std::string> Network::prefix(std::size_t host) const {
  return separate_ ? std::vector<std::string>{"ip", "netns", "exec", name(host)} : std::vector<std::string>{};
}

bool Network::build() {
  const std::string bridge = stem_ + "b";
  if (!run({"ip", "link", "add", bridge, "type", "bridge"}) ||
      !run({"ip", "address", "add", net_ + ".1/24", "dev", bridge}) || !run({"ip", "link", "set", bridge, "up"}))
    return false;
  for (std::size_t i = 0; i < hosts_; ++i) {
    const std::string host = name(i);
    const std::string near = fmt::format("{}v{}", stem_, i);
    const std::vector<std::string> inside = {"ip", "-n", host};
    const auto run_inside = [&](std::vector<std::string> words) {
      words.insert(words.begin(), inside.begin(), inside.end());
      return run(words);
    };
    if (!run({"ip", "netns", "add", host}) ||
        !run({"ip", "link", "add", near, "type", "veth", "peer", "name", "eth0", "netns", host}) ||
        !run({"ip", "link", "set", near, "master", bridge, "up"}) ||
        !run_inside({"address", "add", address(i) + "/24", "dev", "eth0"}) ||
        !run_inside({"link", "set", "eth0", "up"}) || !run_inside({"link", "set", "lo", "up"}))
      return false;
  }
  return true;
}

// The near end of a pair goes with the namespace of the far one.
void Network::remove() {
  if (geteuid() != 0)
    return;
  for (std::size_t i = 0; i < hosts_; ++i)
    run({"ip", "netns", "del", name(i)});
  run({"ip", "link", "del", stem_ + "b"});
}

}  // namespace tollgate::testing
