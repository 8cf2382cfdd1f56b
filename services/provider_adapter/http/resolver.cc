#include "services/provider_adapter/http/resolver.h"

#include <boost/asio/ip/basic_resolver.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/system/system_error.hpp>
#include <list>

namespace tollgate::upstream {
namespace {

// Long enough for a burst of connections to share one look-up, short enough to follow a change of the zone.
constexpr std::chrono::seconds kGoodFor(5);

}  // namespace

struct Resolver::State {
  struct Waiter {
    Timer timer;
    bool answered = false;
  };

  State(asio::io_context& io, std::string host_name, std::string port_number)
      : context(io), resolver(io), host(std::move(host_name)), port(std::move(port_number)) {}

  asio::io_context& context;
  asio::ip::basic_resolver<Tcp, Executor> resolver;
  std::string host;
  std::string port;
  bool literal = false;
  bool running = false;
  error_code result;
  std::vector<Tcp::endpoint> endpoints;
  SteadyClock::time_point good_until;
  std::list<Waiter*> waiters;
};

Resolver::Resolver(asio::io_context& context, std::string host, std::string port)
    : state_(std::make_shared<State>(context, std::move(host), std::move(port))) {
  error_code ec;
  const auto address = asio::ip::make_address(state_->host, ec);
  if (!ec) {
    state_->literal = true;
    state_->endpoints.emplace_back(address, static_cast<std::uint16_t>(std::stoul(state_->port)));
  }
}

void Resolver::start(const std::shared_ptr<State>& state) {
  state->running = true;
  state->resolver.async_resolve(state->host, state->port, [state](error_code ec, const auto& results) {
    state->running = false;
    state->result = ec;
    state->endpoints.clear();
    for (const auto& entry : results)
      state->endpoints.push_back(entry.endpoint());
    if (!ec)
      state->good_until = SteadyClock::now() + kGoodFor;
    for (State::Waiter* waiter : state->waiters) {
      waiter->answered = true;
      waiter->timer.cancel();
    }
  });
}

Awaitable<error_code> Resolver::resolve(std::chrono::milliseconds timeout, std::vector<Tcp::endpoint>& endpoints) {
  const std::shared_ptr<State> state = state_;
  if (!state->literal && SteadyClock::now() >= state->good_until) {
    if (!state->running)
      start(state);
    State::Waiter waiter{Timer(state->context)};
    struct Waiting {
      std::list<State::Waiter*>& list;
      State::Waiter* waiter;
      ~Waiting() { list.remove(waiter); }
    };
    const Waiting waiting{state->waiters, &waiter};
    state->waiters.push_back(&waiter);
    waiter.timer.expires_after(timeout);
    const auto [ec] = co_await waiter.timer.async_wait(as_tuple);
    if (!waiter.answered && ec)
      throw boost::system::system_error(asio::error::operation_aborted);
    if (!waiter.answered)
      co_return boost::beast::error::timeout;
    if (state->result)
      co_return state->result;
  }
  endpoints = state->endpoints;
  co_return error_code();
}

}  // namespace tollgate::upstream
