// How requests reach Gemini, at Google AI Studio or on Vertex AI, and come back as the Messages API's own.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "services/common/config/config.h"
#include "services/provider_adapter/anthropic/route.h"
#include "services/provider_adapter/gemini/answer.h"
#include "services/provider_adapter/gemini/failures.h"
#include "services/provider_adapter/google/token_source.h"
#include "services/provider_adapter/translation/envelope.h"

namespace tollgate::gemini {

// A header of a request from Upstream to its Route: thought signatures are to be left out. It goes no further.
inline constexpr std::string_view kWithoutSignatures = "x-tollgate-without-thought-signatures";

class Route : public anthropic::Route {
 public:
  // `config`: of the dialect "gemini", its URL set. `tokens` are Vertex AI's; none: AI Studio, by config.api_key.
  Route(UpstreamConfig config, upstream::Url url, std::optional<gcp::TokenSource> tokens);

  Awaitable<absl::StatusOr<anthropic::Outgoing>> prepare(anthropic::Call call, const v1::SendRequest& request,
                                                         const anthropic::ClientHeaders& headers) override;
  bool renew(const anthropic::Outgoing& outgoing) override;
  v1::Failure failure(unsigned status, const boost::beast::http::fields& headers, std::string body, bool complete,
                      std::chrono::system_clock::time_point now) const override;
  std::unique_ptr<anthropic::StreamDecoder> decoder(const v1::SendRequest& request,
                                                    const upstream::Response& response) const override;
  absl::StatusOr<std::string> translate(const v1::SendRequest& request, std::string body) const override;
  bool takes_signatures() const override { return false; }
  absl::StatusOr<std::string> translate_count(const v1::SendRequest& request, std::string body) const override;
  void dress(v1::Head& head) const override;

 private:
  Door door() const { return tokens_ ? Door::kVertex : Door::kStudio; }
  Answer::Context context(const v1::SendRequest& request) const;
  absl::StatusOr<std::string> body_of(anthropic::Call call, const v1::SendRequest& request,
                                      const anthropic::ClientHeaders& headers) const;
  std::string path_of(anthropic::Call call, const v1::SendRequest& request) const;

  const UpstreamConfig config_;
  const upstream::Url url_;
  std::optional<gcp::TokenSource> tokens_;
  const translation::Envelopes envelopes_;
};

}  // namespace tollgate::gemini
