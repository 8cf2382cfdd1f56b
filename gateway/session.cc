#include "gateway/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "gateway/ascii.h"
#include "gateway/chunked_decoder.h"
#include "gateway/credentials.h"
#include "gateway/dashboard_page.h"
#include "gateway/forwarding.h"
#include "gateway/heartbeat.h"
#include "gateway/keys_json.h"
#include "gateway/openai/chat_call.h"
#include "services/common/access/authenticate.h"
#include "services/common/access/credentials.h"
#include "services/common/access/guarded_activity.h"
#include "services/common/base/digest.h"
#include "services/common/base/log.h"

namespace tollgate {
namespace {

// A body that nobody wants is read up to here to keep the connection; beyond, a new connection is cheaper.
constexpr std::uint64_t kDroppedBody = 64 * 1024;
// A body is read in pieces as large as what has come of it, within these: a length that was only claimed costs next to
// no memory.
constexpr std::size_t kFirstBodyStep = 4 * 1024;
constexpr std::size_t kBodyStep = 128 * 1024;

// How long a client may go on sending what nobody reads any more, after a refusal and after a regular last response.
constexpr std::chrono::milliseconds kRefusedLinger(5000);
constexpr std::chrono::milliseconds kLinger(1000);

constexpr const char* kNoKey =
    "No API key was sent. Set ANTHROPIC_AUTH_TOKEN to a Tollgate key, or send it as `Authorization: Bearer "
    "sk-tg-v1-...` "
    "or `x-api-key: sk-tg-v1-...`.";
constexpr const char* kTwoKeys =
    "Two different Tollgate keys were sent, one in `x-api-key` and one in `Authorization`. Send one of them.";

// When a client that was refused for want of room may come again.
constexpr std::chrono::seconds kSoon(1);
// A key that does not work is refused after a multiple of this: the time says nothing about why.
constexpr std::chrono::milliseconds kKeyTime(25);

// Between the clocks of those who write records.
constexpr std::int64_t kToleranceMs = 2000;

constexpr const char* kNoStore = "cache-control: no-store\r\n";
constexpr const char* kShuttingDown = "The gateway is shutting down. Try again.";

std::int64_t unix_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

RecordFormat record_format(ExportFormat format) {
  if (format == ExportFormat::kCsv)
    return RecordFormat::kCsv;
  return format == ExportFormat::kJson ? RecordFormat::kJson : RecordFormat::kNdjson;
}

asio::const_buffer buffer_of(std::string_view text) {
  return {text.data(), text.size()};
}

bool is_account(Resource resource) {
  return resource == Resource::kModels || resource == Resource::kModel || resource == Resource::kKey;
}

// Where the dashboard's session counts as its key.
bool takes_session(Resource resource) {
  return is_management(resource) || is_activity(resource) || resource == Resource::kKey;
}

Page page_of(std::string_view target) {
  Page page;
  const std::string limit = query_value(target, "limit");
  std::from_chars(limit.data(), limit.data() + limit.size(), page.limit);
  page.after_id = query_value(target, "after_id");
  page.before_id = query_value(target, "before_id");
  return page;
}

Refusal too_large(std::uint64_t limit) {
  constexpr std::string_view setting = " (limits.body_bytes of the gateway)";
  return {413, fmt::format("The request body is larger than {} bytes{}.", limit,
                           limit <= kManagementBodyBytes ? std::string_view() : setting)};
}

// For the log: a secret that was taken for a hash stays one.
std::string without_secret(std::string_view path) {
  const auto secret = path.find(kKeyPrefix);
  return secret == std::string_view::npos ? std::string(path) : std::string(path.substr(0, secret)) + "...";
}

v1::Failure to_failure(Refusal refusal) {
  v1::Failure failure = make_failure(v1::Failure::KIND_INVALID_REQUEST, std::move(refusal.message));
  if (refusal.status == 413)
    failure.set_kind(v1::Failure::KIND_TOO_LARGE);
  failure.set_http_status(refusal.status);
  failure.set_error_type(std::string(error_type_of(refusal.status)));
  return failure;
}

}  // namespace

Session::Session(EdgeShard& shard, Connection& connection, const IpAddress& peer)
    : shard_(shard), connection_(connection), peer_(peer) {
  shard_.sessions.push_back(*this);
}

Awaitable<void> Session::run() {
  const bool open = co_await connection_.handshake(shard_.timeouts.header);
  bool again = open;
  while (again) {
    again = co_await read_head();
    if (again) {
      co_await serve();
      again = !closes() && !abort_;
    }
  }
  if (abort_ && framing_.http_1_0)
    connection_.reset();
  else if (open && !abort_)
    co_await connection_.linger(unread_ ? kRefusedLinger : kLinger);
  connection_.close();
}

void Session::drain() {
  if (idle_)
    connection_.close();
  else if (live_)
    cut();
}

void Session::cut() {
  cut_ = true;
  if (connection_.watching())
    connection_.cancel_signal().emit(asio::cancellation_type::terminal);
  else
    connection_.close();
}

Awaitable<bool> Session::send(Gather buffers) {
  const std::size_t size = asio::buffer_size(buffers);
  const bool sent = co_await connection_.send(buffers);
  if (sent)
    record_.bytes += size;
  co_return sent;
}

Awaitable<bool> Session::read_head() {
  // A new connection is not idle: it has been opened for a request.
  connection_.expires_after(std::exchange(first_, false) ? shard_.timeouts.header : shard_.timeouts.idle);
  idle_ = true;
  std::size_t scanned = 0;
  while (true) {
    const std::string_view data = connection_.input().data();
    if (!data.empty() && idle_) {
      idle_ = false;
      begin_record();
      connection_.expires_after(shard_.timeouts.header);
    }
    const HeadEnd end = find_head_end(data, scanned);
    if (end.size > 0 && !connection_.ended()) {
      connection_.clear_deadline();
      head_size_ = end.size;
      co_return true;
    }
    scanned = data.size();
    const bool too_long = data.size() >= shard_.limits.header_bytes;
    const bool stop = end.bad || too_long || (idle_ && shard_.draining);
    bool more = false;
    if (!stop)
      more = co_await connection_.fill();
    if (more)
      continue;
    // Nothing was asked: nothing is answered.
    abort_ = idle_ || connection_.ended();
    if (abort_)
      co_return false;
    Refusal refusal{408, "The request's headers did not arrive in time (timeouts.header of the gateway)."};
    if (end.bad)
      refusal = {400, "This is no HTTP/1.1 request: lines end with CR LF, and the first is METHOD /path HTTP/1.1."};
    else if (too_long)
      refusal = {431, fmt::format("The request's headers are larger than {} bytes.", shard_.limits.header_bytes)};
    co_await refuse(std::move(refusal));
    end_record();
    co_return false;
  }
}

Awaitable<void> Session::serve() {
  const std::string_view bytes = connection_.input().data().substr(0, head_size_);
  const HeadLimits limits{.bytes = shard_.limits.header_bytes, .count = shard_.limits.header_count};
  std::optional<Refusal> refusal = inspect_head(bytes, limits, framing_);
  if (!refusal && !parse_head(bytes, head_))
    refusal = Refusal{400, "The request's headers are malformed."};
  if (refusal) {
    dialect_ = Dialect::kMessages;
    co_await refuse(*std::move(refusal));
  } else {
    co_await dispatch();
  }
  end_record();
}

Awaitable<void> Session::dispatch() {
  close_ = !framing_.keep_alive;
  route_ = find_route(head_.target);
  record_.method = name_of(framing_.method);
  record_.path = without_secret(head_.target.substr(0, head_.target.find('?')));
  record_.quiet = route_.resource == Resource::kProbe || route_.resource == Resource::kTelemetry;
  in_flight_.emplace(shard_.metrics.in_flight(route_.resource));
  client_ = shard_.guards->addresses.of_request(peer_, head_);
  trace_ = enter_trace(head_.find_all(kTraceparent), head_.find_all(kTracestate));
  record_.trace_id = trace_.trace_id;
  const bool management = is_management(route_.resource);
  const bool activity = is_activity(route_.resource);
  const bool account = is_account(route_.resource) && head_.find("anthropic-version").empty();
  const bool page = route_.resource == Resource::kDashboard || route_.resource == Resource::kSignIn;
  dialect_ = account || management || activity || page ? Dialect::kAccount : Dialect::kMessages;
  if (route_.resource == Resource::kChat)
    dialect_ = Dialect::kChat;

  if (route_.resource == Resource::kUnknown || (activity && shard_.services.activity == nullptr)) {
    Answer nothing = failed(v1::Failure::KIND_NOT_FOUND, fmt::format("There is nothing at {}.", record_.path));
    co_return co_await answer_early(std::move(nothing));
  }
  if (framing_.method == Method::kOptions || !allows(route_.resource, framing_.method)) {
    Answer methods{.status = 204, .headers = {}, .body = {}};
    if (framing_.method != Method::kOptions)
      methods = failed(to_failure({405, fmt::format("{} takes no {}.", record_.path, record_.method)}));
    methods.headers += fmt::format("allow: {}\r\n", allowed_methods(route_.resource));
    co_return co_await answer_early(std::move(methods));
  }
  if (framing_.content_length > body_limit()) {
    Refusal refusal = too_large(body_limit());
    co_return co_await refuse(std::move(refusal));
  }
  if (route_.resource == Resource::kProbe) {
    Answer probe = json_answer("{\"status\":\"ok\"}");
    co_return co_await answer_early(std::move(probe));
  }
  if (route_.resource == Resource::kTelemetry)
    co_return co_await take_telemetry();

  // One that came by itself has its place with its connection.
  if (shard_.guards->addresses.trusts(peer_) && !shard_.guards->addresses.unlimited(client_)) {
    slot_ = shard_.guards->slots->enter(client_);
    if (!slot_) {
      std::string message = "Too many requests at once come from your address. Try again when some of them are done.";
      co_return co_await shed(Shed::kTooManyOfAddress, v1::Failure::KIND_RATE_LIMITED, std::move(message), kSoon);
    }
  }
  if (route_.resource == Resource::kDashboard)
    co_return co_await serve_dashboard();
  if (route_.resource == Resource::kSignIn)
    co_return co_await serve_sign_in();

  Credentials credentials = find_api_key(head_);
  // The dashboard's session stands for its key where the page needs that: it infers nothing.
  if (credentials.key.empty() && !credentials.conflict && takes_session(route_.resource)) {
    credentials.key = session_token(head_);
    absl::Status own = credentials.key.empty() ? absl::OkStatus() : check_origin(framing_.method, head_);
    if (!own.ok()) {
      Answer foreign = failed(failure_of(own));
      co_return co_await answer_early(std::move(foreign));
    }
  }
  if (credentials.key.empty()) {
    Answer no_key = failed(v1::Failure::KIND_UNAUTHENTICATED, credentials.conflict ? kTwoKeys : kNoKey);
    co_return co_await answer_early(std::move(no_key));
  }
  std::string hash = sha256_hex(credentials.key);
  if (credentials.key.starts_with(kKeyPrefix))
    record_.key_id = hash;
  const bool may = co_await may_show(std::move(hash));
  if (!may)
    co_return;
  if (management)
    co_await serve_management(credentials.key);
  else if (activity)
    co_await serve_activity(credentials.key);
  else if (is_account(route_.resource))
    co_await serve_account(credentials.key);
  else
    co_await serve_messages(credentials.key);
}

Awaitable<void> Session::serve_messages(std::string_view api_key) {
  v1::CreateRequest request;
  request.set_api_key(api_key.data(), api_key.size());
  forward_request_headers(head_, *request.mutable_headers());
  set_trace(trace_, *request.mutable_headers());
  drop_head();
  std::string& body = *request.mutable_body();
  const bool whole = co_await read_body(body);
  if (!whole)
    co_return;
  if (route_.resource != Resource::kCountTokens) {
    MessageResponse response(*this, !framing_.http_1_0, dialect_);
    absl::Status status = absl::InternalError("the call has ended by an exception");
    Awaitable<void> call = create(request, response, status);
    co_await watched(std::move(call));
    co_return co_await end_message(response, std::move(status));
  }
  absl::StatusOr<v1::CountTokensReply> reply = absl::InternalError("the call has ended by an exception");
  Awaitable<void> call = count_tokens(request, reply);
  co_await watched(std::move(call));
  if (lost())
    co_return;
  if (!reply.ok()) {
    Answer refused = failed(failure_of(reply.status()));
    co_return co_await answer(std::move(refused));
  }
  Answer counted{.status = reply->head().status(), .headers = {}, .body = std::move(*reply->mutable_body())};
  append_response_headers(reply->head().headers(), counted.headers);
  record_.request_id = find_header(reply->head().headers(), "request-id");
  co_await answer(std::move(counted));
}

Awaitable<void> Session::serve_account(std::string_view api_key) {
  const AccountQuery query{.api_key = std::string(api_key), .page = page_of(head_.target)};
  drop_head();
  absl::StatusOr<std::string> json = absl::InternalError("the call has ended by an exception");
  Awaitable<void> call = account(query, json);
  co_await watched(std::move(call));
  if (lost())
    co_return;
  Answer reply = json.ok() ? json_answer(*std::move(json)) : failed(failure_of(json.status()));
  co_await answer(std::move(reply));
}

Awaitable<void> Session::serve_management(std::string_view api_key) {
  ManagementRequest request{.resource = route_.resource,
                            .method = framing_.method,
                            .id = route_.id,
                            .api_key = std::string(api_key),
                            .target = std::string(head_.target),
                            .body = {}};
  drop_head();
  const bool whole = co_await read_body(request.body);
  if (!whole)
    co_return;
  absl::StatusOr<Answer> reply = absl::InternalError("the call has ended by an exception");
  Awaitable<void> call = manage(request, reply);
  co_await watched(std::move(call));
  if (lost())
    co_return;
  Answer managed = reply.ok() ? *std::move(reply) : failed(failure_of(reply.status()));
  // One of these carries a secret.
  managed.headers += kNoStore;
  co_await answer(std::move(managed));
}

Awaitable<void> Session::serve_activity(std::string_view api_key) {
  ActivityRequest request{.resource = route_.resource,
                          .id = route_.id,
                          .target = std::string(head_.target),
                          .body = {},
                          .now_ms = unix_ms()};
  std::string key(api_key);
  std::string last_event_id(head_.find("last-event-id"));
  drop_head();
  const bool whole = co_await read_body(request.body);
  if (!whole)
    co_return;
  if (route_.resource == Resource::kActivityExport || route_.resource == Resource::kActivityStream)
    co_return co_await serve_records(request, std::move(key), std::move(last_event_id));
  absl::StatusOr<Answer> reply = absl::InternalError("the call has ended by an exception");
  Awaitable<void> call = activity(request, std::move(key), reply);
  co_await watched(std::move(call));
  if (lost())
    co_return;
  Answer shown = reply.ok() ? *std::move(reply) : failed(failure_of(reply.status()));
  shown.headers += kNoStore;
  co_await answer(std::move(shown));
}

Awaitable<void> Session::serve_records(const ActivityRequest& request, std::string api_key, std::string last_event_id) {
  const Executor executor = co_await asio::this_coro::executor;
  const bool live = request.resource == Resource::kActivityStream;
  absl::StatusOr<v1::ExportQuery> followed = v1::ExportQuery();
  absl::StatusOr<ExportParams> exported = ExportParams();
  if (live)
    followed = read_live(request.target, request.now_ms);
  else
    exported = read_export(request.target, request.now_ms);
  absl::Status status = live ? followed.status() : exported.status();
  if (live && shard_.draining)
    status = error(v1::Failure::KIND_UNAVAILABLE, kShuttingDown);
  if (!status.ok()) {
    Answer refused = failed(failure_of(status));
    refused.headers += kNoStore;
    co_return co_await answer(std::move(refused));
  }
  const RecordFormat format = live ? RecordFormat::kEvents : record_format(exported->format);
  std::string file_name = "activity-" + iso_time(request.now_ms / 1000).substr(0, 10);
  RecordResponse response(*this, executor, format, !framing_.http_1_0, std::move(file_name));
  status = absl::InternalError("the call has ended by an exception");
  if (live) {
    Awaitable<void> call =
        follow_records(*std::move(followed), std::move(api_key), std::move(last_event_id), response, status);
    live_ = true;
    co_await watched(std::move(call));
    live_ = false;
  } else {
    Awaitable<void> call = export_records(exported->query, std::move(api_key), response, status);
    co_await watched(std::move(call));
  }
  co_await end_records(response, std::move(status));
}

Awaitable<void> Session::serve_dashboard() {
  Answer page = dashboard_page(dashboard_files(), head_);
  co_await answer_early(std::move(page));
}

Awaitable<void> Session::serve_sign_in() {
  SignInCall call = sign_in_call(framing_.method, head_, shard_.tls);
  // A form of another site could sign its own key in, but cannot send JSON.
  const bool json = starts_with_ignoring_case(head_.find("content-type"), "application/json");
  absl::Status own = framing_.method == Method::kDelete ? check_origin(framing_.method, head_) : absl::OkStatus();
  if (framing_.method == Method::kPost && !json)
    own = error(v1::Failure::KIND_INVALID_REQUEST, "Signing in takes {\"key\": ...} as application/json.");
  if (shard_.services.sign_ins == nullptr)
    own = error(v1::Failure::KIND_NOT_FOUND, "This gateway has no dashboard.");
  if (!own.ok()) {
    Answer refused = failed(failure_of(own));
    co_return co_await answer_early(std::move(refused));
  }
  if (framing_.method == Method::kPost || !call.token.empty()) {
    std::string hash = call.token.empty() ? std::string() : sha256_hex(call.token);
    const bool may = co_await may_show(std::move(hash));
    if (!may)
      co_return;
  }
  drop_head();
  const bool whole = co_await read_body(call.body);
  if (!whole)
    co_return;
  // The key that is signed in with is known now; whoever signs out has proven nothing.
  if (framing_.method == Method::kPost)
    shown_key_ = sha256_hex(call.body);
  else if (framing_.method == Method::kDelete)
    shown_key_.clear();
  absl::StatusOr<Answer> reply = absl::InternalError("the call has ended by an exception");
  Awaitable<void> asked = sign_in(call, reply);
  co_await watched(std::move(asked));
  if (lost())
    co_return;
  Answer session = reply.ok() ? *std::move(reply) : failed(failure_of(reply.status()));
  session.headers += "cache-control: no-store\r\n";
  session.headers += kDashboardHeaders;
  co_await answer(std::move(session));
}

Awaitable<void> Session::take_telemetry() {
  drop_head();
  const bool whole = co_await drop_body();
  if (!whole)
    co_return;
  Answer taken = json_answer("{}");
  co_await answer(std::move(taken));
}

Awaitable<void> Session::create(v1::CreateRequest& request, MessageResponse& response, absl::Status& status) {
  Messages& messages = *shard_.services.messages;
  Awaitable<absl::Status> call =
      route_.resource == Resource::kChat
          ? chat::complete_chat(messages, *shard_.services.catalog, std::move(request), response)
          : messages.create(std::move(request), response);
  status = co_await std::move(call);
}

Awaitable<void> Session::count_tokens(v1::CreateRequest& request, absl::StatusOr<v1::CountTokensReply>& reply) {
  Awaitable<absl::StatusOr<v1::CountTokensReply>> call = shard_.services.messages->count_tokens(std::move(request));
  reply = co_await std::move(call);
}

Awaitable<void> Session::manage(const ManagementRequest& request, absl::StatusOr<Answer>& reply) {
  Awaitable<absl::StatusOr<Answer>> call =
      tollgate::manage(*shard_.services.keys, *shard_.services.workspaces, request);
  reply = co_await std::move(call);
}

Awaitable<void> Session::activity(const ActivityRequest& request, std::string api_key, absl::StatusOr<Answer>& reply) {
  absl::StatusOr<v1::Key> caller = co_await authenticated_key(*shard_.services.keys, std::move(api_key));
  if (!caller.ok()) {
    reply = caller.status();
    co_return;
  }
  CallersActivity seen(*shard_.services.activity, *shard_.services.keys, *std::move(caller));
  Awaitable<absl::StatusOr<Answer>> call = answer_activity(seen, request);
  reply = co_await std::move(call);
}

Awaitable<void> Session::export_records(const v1::ExportQuery& query, std::string api_key, RecordResponse& response,
                                        absl::Status& status) {
  absl::StatusOr<v1::Key> caller = co_await authenticated_key(*shard_.services.keys, std::move(api_key));
  if (!caller.ok()) {
    status = caller.status();
    co_return;
  }
  CallersActivity seen(*shard_.services.activity, *shard_.services.keys, *std::move(caller));
  Awaitable<absl::Status> call = seen.export_records(query, response);
  status = co_await std::move(call);
  if (status.ok())
    status = co_await response.finish();
}

Awaitable<void> Session::follow_records(v1::ExportQuery query, std::string api_key, std::string last_event_id,
                                        RecordResponse& response, absl::Status& status) {
  absl::StatusOr<v1::Key> caller = co_await authenticated_key(*shard_.services.keys, std::move(api_key));
  if (!caller.ok()) {
    status = caller.status();
    co_return;
  }
  CallersActivity seen(*shard_.services.activity, *shard_.services.keys, *std::move(caller));
  if (!last_event_id.empty()) {
    // A client that was away goes on where it stood, if that is still known.
    v1::GenerationQuery last;
    last.set_generation_id(last_event_id);
    const absl::StatusOr<v1::ActivityRecord> record = co_await seen.generation(last);
    if (record.ok()) {
      query.mutable_filter()->set_since_ms(record->created_ms() + record->duration_ms() - kToleranceMs);
      response.skip_until(std::move(last_event_id), unix_ms());
    }
  }
  status = co_await response.begin();
  if (!status.ok())
    co_return;
  const Executor executor = co_await asio::this_coro::executor;
  Heartbeat heartbeat(executor, shard_.timeouts.ping, [&response] { return response.comment(); });
  std::exception_ptr thrown;
  try {
    Awaitable<absl::Status> call = seen.export_records(query, response);
    status = co_await std::move(call);
  } catch (...) {
    thrown = std::current_exception();
  }
  // A cancelled coroutine, too, waits for the end.
  const bool throwing = co_await asio::this_coro::throw_if_cancelled();
  co_await asio::this_coro::throw_if_cancelled(false);
  co_await heartbeat.stop();
  co_await asio::this_coro::throw_if_cancelled(throwing);
  if (thrown)
    std::rethrow_exception(thrown);
}

Awaitable<void> Session::sign_in(const SignInCall& call, absl::StatusOr<Answer>& reply) {
  Awaitable<absl::StatusOr<Answer>> answered = answer_sign_in(*shard_.services.keys, *shard_.services.sign_ins, call);
  reply = co_await std::move(answered);
}

Awaitable<void> Session::account(const AccountQuery& query, absl::StatusOr<std::string>& json) {
  if (route_.resource == Resource::kKey) {
    const absl::StatusOr<v1::Key> key = co_await authenticated_key(*shard_.services.keys, query.api_key);
    json = key.ok() ? absl::StatusOr<std::string>(current_key_json(*key)) : key.status();
  } else if (route_.resource == Resource::kModels) {
    v1::ListModelsRequest request;
    request.set_api_key(query.api_key);
    const absl::StatusOr<v1::ListModelsReply> models = co_await shard_.services.catalog->list_models(request);
    json = models.ok() ? absl::StatusOr<std::string>(models_json(*models, query.page)) : models.status();
  } else {
    v1::GetModelRequest request;
    request.set_id(route_.id);
    request.set_api_key(query.api_key);
    const absl::StatusOr<v1::Model> model = co_await shard_.services.catalog->get_model(request);
    json = model.ok() ? absl::StatusOr<std::string>(model_json(*model)) : model.status();
  }
}

Awaitable<void> Session::watched(Awaitable<void> call) {
  connection_.begin_watch();
  try {
    co_await std::move(call);
  } catch (const std::exception& exception) {
    if (!connection_.gone() && !cut_)
      Log(spdlog::level::err, "call_failed").with("error", exception.what());
  }
  connection_.end_watch();
  // A coroutine stays cancelled until this: its next co_await would throw.
  if (connection_.gone() || cut_)
    co_await asio::this_coro::reset_cancellation_state();
}

bool Session::lost() {
  if (connection_.write_timed_out())
    record_.end = "write_timeout";
  else if (connection_.gone() || connection_.write_failed())
    record_.end = "client_gone";
  else
    return false;
  abort_ = true;
  return true;
}

Awaitable<void> Session::end_message(MessageResponse& response, absl::Status status) {
  record_.status = response.status();
  record_.generation_id = response.generation_id();
  record_.request_id = response.request_id();
  record_.model = response.model();
  record_.provider = response.provider();
  if (response.complete() || lost())
    co_return;
  if (cut_)
    status = error(v1::Failure::KIND_UNAVAILABLE, kShuttingDown);
  else if (status.ok())
    status = error(v1::Failure::KIND_INTERNAL, "The response has ended before it was complete.");
  v1::Failure failure = failure_of(status);
  if (failure.generation_id().empty())
    failure.set_generation_id(response.generation_id());
  if (response.untouched()) {
    Answer refused = failed(std::move(failure));
    co_return co_await answer(std::move(refused));
  }
  const bool ended = co_await response.end_with(failure);
  record_.end = ended ? "failed" : "cut";
  abort_ = !ended;
}

Awaitable<void> Session::end_records(RecordResponse& response, absl::Status status) {
  record_.status = 200;
  if (response.complete() || lost())
    co_return;
  if (cut_)
    status = error(v1::Failure::KIND_UNAVAILABLE, kShuttingDown);
  else if (status.ok())
    status = error(v1::Failure::KIND_INTERNAL, "The stream has ended before its time.");
  v1::Failure failure = failure_of(status);
  if (response.untouched()) {
    Answer refused = failed(std::move(failure));
    refused.headers += kNoStore;
    co_return co_await answer(std::move(refused));
  }
  const bool ended = co_await response.end_with(failure);
  record_.end = ended ? "failed" : "cut";
  abort_ = !ended;
}

std::uint64_t Session::body_limit() const {
  const bool small = is_management(route_.resource) || is_activity(route_.resource);
  std::uint64_t most = small ? kManagementBodyBytes : shard_.limits.body_bytes;
  if (route_.resource == Resource::kSignIn)
    most = kSignInBodyBytes;
  return std::min<std::uint64_t>(most, shard_.limits.body_bytes);
}

Awaitable<bool> Session::read_body(std::string& body) {
  // Small ones are not counted: whoever looks after a gateway that is full must be heard.
  if (body_limit() > kManagementBodyBytes)
    memory_.emplace(shard_.guards->bodies);
  // Better before the client sends it.
  if (memory_ && shard_.guards->bodies.full_for(framing_.content_length)) {
    co_await shed_for_memory();
    co_return false;
  }
  co_await send_continue();
  Awaitable<bool> whole = framing_.chunked ? read_chunked_body(body, true) : read_sized_body(body);
  co_return co_await std::move(whole);
}

Awaitable<bool> Session::read_sized_body(std::string& body) {
  const auto length = static_cast<std::size_t>(framing_.content_length);
  // Address space only: memory is taken where bytes arrive.
  body.reserve(length);
  const std::string_view early = connection_.input().data().substr(0, length);
  body.assign(early);
  connection_.input().consume(early.size());
  std::size_t filled = early.size();
  const auto begin = SteadyClock::now();
  while (filled < length) {
    const std::size_t step = std::clamp(filled, kFirstBodyStep, kBodyStep);
    const std::size_t wanted = filled == body.size() ? std::min(length, filled + step) : body.size();
    if (!room_for(wanted)) {
      co_await shed_for_memory();
      co_return false;
    }
    body.resize(wanted);
    expect_body(begin, filled);
    const asio::mutable_buffer free = asio::buffer(body.data() + filled, body.size() - filled);
    const std::size_t received = co_await connection_.receive(free);
    if (received == 0) {
      co_await end_body();
      co_return false;
    }
    filled += received;
  }
  connection_.clear_deadline();
  co_return true;
}

Awaitable<bool> Session::read_chunked_body(std::string& body, bool keep) {
  ChunkedDecoder decoder(body_limit());
  const auto begin = SteadyClock::now();
  std::uint64_t received = 0;
  while (true) {
    const std::size_t used = decoder.feed(connection_.input().data(), body);
    connection_.input().consume(used);
    received += used;
    // Of a string that grows by itself the capacity counts.
    if (keep && !room_for(body.capacity())) {
      co_await shed_for_memory();
      co_return false;
    }
    if (!keep)
      body.clear();
    if (decoder.state() == ChunkedDecoder::State::kDone)
      co_return true;
    if (decoder.state() != ChunkedDecoder::State::kMore) {
      Refusal refusal{400, "The request's chunked body is malformed, or has trailers."};
      if (decoder.state() == ChunkedDecoder::State::kTooLarge)
        refusal = too_large(body_limit());
      co_await refuse(std::move(refusal));
      co_return false;
    }
    expect_body(begin, received);
    const bool more = co_await more_body();
    if (!more)
      co_return false;
  }
}

Awaitable<bool> Session::drop_body() {
  co_await send_continue();
  std::string dropped;
  if (framing_.chunked)
    co_return co_await read_chunked_body(dropped, false);
  std::uint64_t left = framing_.content_length;
  const auto begin = SteadyClock::now();
  while (true) {
    const std::size_t step = std::min<std::uint64_t>(left, connection_.input().data().size());
    connection_.input().consume(step);
    left -= step;
    if (left == 0)
      co_return true;
    expect_body(begin, framing_.content_length - left);
    const bool more = co_await more_body();
    if (!more)
      co_return false;
  }
}

void Session::expect_body(SteadyClock::time_point begin, std::uint64_t received) {
  std::chrono::milliseconds time = shard_.timeouts.body;
  if (const std::uint32_t pace = shard_.limits.bytes_per_second; pace > 0) {
    const auto spent = std::chrono::duration_cast<std::chrono::milliseconds>(SteadyClock::now() - begin);
    time = std::min(time, kSlowTimeouts * time + time_for(received, pace) - spent);
  }
  connection_.expires_after(std::max(time, std::chrono::milliseconds(0)));
}

Awaitable<bool> Session::more_body() {
  const bool more = co_await connection_.fill();
  if (!more)
    co_await end_body();
  else
    connection_.clear_deadline();
  co_return more;
}

Awaitable<void> Session::end_body() {
  if (connection_.timed_out()) {
    Refusal refusal{408,
                    "The request's body stopped arriving, or came too slowly (timeouts.body_ms and "
                    "limits.bytes_per_second of the gateway)."};
    co_return co_await refuse(std::move(refusal));
  }
  record_.end = "client_gone";
  abort_ = true;
}

Awaitable<void> Session::send_continue() {
  // A client whose body is already on its way waits for nothing.
  if (!framing_.expect_continue || !framing_.has_body() || !connection_.input().empty())
    co_return;
  constexpr std::string_view interim = "HTTP/1.1 100 Continue\r\n\r\n";
  const Gather buffers = {buffer_of(interim), asio::const_buffer(), asio::const_buffer()};
  co_await send(buffers);
}

Awaitable<void> Session::answer(Answer answer) {
  if (key_failed_)
    co_await hide_time();
  const std::string head = head_of(answer, closes());
  const std::string_view body = framing_.method == Method::kHead ? std::string_view() : answer.body;
  const Gather buffers = {buffer_of(head), buffer_of(body), asio::const_buffer()};
  record_.status = answer.status;
  const bool sent = co_await send(buffers);
  if (!sent)
    lost();
}

Awaitable<void> Session::answer_early(Answer early) {
  const bool unknown_length = framing_.chunked || framing_.expect_continue;
  if (framing_.has_body() && (unknown_length || framing_.content_length > kDroppedBody))
    close_ = unread_ = true;
  drop_head();
  if (framing_.has_body() && !close_) {
    const bool dropped = co_await drop_body();
    if (!dropped)
      co_return;
  }
  co_await answer(std::move(early));
}

Awaitable<void> Session::refuse(Refusal refusal) {
  close_ = unread_ = true;
  record_.end = "refused";
  Answer refused = failed(to_failure(std::move(refusal)));
  co_await answer(std::move(refused));
}

Awaitable<void> Session::shed(Shed reason, FailureKind kind, std::string message, std::chrono::seconds retry_after) {
  shed_requests(reason).Increment();
  v1::Failure failure = make_failure(kind, std::move(message));
  add_header(failure, "retry-after", std::to_string(retry_after.count()));
  if (framing_.has_body())
    close_ = unread_ = true;
  drop_head();
  Answer refused = failed(std::move(failure));
  co_await answer(std::move(refused));
}

bool Session::room_for(std::uint64_t body_bytes) {
  return !memory_ || memory_->grow_to(body_bytes);
}

Awaitable<void> Session::shed_for_memory() {
  std::string message =
      "The gateway has as many requests in memory as it may (limits.in_flight_bytes). Try again in a moment.";
  co_await shed(Shed::kMemory, v1::Failure::KIND_OVERLOADED, std::move(message), kSoon);
}

Awaitable<bool> Session::may_show(std::string key) {
  shown_ = SteadyClock::now();
  shown_key_ = std::move(key);
  if (shard_.guards->addresses.unlimited(client_))
    co_return true;
  const auto wait = shard_.guards->failed_keys.wait(client_, shown_key_, shown_);
  if (wait == wait.zero())
    co_return true;
  shown_key_.clear();
  std::string message = "Too many API keys that do not work have come from your address. Try again later.";
  co_await shed(Shed::kFailedKeys, v1::Failure::KIND_RATE_LIMITED, std::move(message),
                std::chrono::ceil<std::chrono::seconds>(wait));
  co_return false;
}

void Session::note_failed_key() {
  key_failed_ = true;
  if (shard_.guards->addresses.unlimited(client_))
    return;
  if (shard_.guards->failed_keys.failed(client_, shown_key_, SteadyClock::now()))
    Log(spdlog::level::warn, "too_many_failed_keys").with("address", client_.text());
}

Awaitable<void> Session::hide_time() {
  const Executor executor = co_await asio::this_coro::executor;
  const auto steps = (SteadyClock::now() - shown_) / kKeyTime + 1;
  Timer timer(executor, shown_ + steps * kKeyTime);
  co_await timer.async_wait(as_tuple);
}

Answer Session::failed(v1::Failure failure) {
  if (failure.kind() == v1::Failure::KIND_UNAUTHENTICATED && !shown_key_.empty())
    note_failed_key();
  if (failure.generation_id().empty())
    failure.set_generation_id(new_generation_id());
  record_.generation_id = failure.generation_id();
  record_.request_id = request_id_of(failure);
  return failure_answer(failure, dialect_);
}

void Session::begin_record() {
  begin_ = SteadyClock::now();
  record_ = AccessRecord();
  framing_ = Framing();
  dialect_ = Dialect::kMessages;
  route_ = Route();
  client_ = peer_;
  shown_key_.clear();
  key_failed_ = false;
}

void Session::end_record() {
  const auto time = SteadyClock::now() - begin_;
  const bool worked = !shown_key_.empty() && record_.status >= 200 && record_.status < 300;
  if (worked && !shard_.guards->addresses.unlimited(client_))
    shard_.guards->failed_keys.worked(client_, shown_key_);
  memory_.reset();
  slot_.reset();
  in_flight_.reset();
  stream_.reset();
  shard_.metrics.ended(route_.resource, record_.status, record_.bytes, time);
  log_access(record_, std::chrono::duration_cast<std::chrono::microseconds>(time));
}

void Session::drop_head() {
  connection_.input().consume(std::exchange(head_size_, 0));
}

}  // namespace tollgate
