// How requests reach an upstream, and how its answers become the Messages API's own: target, headers, credentials, what
// its platform wants changed in the body, or another dialect altogether.
#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include <boost/beast/http/fields.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "services/common/async.h"
#include "services/provider_adapter/http/client.h"
#include "tollgate/v1/adapter.pb.h"
#include "tollgate/v1/messages.pb.h"

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
  // What the body points into instead, where it was written anew.
  std::unique_ptr<const std::string> body;
  // Which credentials it bears, for Route::renew().
  std::uint64_t credentials = 0;
};

// Turns the body of a stream that is framed in another way, or speaks another dialect, into the API's events.
class StreamDecoder {
 public:
  virtual ~StreamDecoder() = default;

  // Takes the next bytes and appends to `events` the events that they complete. An error carries the Failure that ends
  // the stream; what was appended before it counts.
  virtual absl::Status decode(std::string_view bytes, std::string& events) = 0;
  // The body ended. Appends what is still due, as decode() does.
  virtual absl::Status finish(std::string& events) = 0;
  // All that has to come has come, but for the end of the body, which finish() waits for: it is not waited for long.
  virtual bool ending() const { return false; }
  // Adds to the counts of the events what the platform counted and they leave out.
  virtual void complete(v1::Usage& usage) const = 0;
};

// Used on one shard; outlives its calls.
class Route {
 public:
  virtual ~Route() = default;

  // `headers`: the client's, those for this upstream; `request.headers` is not looked at. Errors carry a Failure;
  // cancellation by exception.
  virtual Awaitable<absl::StatusOr<Outgoing>> prepare(Call call, const v1::SendRequest& request,
                                                      const ClientHeaders& headers) = 0;

  // Whether such an answer refuses the credentials, and not what is done with them.
  virtual bool refuses_credentials(unsigned status, const boost::beast::http::fields&) const { return status == 401; }
  // The upstream refused the credentials of `outgoing`: lets go of its credentials. True when another try will have
  // others.
  virtual bool renew(const Outgoing&) { return false; }

  // The failure of a response that is not 2xx; `complete`: `body` is all of it.
  virtual v1::Failure failure(unsigned status, const boost::beast::http::fields& headers, std::string body,
                              bool complete, std::chrono::system_clock::time_point now) const = 0;

  // Null: a stream is server-sent events as it comes.
  virtual std::unique_ptr<StreamDecoder> decoder(const v1::SendRequest&, const upstream::Response&) const {
    return nullptr;
  }
  // Makes the body of a 2xx that is not streamed the API's own. An error carries the Failure that it was.
  virtual absl::StatusOr<std::string> translate(const v1::SendRequest&, std::string body) const { return body; }
  // Thinking blocks reach the upstream with their signatures; otherwise the dialect sees to them.
  virtual bool takes_signatures() const { return true; }
  // Counts a prompt's tokens where the upstream cannot; nothing: it can.
  virtual absl::StatusOr<std::optional<std::int64_t>> estimate(const v1::SendRequest&) const { return std::nullopt; }
  // Makes the upstream's count the API's own: {"input_tokens":N}.
  virtual absl::StatusOr<std::string> translate_count(const v1::SendRequest&, std::string body) const { return body; }
  // Makes the head of a 2xx the API's own.
  virtual void dress(v1::Head&) const {}
};

}  // namespace tollgate::anthropic
