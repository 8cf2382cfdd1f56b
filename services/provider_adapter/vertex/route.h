// Claude on Vertex AI: rawPredict with the Messages API's own answers and events.
#pragma once

#include "services/common/config/config.h"
#include "services/provider_adapter/anthropic/route.h"
#include "services/provider_adapter/google/token_source.h"

namespace tollgate::vertex {

class VertexRoute : public anthropic::Route {
 public:
  // `config.url` is set.
  VertexRoute(UpstreamConfig config, upstream::Url url, gcp::TokenSource tokens)
      : config_(std::move(config)), url_(std::move(url)), tokens_(std::move(tokens)) {}

  Awaitable<absl::StatusOr<anthropic::Outgoing>> prepare(anthropic::Call call, const v1::SendRequest& request,
                                                         const anthropic::ClientHeaders& headers) override;
  bool renew(const anthropic::Outgoing& outgoing) override;
  v1::Failure failure(unsigned status, const boost::beast::http::fields& headers, std::string body, bool complete,
                      std::chrono::system_clock::time_point now) const override;

 private:
  const UpstreamConfig config_;
  const upstream::Url url_;
  gcp::TokenSource tokens_;
};

}  // namespace tollgate::vertex
