// Claude on Amazon Bedrock.
#pragma once

#include <memory>

#include "services/provider_adapter/anthropic/upstream.h"

namespace tollgate::bedrock {

// As anthropic::Upstream, which does the relaying.
class Upstream : public ProviderAdapter {
 public:
  // `options.config.dialect` is "bedrock". Credentials: the configuration's API key, or its access key; else
  // AWS_BEARER_TOKEN_BEDROCK, unless it names a profile; else aws::find_credentials(). Fails when a field cannot be
  // used; the error names it.
  static absl::StatusOr<std::unique_ptr<Upstream>> make(asio::io_context& context, Deadlines& deadlines,
                                                        anthropic::UpstreamOptions options);

  Awaitable<absl::Status> send(const v1::SendRequest& request, FrameSink& sink) override;
  // Bedrock counts for some models only, and takes some inference profiles' ids and others' not: by the id as it is,
  // then by the model's own, then a guess of our own at a quarter of the body's bytes, marked by the header
  // x-tollgate-estimated: true.
  Awaitable<absl::StatusOr<v1::CountTokensReply>> count_tokens(const v1::SendRequest& request) override;
  // There is no call that costs nothing and says nothing else: a count for a model that does not exist is refused only
  // once the credentials are believed.
  Awaitable<absl::StatusOr<v1::ProbeReply>> probe(const v1::ProbeRequest& request) override;

 private:
  Upstream(UpstreamConfig config, std::unique_ptr<anthropic::Upstream> upstream)
      : config_(std::move(config)), upstream_(std::move(upstream)) {}

  const UpstreamConfig config_;
  const std::unique_ptr<anthropic::Upstream> upstream_;
};

// us.anthropic.claude-x -> anthropic.claude-x; others as they are.
std::string_view base_model(std::string_view model);

}  // namespace tollgate::bedrock
