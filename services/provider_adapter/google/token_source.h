// The access token of one identity: fetched when it is first needed, by one request at a time, and anew 5 minutes
// before it expires.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "services/provider_adapter/google/token_exchange.h"

namespace tollgate::gcp {

class TokenSource {
 public:
  struct Options {
    // Of the upstream, and its UpstreamConfig::ca_file.
    std::string name;
    std::string ca_file;
    // For tests.
    std::function<SteadyClock::time_point()> now = &SteadyClock::now;
  };
  struct Token {
    std::string value;
    // Another one for each token.
    std::uint64_t number = 0;
  };

  // Used on one shard, with its io_context and its Deadlines, which outlive it.
  TokenSource(asio::io_context& context, Deadlines& deadlines, Credentials credentials, Options options);

  // Waits only when there is no token that still lives; shortly before it expires, callers go on with the old one while
  // a new one is fetched. Errors carry a Failure; cancellation by exception, and the fetching goes on for the others.
  Awaitable<absl::StatusOr<Token>> token();
  // Google refused that token: it is given to nobody any more.
  void drop(std::uint64_t number);

  const std::string& quota_project() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace tollgate::gcp
