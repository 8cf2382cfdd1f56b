// How requests reach an upstream that answers in the Messages API's own form: target, headers, credentials, and what
// its platform wants changed in the body.
#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include <boost/beast/http/fields.hpp>
#include <chrono>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "services/common/async.h"
#include "services/provider_adapter/http/client.h"
#include "tollgate/v1/adapter.pb.h"

namespace tollgate::anthropic {

using ClientHeaders = google::protobuf::RepeatedPtrField<v1::Header>;

// kModels tries address and credentials: a request that costs nothing, without a body.
enum class Call { kMessages, kCountTokens, kModels };

// A request ready to be sent. Its body points into the request it was made from and into `edits`.
struct Outgoing {
  Outgoing() = default;
  Outgoing(Outgoing&&) = default;
  Outgoing& operator=(Outgoing&&) = default;

  upstream::Request message;
  google::protobuf::RepeatedPtrField<v1::Edit> edits;
  // Which credentials it bears, for Route::renew().
  std::uint64_t credentials = 0;
};

// Used on one shard; outlives its calls.
class Route {
 public:
  virtual ~Route() = default;

  // `headers`: the client's, those for this upstream; `request.headers` is not looked at. Errors carry a Failure;
  // cancellation by exception.
  virtual Awaitable<absl::StatusOr<Outgoing>> prepare(Call call, const v1::SendRequest& request,
                                                      const ClientHeaders& headers) = 0;

  // The upstream answered 401 to `outgoing`: lets go of its credentials. True when another try will have others.
  virtual bool renew(const Outgoing&) { return false; }

  // The failure of a response that is not 2xx; `complete`: `body` is all of it.
  virtual v1::Failure failure(unsigned status, const boost::beast::http::fields& headers, std::string body,
                              bool complete, std::chrono::system_clock::time_point now) const = 0;
};

}  // namespace tollgate::anthropic
