// The Messages API at its own paths, with a key in a header: Anthropic itself and everything that imitates it.
#pragma once

#include "services/common/config/config.h"
#include "services/provider_adapter/anthropic/headers.h"
#include "services/provider_adapter/anthropic/route.h"

namespace tollgate::anthropic {

// A request with anthropic-beta goes to PATH?beta=true, as the client libraries do it.
Target direct_target(Call call, const UpstreamConfig& config, const upstream::Url& url, const ClientHeaders& headers);

class DirectRoute : public Route {
 public:
  DirectRoute(UpstreamConfig config, upstream::Url url) : config_(std::move(config)), url_(std::move(url)) {}

  Awaitable<absl::StatusOr<Outgoing>> prepare(Call call, const v1::SendRequest& request,
                                              const ClientHeaders& headers) override;
  v1::Failure failure(unsigned status, const boost::beast::http::fields& headers, std::string body, bool complete,
                      std::chrono::system_clock::time_point now) const override;

 private:
  const UpstreamConfig config_;
  const upstream::Url url_;
};

}  // namespace tollgate::anthropic
