#include "services/provider_adapter/google/token_source.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/system/system_error.hpp>
#include <list>

#include "services/common/base/errors.h"

namespace tollgate::gcp {
namespace {

// How long before its expiry a token is replaced, and how long before it is used no more.
constexpr std::chrono::seconds kAhead(300);
constexpr std::chrono::seconds kTooLate(10);
// After a failure, while the old token still lives.
constexpr std::chrono::seconds kPause(5);

}  // namespace

struct TokenSource::State {
  struct Waiter {
    Timer timer;
    bool answered = false;
  };

  State(asio::io_context& io, Deadlines& deadlines, Credentials who, Options how)
      : context(io),
        credentials(std::move(who)),
        options(std::move(how)),
        fetcher(io, deadlines, options.name, options.ca_file) {}

  bool lives() const { return !token.value.empty() && options.now() + kTooLate < expires; }

  void take(absl::StatusOr<AccessToken> fetched) {
    fetching = false;
    result = fetched.status();
    const auto now = options.now();
    if (fetched.ok()) {
      token.value = std::move(fetched->value);
      ++token.number;
      expires = now + fetched->lifetime;
      // One of a life so short that it is always due is used for half of it.
      next = std::max(expires - kAhead, now + fetched->lifetime / 2);
    } else {
      next = now + kPause;
    }
    for (Waiter* waiter : waiters) {
      waiter->answered = true;
      waiter->timer.cancel();
    }
  }

  asio::io_context& context;
  const Credentials credentials;
  const Options options;
  Fetcher fetcher;
  Token token;
  SteadyClock::time_point expires;
  // When to fetch another one while this one lives.
  SteadyClock::time_point next;
  bool fetching = false;
  // Of the last fetching.
  absl::Status result;
  std::list<Waiter*> waiters;

  static void fetch(const std::shared_ptr<State>& state);
  static Awaitable<absl::StatusOr<AccessToken>> run(std::shared_ptr<State> state) {
    co_return co_await exchange(state->credentials, state->options.name, state->fetcher,
                                std::chrono::system_clock::now());
  }
};

void TokenSource::State::fetch(const std::shared_ptr<State>& state) {
  state->fetching = true;
  asio::co_spawn(state->context, run(state), [state](std::exception_ptr thrown, absl::StatusOr<AccessToken> fetched) {
    if (thrown)
      fetched = error(v1::Failure::KIND_UNAVAILABLE, "The request for an access token of Google's was given up.");
    state->take(std::move(fetched));
  });
}

TokenSource::TokenSource(asio::io_context& context, Deadlines& deadlines, Credentials credentials, Options options)
    : state_(std::make_shared<State>(context, deadlines, std::move(credentials), std::move(options))) {}

Awaitable<absl::StatusOr<TokenSource::Token>> TokenSource::token() {
  const std::shared_ptr<State> state = state_;
  const bool lives = state->lives();
  if (!state->fetching && (!lives || state->options.now() >= state->next))
    State::fetch(state);
  if (lives)
    co_return state->token;
  // It may have failed already.
  if (state->fetching) {
    State::Waiter waiter{Timer(state->context)};
    struct Waiting {
      std::list<State::Waiter*>& list;
      State::Waiter* waiter;
      ~Waiting() { list.remove(waiter); }
    };
    const Waiting waiting{state->waiters, &waiter};
    state->waiters.push_back(&waiter);
    waiter.timer.expires_at(SteadyClock::time_point::max());
    co_await waiter.timer.async_wait(as_tuple);
    if (!waiter.answered)
      throw boost::system::system_error(asio::error::operation_aborted);
  }
  if (!state->result.ok())
    co_return state->result;
  co_return state->token;
}

void TokenSource::drop(std::uint64_t number) {
  if (state_->token.number == number)
    state_->token.value.clear();
}

const std::string& TokenSource::quota_project() const {
  return state_->credentials.quota_project;
}

}  // namespace tollgate::gcp
