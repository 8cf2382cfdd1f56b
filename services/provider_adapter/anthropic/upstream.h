// One upstream that answers in the Messages API's own form: bytes pass untouched both ways.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "services/common/api/provider_adapter.h"
#include "services/common/config/config.h"
#include "services/common/runtime/deadlines.h"
#include "services/provider_adapter/anthropic/betas.h"
#include "services/provider_adapter/anthropic/route.h"
#include "services/provider_adapter/anthropic/thinking.h"
#include "services/provider_adapter/http/client.h"

namespace tollgate::anthropic {

struct UpstreamOptions {
  UpstreamConfig config;
  // A longer response that is not streamed is a failure.
  std::uint64_t response_bytes = 64 * 1024 * 1024;
  // Silence on a stream after which a keep-alive frame is due, if the upstream's kernel is known to be alive.
  milliseconds ping{15000};
  // Other upstreams speak other dialects: conversations may bring thinking blocks with signatures of the gateway's own.
  bool beside_other_dialects = false;
  // The upstream learns which trace a request belongs to.
  bool propagate_trace = false;
};

// Used on one shard; outlives its calls, which outlive no longer than the shard. `upstream` of the requests is not
// looked at. Cancelling a call closes its connection at once.
class Upstream : public ProviderAdapter {
 public:
  // Fails when the URL, the key or the CA file cannot be used; the error names the field.
  static absl::StatusOr<std::unique_ptr<Upstream>> make(asio::io_context& context, Deadlines& deadlines,
                                                        UpstreamOptions options);
  // The same over another route; `url` is where it leads to.
  static absl::StatusOr<std::unique_ptr<Upstream>> make(asio::io_context& context, Deadlines& deadlines,
                                                        UpstreamOptions options, const upstream::Url& url,
                                                        std::unique_ptr<Route> route);

  Awaitable<absl::Status> send(const v1::SendRequest& request, FrameSink& sink) override;
  Awaitable<absl::StatusOr<v1::CountTokensReply>> count_tokens(const v1::SendRequest& request) override;
  Awaitable<absl::StatusOr<v1::ProbeReply>> probe(const v1::ProbeRequest& request) override;

  const upstream::Pool& pool() const { return client_.pool(); }

 private:
  Upstream(UpstreamOptions options, std::unique_ptr<Route> route, std::shared_ptr<upstream::Pool> pool);

  const std::string& name() const { return options_.config.name; }
  absl::Status fail(const v1::SendRequest& request, v1::Failure failure) const;
  absl::Status fail_bad(const v1::SendRequest& request, std::string message) const;
  // A 2xx, whose body is still to come.
  struct Answer {
    Answer(upstream::Response taken, std::size_t dropped) : response(std::move(taken)), thinking_dropped(dropped) {}

    upstream::Response response;
    // Thinking blocks that the request lost on its way.
    std::size_t thinking_dropped;
  };
  // Sends the request and waits for the head of a 2xx; every other answer is a failure.
  Awaitable<absl::StatusOr<Answer>> exchange(Call call, const v1::SendRequest& request);
  v1::Head head_of(const Answer& answer) const;
  // What the upstream is known to refuse of the thinking blocks in the request; empty when there is none.
  ThinkingCut unwanted_thinking(const v1::SendRequest& request);
  // After it has refused some: all of them, remembered.
  ThinkingCut refused_thinking(const v1::SendRequest& request);
  // Makes the client's headers those that the model takes at this upstream, by what is configured and what was learnt.
  absl::Status fit(const v1::SendRequest& request, ClientHeaders& headers) const;
  // Whether the failure refuses beta flags of those sent; they are not sent to this model any more, for a while.
  bool learn(const v1::SendRequest& request, const v1::Failure& failure, const Flags& sent);
  absl::Status check_coding(const v1::SendRequest& request, const upstream::Response& response) const;
  // The whole body into `body`; false when it is longer than `limit`.
  Awaitable<absl::StatusOr<bool>> collect(upstream::Response& response, std::uint64_t limit, std::string& body);
  // `decoder` may be null.
  Awaitable<absl::Status> relay_stream(const v1::SendRequest& request, Answer& answer, StreamDecoder* decoder,
                                       FrameSink& sink);
  Awaitable<absl::Status> relay_whole(const v1::SendRequest& request, Answer& answer, FrameSink& sink);

  const UpstreamOptions options_;
  const std::unique_ptr<Route> route_;
  upstream::Client client_;
  RefusedFlags refused_;
  RefusedSignatures refused_signatures_;
};

}  // namespace tollgate::anthropic
