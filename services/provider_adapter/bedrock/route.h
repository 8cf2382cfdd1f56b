// How requests reach Bedrock: the path with the model in it, a signature or an API key, the body that it wants.
#pragma once

#include <memory>
#include <string>

#include "services/common/config/config.h"
#include "services/common/runtime/deadlines.h"
#include "services/provider_adapter/anthropic/headers.h"
#include "services/provider_adapter/anthropic/route.h"
#include "services/provider_adapter/aws/credential_cache.h"

namespace tollgate::bedrock {

// What AWS serves a region under, for a wire.
std::string default_url(const BedrockConfig& config);

// What requests to a host are signed for: bedrock-mantle and aws-external-anthropic have services of their own.
std::string service_of(std::string_view host);

// The path of a call below the URL's prefix. `model` may be an ARN.
std::string invoke_path(anthropic::Call call, std::string_view model, bool stream);

class Route : public anthropic::Route {
 public:
  // `config`: of the dialect "bedrock". `cache` is null when it has credentials or an API key of its own.
  Route(asio::io_context& context, Deadlines& deadlines, UpstreamConfig config, upstream::Url url, std::string api_key,
        std::shared_ptr<aws::CredentialCache> cache);

  Awaitable<absl::StatusOr<anthropic::Outgoing>> prepare(anthropic::Call call, const v1::SendRequest& request,
                                                         const anthropic::ClientHeaders& headers) override;
  bool refuses_credentials(unsigned status, const boost::beast::http::fields& headers) const override;
  bool renew(const anthropic::Outgoing& outgoing) override;
  v1::Failure failure(unsigned status, const boost::beast::http::fields& headers, std::string body, bool complete,
                      std::chrono::system_clock::time_point now) const override;
  std::unique_ptr<anthropic::StreamDecoder> decoder(const v1::SendRequest&,
                                                    const upstream::Response& response) const override;
  void dress(v1::Head& head) const override;

 private:
  bool invokes() const { return config_.bedrock.wire == BedrockWire::kInvoke; }
  absl::StatusOr<std::string> body_of(anthropic::Call call, const v1::SendRequest& request,
                                      const anthropic::ClientHeaders& headers) const;
  anthropic::Target target_of(anthropic::Call call, const v1::SendRequest& request,
                              const anthropic::ClientHeaders& headers) const;
  Awaitable<absl::Status> authorize(anthropic::Target& target, const std::string& body, std::uint64_t& version);

  asio::io_context& context_;
  Deadlines& deadlines_;
  const UpstreamConfig config_;
  const upstream::Url url_;
  const std::string api_key_;
  const std::string service_;
  const std::shared_ptr<aws::CredentialCache> cache_;
};

}  // namespace tollgate::bedrock
