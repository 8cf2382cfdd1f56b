#include "services/provider_adapter/anthropic/upstream.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <boost/beast/core/string.hpp>

#include "services/common/base/log.h"
#include "services/common/telemetry/trace_context.h"
#include "services/provider_adapter/anthropic/direct_route.h"
#include "services/provider_adapter/anthropic/event_stream.h"
#include "services/provider_adapter/anthropic/failures.h"
#include "services/provider_adapter/anthropic/headers.h"
#include "services/provider_adapter/translation/token_estimate.h"
#include "services/provider_adapter/upstream_failure.h"

namespace tollgate::anthropic {
namespace {

using boost::beast::iequals;
using upstream::Response;

// A longer error body is none of the API's.
constexpr std::uint64_t kErrorLimit = 64 * 1024;
// After message_stop (or an `error` event) only the end of the body is left: how long it may take to come.
constexpr milliseconds kEndGrace(1000);
constexpr std::size_t kBytesPerToken = 4;
constexpr milliseconds kNever = milliseconds::max();

bool is_event_stream(const Response& response) {
  const std::string_view type = response.header("content-type");
  constexpr std::string_view kEventStream = "text/event-stream";
  return iequals(type.substr(0, kEventStream.size()), kEventStream);
}

// What a decoder makes is an event stream, whatever the upstream called its own.
void set_event_stream(v1::Head& head) {
  for (v1::Header& header : *head.mutable_headers()) {
    if (iequals(header.name(), "content-type"))
      header.set_value("text/event-stream; charset=utf-8");
  }
}

v1::Frame done_frame(const v1::SendRequest& request, const std::string& provider, v1::Usage usage, bool errored) {
  v1::Frame frame;
  v1::Done& done = *frame.mutable_done();
  done.set_generation_id(request.generation_id());
  done.set_provider(provider);
  done.set_model(request.model());
  *done.mutable_usage() = std::move(usage);
  done.set_errored(errored);
  return frame;
}

// The request line for a person: GET https://host/path.
std::string target_of(const upstream::Request& message, const upstream::Url& url) {
  const std::string_view line = std::string_view(message.head).substr(0, message.head.find(" HTTP/"));
  const std::size_t space = line.find(' ');
  return fmt::format("{} {}://{}{}", line.substr(0, space), url.tls ? "https" : "http", url.authority(),
                     line.substr(space + 1));
}

// Who counted.
void add_count_source(v1::CountTokensReply& reply, std::string_view source) {
  v1::Header& header = *reply.mutable_head()->add_headers();
  header.set_name("x-tollgate-token-count");
  header.set_value(std::string(source));
}

v1::CountTokensReply estimated_reply(std::int64_t tokens) {
  v1::CountTokensReply reply;
  reply.mutable_head()->set_status(200);
  v1::Header& type = *reply.mutable_head()->add_headers();
  type.set_name("content-type");
  type.set_value("application/json");
  add_count_source(reply, "estimate");
  reply.set_body(fmt::format("{{\"input_tokens\":{}}}", tokens));
  return reply;
}

// The count of an upstream that imitates the API without this call; nothing when the failure is another one.
std::optional<v1::CountTokensReply> counted_instead(const v1::Failure& failure, const v1::SendRequest& request) {
  const std::uint32_t status = failure.http_status();
  // The API's own error has a body: it speaks of the request.
  if (!failure.body().empty() || (status != 404 && status != 405 && status != 501))
    return std::nullopt;
  translation::RequestReader reader;
  const absl::StatusOr<translation::MessagesRequest> asked = reader.read(request.body(), false);
  if (!asked.ok())
    return std::nullopt;
  return estimated_reply(translation::estimate_prompt(*asked));
}

absl::Status wrong_config(const std::string& name, std::string_view field, std::string_view why) {
  return error(v1::Failure::KIND_INVALID_REQUEST, fmt::format("upstreams.{}.{}: {}", name, field, why));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Upstream>> Upstream::make(asio::io_context& context, Deadlines& deadlines,
                                                         UpstreamOptions options) {
  const UpstreamConfig& config = options.config;
  auto url = upstream::parse_url(config.url);
  if (!url.ok())
    return wrong_config(config.name, "url", std::string(url.status().message()));
  if (!is_header_value(config.api_key)) {
    return wrong_config(config.name, "api_key",
                        "it holds a line break or another control character, which no header may have.");
  }
  auto route = std::make_unique<DirectRoute>(config, *url);
  return make(context, deadlines, std::move(options), *url, std::move(route));
}

absl::StatusOr<std::unique_ptr<Upstream>> Upstream::make(asio::io_context& context, Deadlines& deadlines,
                                                         UpstreamOptions options, const upstream::Url& url,
                                                         std::unique_ptr<Route> route) {
  const UpstreamConfig& config = options.config;
  upstream::PoolOptions pool_options;
  pool_options.name = config.name;
  pool_options.url = url;
  pool_options.ca_file = config.ca_file;
  pool_options.max_connections = config.max_connections;
  pool_options.connect_timeout = config.connect_timeout;
  // A silent upstream must have been probed when its stream's keep-alive frame is due.
  const auto ping = std::chrono::ceil<std::chrono::seconds>(options.ping);
  pool_options.keepalive_idle = std::clamp(ping, std::chrono::seconds(1), pool_options.keepalive_idle);
  auto pool = upstream::Pool::make(context, deadlines, std::move(pool_options));
  if (!pool.ok())
    return wrong_config(config.name, "ca_file", std::string(pool.status().message()));
  return std::unique_ptr<Upstream>(new Upstream(std::move(options), std::move(route), *std::move(pool)));
}

Upstream::Upstream(UpstreamOptions options, std::unique_ptr<Route> route, std::shared_ptr<upstream::Pool> pool)
    : options_(std::move(options)),
      route_(std::move(route)),
      client_(std::move(pool), {options_.config.first_byte_timeout, options_.config.idle_timeout}) {}

absl::Status Upstream::fail(const v1::SendRequest& request, v1::Failure failure) const {
  failure.set_generation_id(request.generation_id());
  return to_status(failure);
}

absl::Status Upstream::fail_bad(const v1::SendRequest& request, std::string message) const {
  return fail(request, bad_response(name(), std::move(message)));
}

v1::Head Upstream::head_of(const Answer& answer) const {
  v1::Head head;
  head.set_status(answer.response.status());
  copy_response_headers(answer.response.headers(), *head.mutable_headers());
  route_->dress(head);
  if (answer.thinking_dropped > 0) {
    v1::Header& header = *head.add_headers();
    header.set_name("x-tollgate-thinking-dropped");
    header.set_value(fmt::format("{}", answer.thinking_dropped));
  }
  return head;
}

ThinkingCut Upstream::unwanted_thinking(const v1::SendRequest& request) {
  const std::string& body = request.body();
  if (!route_->takes_signatures())
    return {};
  const bool envelopes = options_.beside_other_dialects &&
                         memmem(body.data(), body.size(), kEnvelopeTag.data(), kEnvelopeTag.size()) != nullptr;
  if (!envelopes && refused_signatures_.empty())
    return {};
  const auto now = SteadyClock::now();
  return cut_thinking(body, [&](std::string_view signature) {
    return signature.starts_with(kEnvelopeTag) || refused_signatures_.contains(signature, now);
  });
}

ThinkingCut Upstream::refused_thinking(const v1::SendRequest& request) {
  const ThinkingCut cut = cut_thinking(request.body(), [](std::string_view) { return true; });
  const auto now = SteadyClock::now();
  for (const std::string& signature : cut.signatures)
    refused_signatures_.add(signature, now);
  if (cut.blocks > 0) {
    Log(spdlog::level::warn, "thinking_refused")
        .with("upstream", name())
        .with("model", request.model())
        .with("blocks", cut.blocks)
        .with("generation_id", request.generation_id());
  }
  return cut;
}

Awaitable<absl::StatusOr<Upstream::Answer>> Upstream::exchange(Call call, const v1::SendRequest& original) {
  bool renewed = false;
  bool refitted = false;
  // Where thinking blocks had to go.
  std::optional<v1::SendRequest> without;
  std::size_t dropped = 0;
  const auto drop = [&](const ThinkingCut& cut) {
    without = original;
    add_edits(cut.edits, *without);
    dropped = cut.blocks;
  };
  const ThinkingCut unwanted = unwanted_thinking(original);
  if (unwanted.blocks > 0)
    drop(unwanted);
  for (;;) {
    const v1::SendRequest& request = without ? *without : original;
    ClientHeaders headers = request.headers();
    if (!options_.propagate_trace)
      remove_trace(headers);
    const absl::Status fitting = fit(request, headers);
    if (!fitting.ok())
      co_return fail(request, failure_of(fitting));
    const absl::StatusOr<Outgoing> outgoing = co_await route_->prepare(call, request, headers);
    if (!outgoing.ok())
      co_return fail(request, failure_of(outgoing.status()));
    absl::StatusOr<Response> response = co_await client_.send(outgoing->message);
    if (!response.ok())
      co_return fail(request, failure_of(response.status()));
    const unsigned status = response->status();
    if (status / 100 == 2) {
      const absl::Status readable = check_coding(request, *response);
      if (!readable.ok())
        co_return readable;
      co_return Answer(*std::move(response), dropped);
    }
    const bool refused = route_->refuses_credentials(status, response->headers());
    if (refused && !std::exchange(renewed, true) && route_->renew(*outgoing))
      continue;
    std::string body;
    const auto complete = co_await collect(*response, kErrorLimit, body);
    const bool all = complete.ok() && *complete;
    v1::Failure failure =
        route_->failure(status, response->headers(), std::move(body), all, std::chrono::system_clock::now());
    if (failure.kind() == v1::Failure::KIND_INVALID_REQUEST && !std::exchange(refitted, true) &&
        learn(request, failure, beta_flags(headers)))
      continue;
    if (failure.kind() == v1::Failure::KIND_INVALID_REQUEST && refuses_thinking(failure.message())) {
      const ThinkingCut every = refused_thinking(original);
      if (every.blocks > dropped) {
        drop(every);
        continue;
      }
    }
    co_return fail(request, std::move(failure));
  }
}

absl::Status Upstream::fit(const v1::SendRequest& request, ClientHeaders& headers) const {
  if (!is_unlimited(request.features())) {
    const absl::Status fitted = fit_headers(request.features(), name(), headers);
    if (!fitted.ok())
      return fitted;
  }
  if (!refused_.empty()) {
    const Flags refused = refused_.among(request.model(), beta_flags(headers), SteadyClock::now());
    if (!refused.empty())
      drop_flags(refused, headers);
  }
  return absl::OkStatus();
}

bool Upstream::learn(const v1::SendRequest& request, const v1::Failure& failure, const Flags& sent) {
  const Flags refused = refused_flags(failure.message(), sent);
  if (refused.empty())
    return false;
  refused_.add(request.model(), sent, refused, SteadyClock::now());
  Log(spdlog::level::warn, "beta_flags_refused")
      .with("upstream", name())
      .with("model", request.model())
      .with("flags", fmt::format("{}", fmt::join(refused, ",")))
      .with("generation_id", request.generation_id());
  return true;
}

absl::Status Upstream::check_coding(const v1::SendRequest& request, const Response& response) const {
  const std::string_view coding = response.header("content-encoding");
  if (coding.empty() || iequals(coding, "identity"))
    return absl::OkStatus();
  return fail_bad(request,
                  fmt::format("Upstream {} compressed its response ({}), though it was asked not to: its usage "
                              "cannot be read.",
                              name(), coding));
}

Awaitable<absl::StatusOr<bool>> Upstream::collect(Response& response, std::uint64_t limit, std::string& body) {
  std::string bytes;
  for (;;) {
    const auto read = co_await response.read(bytes, kNever);
    if (!read.ok())
      co_return read.status();
    if (*read == Response::Read::kEnd)
      co_return true;
    if (bytes.size() > limit - body.size())
      co_return false;
    if (body.empty()) {
      body.swap(bytes);
    } else {
      body.append(bytes);
    }
  }
}

Awaitable<absl::Status> Upstream::send(const v1::SendRequest& request, FrameSink& sink) {
  auto answer = co_await exchange(Call::kMessages, request);
  if (!answer.ok())
    co_return answer.status();
  absl::Status status;
  const std::unique_ptr<StreamDecoder> decoder = route_->decoder(request, answer->response);
  if (decoder != nullptr || is_event_stream(answer->response)) {
    status = co_await relay_stream(request, *answer, decoder.get(), sink);
  } else {
    status = co_await relay_whole(request, *answer, sink);
  }
  co_return status;
}

Awaitable<absl::Status> Upstream::relay_stream(const v1::SendRequest& request, Answer& answer, StreamDecoder* decoder,
                                               FrameSink& sink) {
  Response& response = answer.response;
  v1::Frame head;
  *head.mutable_head() = head_of(answer);
  if (decoder != nullptr)
    set_event_stream(*head.mutable_head());
  absl::Status written = co_await sink.write(std::move(head));
  if (!written.ok())
    co_return written;
  EventStream events;
  std::vector<v1::Frame> frames;
  std::string bytes;
  auto last_write = SteadyClock::now();
  for (bool open = true; open;) {
    const bool ending = decoder != nullptr && decoder->ending();
    const bool ended = events.stopped() || events.errored() || ending;
    const auto since_write = std::chrono::duration_cast<milliseconds>(SteadyClock::now() - last_write);
    const milliseconds quiet = ended ? kEndGrace : std::max(milliseconds(0), options_.ping - since_write);
    const auto read = co_await response.read(bytes, quiet);
    // Nothing is missing when all that failed to come is the end of the body.
    const bool late = ended && (!read.ok() || *read == Response::Read::kQuiet);
    if (late && !ending)
      break;
    if (!read.ok() && !late)
      co_return fail(request, failure_of(read.status()));
    if (!late && *read == Response::Read::kQuiet) {
      last_write = SteadyClock::now();
      if (events.mid_event() || !response.heard_within(2 * options_.ping))
        continue;
      v1::Frame frame;
      frame.mutable_keep_alive();
      written = co_await sink.write(std::move(frame));
      if (!written.ok())
        co_return written;
      continue;
    }
    open = !late && *read == Response::Read::kBytes;
    if (!open)
      bytes.clear();
    absl::Status decoded;
    if (decoder != nullptr) {
      std::string coded;
      coded.swap(bytes);
      decoded = open ? decoder->decode(coded, bytes) : decoder->finish(bytes);
      if (!decoded.ok() && (events.stopped() || events.errored()))
        break;
    }
    EventStream::Result result = EventStream::Result::kOk;
    if (open || !bytes.empty())
      result = events.push(std::move(bytes), frames);
    if (!open && result == EventStream::Result::kOk)
      result = events.finish(frames);
    if (result == EventStream::Result::kError)
      co_return fail(request, failure_of_error(name(), events.error(), std::move(events.error_json())));
    if (result == EventStream::Result::kMalformed)
      co_return fail_bad(request, fmt::format("Upstream {} sent an event that is not the API's.", name()));
    for (v1::Frame& frame : frames) {
      written = co_await sink.write(std::move(frame));
      if (!written.ok())
        co_return written;
    }
    if (!frames.empty())
      last_write = SteadyClock::now();
    frames.clear();
    if (!decoded.ok())
      co_return fail(request, failure_of(decoded));
  }
  if (!events.stopped() && !events.errored())
    co_return fail_bad(request, fmt::format("The stream of upstream {} ended early, without message_stop.", name()));
  v1::Usage usage = events.usage();
  if (decoder != nullptr)
    decoder->complete(usage);
  v1::Frame done = done_frame(request, name(), std::move(usage), events.errored());
  written = co_await sink.write(std::move(done));
  co_return written;
}

Awaitable<absl::Status> Upstream::relay_whole(const v1::SendRequest& request, Answer& answer, FrameSink& sink) {
  Response& response = answer.response;
  std::string body;
  const auto complete = co_await collect(response, options_.response_bytes, body);
  if (!complete.ok())
    co_return fail(request, failure_of(complete.status()));
  if (!*complete) {
    co_return fail_bad(request, fmt::format("The response of upstream {} is longer than limits.response_bytes ({}).",
                                            name(), options_.response_bytes));
  }
  absl::StatusOr<std::string> translated = route_->translate(request, std::move(body));
  if (!translated.ok())
    co_return fail(request, failure_of(translated.status()));
  body = *std::move(translated);
  UsageTracker usage;
  std::optional<ApiError> reported;
  if (!read_message(body, usage, reported)) {
    const std::string_view type = response.header("content-type");
    co_return fail_bad(request, fmt::format("Upstream {} answered {} with {} instead of a message of the API.", name(),
                                            response.status(), type.empty() ? "a body of no stated type" : type));
  }
  if (reported)
    co_return fail(request, failure_of_error(name(), *reported, std::move(body)));
  std::vector<v1::Frame> frames;
  *frames.emplace_back().mutable_head() = head_of(answer);
  if (usage.take_change())
    *frames.emplace_back().mutable_usage() = usage.usage();
  frames.emplace_back().mutable_committed();
  v1::Frame& data = frames.emplace_back();
  // All there is to charge by when the upstream has not counted.
  if (!usage.usage().final())
    data.set_estimated_output_tokens(static_cast<std::uint32_t>(body.size() / kBytesPerToken));
  data.set_data(std::move(body));
  frames.push_back(done_frame(request, name(), usage.usage(), false));
  for (v1::Frame& frame : frames) {
    const absl::Status written = co_await sink.write(std::move(frame));
    if (!written.ok())
      co_return written;
  }
  co_return absl::OkStatus();
}

Awaitable<absl::StatusOr<v1::CountTokensReply>> Upstream::count_tokens(const v1::SendRequest& request) {
  const absl::StatusOr<std::optional<std::int64_t>> estimate = route_->estimate(request);
  if (!estimate.ok())
    co_return fail(request, failure_of(estimate.status()));
  if (*estimate)
    co_return estimated_reply(**estimate);
  auto answer = co_await exchange(Call::kCountTokens, request);
  if (!answer.ok()) {
    std::optional<v1::CountTokensReply> counted = counted_instead(failure_of(answer.status()), request);
    if (counted)
      co_return *std::move(counted);
    co_return answer.status();
  }
  Response& response = answer->response;
  std::string body;
  const auto complete = co_await collect(response, kErrorLimit, body);
  if (!complete.ok())
    co_return fail(request, failure_of(complete.status()));
  if (*complete) {
    absl::StatusOr<std::string> translated = route_->translate_count(request, std::move(body));
    if (!translated.ok())
      co_return fail(request, failure_of(translated.status()));
    body = *std::move(translated);
  }
  UsageTracker usage;
  std::optional<ApiError> reported;
  if (!*complete || !read_message(body, usage, reported)) {
    co_return fail_bad(request, fmt::format("Upstream {} answered {} with {} instead of a token count.", name(),
                                            response.status(), response.header("content-type")));
  }
  if (reported)
    co_return fail(request, failure_of_error(name(), *reported, std::move(body)));
  v1::CountTokensReply reply;
  *reply.mutable_head() = head_of(*answer);
  add_count_source(reply, "upstream");
  reply.set_body(std::move(body));
  co_return reply;
}

Awaitable<absl::StatusOr<v1::ProbeReply>> Upstream::probe(const v1::ProbeRequest&) {
  const v1::SendRequest none;
  const auto outgoing = co_await route_->prepare(Call::kModels, none, none.headers());
  if (!outgoing.ok())
    co_return outgoing.status();
  const std::string target = target_of(outgoing->message, pool().options().url);
  auto response = co_await client_.send(outgoing->message);
  if (!response.ok())
    co_return response.status();
  const unsigned status = response->status();
  std::string body;
  const auto complete = co_await collect(*response, options_.response_bytes, body);
  v1::ProbeReply reply;
  if (status / 100 == 2) {
    UsageTracker usage;
    std::optional<ApiError> reported;
    if (!complete.ok() || !*complete || !read_message(body, usage, reported)) {
      co_return to_status(bad_response(name(), fmt::format("{} answered {} with {} instead of the API's JSON. Check "
                                                           "upstreams.{}.url.",
                                                           target, status, response->header("content-type"), name())));
    }
    reply.set_detail(fmt::format("{} answered {}: reachable, credentials accepted.", target, status));
    co_return reply;
  }
  if (status == 404 || status == 405) {
    reply.set_detail(
        fmt::format("{} answered {}: reachable; it lists no models, so that its credentials could not be "
                    "tried.",
                    target, status));
    co_return reply;
  }
  if (status == 401 || status == 403) {
    co_return to_status(upstream_failure(
        v1::Failure::KIND_UPSTREAM_AUTH, name(),
        fmt::format("{} answered {}: credentials refused. Check upstreams.{}.api_key and upstreams.{}.auth.", target,
                    status, name(), name())));
  }
  co_return to_status(route_->failure(status, response->headers(), std::move(body), complete.ok() && *complete,
                                      std::chrono::system_clock::now()));
}

}  // namespace tollgate::anthropic
