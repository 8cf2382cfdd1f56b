// Chat completions, spoken in place of the Messages API.
#pragma once

#include "services/common/config/config.h"
#include "services/provider_adapter/anthropic/route.h"
#include "services/provider_adapter/openai/answer.h"
#include "services/provider_adapter/openai/quirks.h"
#include "services/provider_adapter/translation/envelope.h"

namespace tollgate::openai {

class ChatRoute : public anthropic::Route {
 public:
  ChatRoute(UpstreamConfig config, upstream::Url url, QuirkTable quirks)
      : config_(std::move(config)),
        url_(std::move(url)),
        quirks_(std::move(quirks)),
        envelopes_(translation::envelope_key(config_.signing_key, config_.api_key)) {}

  Awaitable<absl::StatusOr<anthropic::Outgoing>> prepare(anthropic::Call call, const v1::SendRequest& request,
                                                         const anthropic::ClientHeaders& headers) override;
  v1::Failure failure(unsigned status, const boost::beast::http::fields& headers, std::string body, bool complete,
                      std::chrono::system_clock::time_point now) const override;
  std::unique_ptr<anthropic::StreamDecoder> decoder(const v1::SendRequest& request,
                                                    const upstream::Response& response) const override;
  absl::StatusOr<std::string> translate(const v1::SendRequest& request, std::string body) const override;
  absl::StatusOr<std::optional<std::int64_t>> estimate(const v1::SendRequest& request) const override;
  // Ours are opened here, others are left out.
  bool takes_signatures() const override { return false; }
  void dress(v1::Head& head) const override;

 private:
  absl::StatusOr<std::string> body_of(const v1::SendRequest& request) const;
  AnswerContext context_of(const v1::SendRequest& request) const;

  const UpstreamConfig config_;
  const upstream::Url url_;
  const QuirkTable quirks_;
  const translation::Envelopes envelopes_;
};

}  // namespace tollgate::openai
