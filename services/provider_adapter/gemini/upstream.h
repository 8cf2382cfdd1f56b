// Gemini behind the Messages API.
#pragma once

#include <memory>

#include "services/provider_adapter/anthropic/upstream.h"

namespace tollgate::gemini {

// As anthropic::Upstream, which does the relaying.
class Upstream : public ProviderAdapter {
 public:
  // `options.config.dialect` is "gemini": AI Studio by its api_key, Vertex AI by its project. Fails when the URL, the
  // key or a file cannot be used; the error names the field.
  static absl::StatusOr<std::unique_ptr<Upstream>> make(asio::io_context& context, Deadlines& deadlines,
                                                        anthropic::UpstreamOptions options);

  // A request whose thought signatures are refused is sent once more without them.
  Awaitable<absl::Status> send(const v1::SendRequest& request, FrameSink& sink) override;
  Awaitable<absl::StatusOr<v1::CountTokensReply>> count_tokens(const v1::SendRequest& request) override;
  Awaitable<absl::StatusOr<v1::ProbeReply>> probe(const v1::ProbeRequest& request) override;

 private:
  explicit Upstream(std::unique_ptr<anthropic::Upstream> upstream) : upstream_(std::move(upstream)) {}

  const std::unique_ptr<anthropic::Upstream> upstream_;
};

}  // namespace tollgate::gemini
