// Attempts that go on without their client: at providers that bill a stream to its end, whoever reads it.
#pragma once

#include <boost/intrusive/list.hpp>
#include <chrono>
#include <cstddef>
#include <memory>
#include <stop_token>

#include "services/common/api/provider_adapter.h"
#include "services/router/account.h"

namespace tollgate::router {

struct DrainOptions {
  // How many streams may be read to their end without a client at once; one more is aborted.
  std::size_t streams = 256;
  // How long after its client has left a stream is read at most.
  std::chrono::milliseconds time{600000};
};

// One for each shard; used on its thread only.
class Drains {
 public:
  // The adapter outlives it. What is still running when it is destroyed, the context having stopped, is settled as it
  // is.
  Drains(asio::io_context& context, ProviderAdapter& adapter, DrainOptions options);
  ~Drains();
  Drains(const Drains&) = delete;
  Drains& operator=(const Drains&) = delete;

  // As ProviderAdapter::send, each frame noted in `account` before `client` gets it. When `client` refuses a frame this
  // returns its refusal; then, and when the calling coroutine is cancelled, the attempt goes on in the background, and
  // `account` is settled by what comes of it. `client` is not touched any more then.
  Awaitable<absl::Status> send(std::shared_ptr<const v1::SendRequest> request, std::shared_ptr<Account> account,
                               FrameSink& client);

  // Streams that are read without a client.
  std::size_t running() const;
  // For the end of the process: waits for them until `until` or until `haste` is stopped, then aborts what is left and
  // settles it as it is.
  Awaitable<void> finish(SteadyClock::time_point until, std::stop_token haste = {});

 private:
  class Attempt;
  using Hook = boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

  asio::io_context& context_;
  ProviderAdapter& adapter_;
  const DrainOptions options_;
  boost::intrusive::list<Attempt, boost::intrusive::base_hook<Hook>, boost::intrusive::constant_time_size<false>>
      running_;
};

}  // namespace tollgate::router
