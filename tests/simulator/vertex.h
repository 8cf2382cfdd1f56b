// The simulator as Google Cloud: it issues access tokens, and serves Claude on Vertex AI to those that bear one. As
// strict as Google about signatures, claims and what does not belong into a request.
//
//   POST /token                                        a service account's assertion, or a refresh token
//   POST /sts                                          the exchange of a subject token ("subject-token")
//   POST /impersonate:generateAccessToken              with a token of /sts
//   GET  /computeMetadata/v1/instance/service-accounts/default/token
//   POST /v1/projects/PROJECT/locations/REGION/publishers/anthropic/models/MODEL:rawPredict, :streamRawPredict
//   GET  /v1/projects/PROJECT/locations/REGION
//
// Its errors are Google's, in an array where a stream was asked for. POST /_sim/vertex {"revoke": true} makes all
// tokens issued so far invalid; {"token_seconds": N} is the life of those to come. Source:
// https://cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/use-claude
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "tests/simulator/api.h"

namespace tollgate::simulator {

struct VertexOptions {
  // PEM, of the service account whose assertions are taken; empty: none are.
  std::string public_key;
  std::string email = "gateway@test-project.iam.gserviceaccount.com";
  std::string project = "test-project";
  std::int64_t token_seconds = 3600;
};

// Any thread.
class Vertex {
 public:
  explicit Vertex(VertexOptions options) : options_(std::move(options)) {}

  static bool is_call(const Request& request);
  Reply handle(const Request& request);
  // Of /_sim/vertex.
  Reply control(const Request& request);
  // Whether the request bears a token that is good.
  bool accepts(const Request& request, bool federated = false);

 private:
  struct Issued {
    std::chrono::steady_clock::time_point until;
    // Good for impersonation alone.
    bool federated = false;
  };

  Reply token(const Request& request);
  Reply exchange(const Request& request);
  Reply impersonate(const Request& request);
  Reply predict(const Request& request);
  // Empty: it is right.
  std::string wrong_assertion(const std::string& assertion, std::string_view audience) const;
  std::string issue(bool federated = false);

  const VertexOptions options_;
  Api api_{""};
  std::mutex mutex_;
  std::map<std::string, Issued, std::less<>> tokens_;
  std::int64_t token_seconds_ = options_.token_seconds;
  std::uint64_t serial_ = 0;
};

}  // namespace tollgate::simulator
