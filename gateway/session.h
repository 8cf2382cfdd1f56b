// One client connection from its first byte to its last: request after request.
#pragma once

#include <boost/intrusive/list.hpp>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "gateway/access_log.h"
#include "gateway/activity_api.h"
#include "gateway/activity_params.h"
#include "gateway/connection.h"
#include "gateway/edge.h"
#include "gateway/framing_guard.h"
#include "gateway/guards.h"
#include "gateway/management.h"
#include "gateway/message_response.h"
#include "gateway/metrics.h"
#include "gateway/models_json.h"
#include "gateway/record_response.h"
#include "gateway/request_head.h"
#include "gateway/response.h"
#include "gateway/routes.h"
#include "gateway/sign_in.h"
#include "services/common/base/errors.h"
#include "services/common/telemetry/trace_context.h"

namespace tollgate {

class Session;
using SessionHook = boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

// What the sessions of one shard share; on its thread. Outlives them.
struct EdgeShard {
  EdgeShard(asio::io_context& context, const EdgeServices& calls, const Config& config, std::shared_ptr<Guards> of_all)
      : deadlines(context),
        services(calls),
        limits(config.limits),
        timeouts(config.timeouts),
        guards(std::move(of_all)),
        tls(!config.listen.tls.certificate_file.empty()) {}

  Deadlines deadlines;
  const EdgeServices services;
  const LimitsConfig limits;
  const TimeoutsConfig timeouts;
  const std::shared_ptr<Guards> guards;
  const bool tls;
  EdgeMetrics metrics{telemetry()};
  bool draining = false;
  boost::intrusive::list<Session, boost::intrusive::base_hook<SessionHook>, boost::intrusive::constant_time_size<false>>
      sessions;
};

// Lives in the coroutine of its connection.
class Session final : public SessionHook, private Output {
 public:
  // `peer`: who is at the other end of the connection, as far as the connection itself says it.
  Session(EdgeShard& shard, Connection& connection, const IpAddress& peer);

  Awaitable<void> run();

  // The shard is draining: ends now if no request is under way.
  void drain();
  // Ends now, whatever is under way.
  void cut();

 private:
  // What the account API needs of a request.
  struct AccountQuery {
    std::string api_key;
    Page page;
  };

  Awaitable<bool> send(Gather buffers) override;
  bool closes() const override { return close_ || shard_.draining; }
  void on_complete() override { connection_.end_watch(); }
  void on_stream() override { stream_.emplace(shard_.metrics.streams()); }

  // Waits for a whole head in the input buffer and sets head_size_. False: the connection ends, answered or not.
  Awaitable<bool> read_head();
  Awaitable<void> serve();
  Awaitable<void> dispatch();
  Awaitable<void> serve_messages(std::string_view api_key);
  Awaitable<void> serve_account(std::string_view api_key);
  Awaitable<void> serve_management(std::string_view api_key);
  Awaitable<void> serve_activity(std::string_view api_key);
  Awaitable<void> serve_records(const ActivityRequest& request, std::string api_key, std::string last_event_id);
  Awaitable<void> serve_dashboard();
  Awaitable<void> serve_sign_in();
  Awaitable<void> take_telemetry();

  Awaitable<void> create(v1::CreateRequest& request, MessageResponse& response, absl::Status& status);
  Awaitable<void> count_tokens(v1::CreateRequest& request, absl::StatusOr<v1::CountTokensReply>& reply);
  Awaitable<void> account(const AccountQuery& query, absl::StatusOr<std::string>& json);
  Awaitable<void> manage(const ManagementRequest& request, absl::StatusOr<Answer>& reply);
  Awaitable<void> activity(const ActivityRequest& request, std::string api_key, absl::StatusOr<Answer>& reply);
  Awaitable<void> export_records(const v1::ExportQuery& query, std::string api_key, RecordResponse& response,
                                 absl::Status& status);
  Awaitable<void> follow_records(v1::ExportQuery query, std::string api_key, std::string last_event_id,
                                 RecordResponse& response, absl::Status& status);
  Awaitable<void> sign_in(const SignInCall& call, absl::StatusOr<Answer>& reply);
  // Runs a call under the watch over the client; it may be cancelled for the client's sake or by cut().
  Awaitable<void> watched(Awaitable<void> call);
  // The client cannot be answered any more.
  bool lost();
  Awaitable<void> end_message(MessageResponse& response, absl::Status status);
  Awaitable<void> end_records(RecordResponse& response, absl::Status status);

  // The largest body that the request may have.
  std::uint64_t body_limit() const;
  // True when the body is complete. Otherwise it has been answered, or the client has gone.
  Awaitable<bool> read_body(std::string& body);
  Awaitable<bool> read_sized_body(std::string& body);
  Awaitable<bool> read_chunked_body(std::string& body, bool keep);
  Awaitable<bool> drop_body();
  // Sets the deadline of the next read of a body that has begun to be read at `begin`.
  void expect_body(SteadyClock::time_point begin, std::uint64_t received);
  Awaitable<bool> more_body();
  Awaitable<void> end_body();
  Awaitable<void> send_continue();

  Awaitable<void> answer(Answer answer);
  // For answers that do not look at the body: it is dropped if it is short, else the connection ends.
  Awaitable<void> answer_early(Answer answer);
  Awaitable<void> refuse(Refusal refusal);
  // Refuses what the process cannot, or will not, do now. The body is not read.
  Awaitable<void> shed(Shed reason, FailureKind kind, std::string message, std::chrono::seconds retry_after);
  // Whether the process has memory for so much of the body.
  bool room_for(std::uint64_t body_bytes);
  Awaitable<void> shed_for_memory();
  // Before a key is looked at. False: the client has shown too many that do not work, and was told so.
  Awaitable<bool> may_show(std::string key);
  void note_failed_key();
  Awaitable<void> hide_time();
  Answer failed(v1::Failure failure);
  Answer failed(FailureKind kind, std::string message) { return failed(make_failure(kind, std::move(message))); }

  void begin_record();
  void end_record();
  void drop_head();

  EdgeShard& shard_;
  Connection& connection_;
  const IpAddress peer_;

  // Of the connection.
  bool first_ = true;
  bool idle_ = false;
  bool close_ = false;
  bool cut_ = false;
  // The response has no end of its own: a drain ends it.
  bool live_ = false;
  // The client may still be sending what is not read any more.
  bool unread_ = false;
  // Close at once: there is nothing that the client should still read.
  bool abort_ = false;

  // Of the request. Views in head_ end with drop_head().
  std::size_t head_size_ = 0;
  Framing framing_;
  RequestHead head_;
  Route route_;
  Dialect dialect_ = Dialect::kMessages;
  AccessRecord record_;
  TraceContext trace_;
  std::optional<Counted> in_flight_;
  std::optional<Counted> stream_;
  // Who asks, behind trusted proxies.
  IpAddress client_;
  std::optional<AddressSlots::Slot> slot_;
  std::optional<BodyShare> memory_;
  // Hash of the key that was shown, and since when it is looked at; empty: none is.
  std::string shown_key_;
  SteadyClock::time_point shown_;
  bool key_failed_ = false;
  SteadyClock::time_point begin_;
};

}  // namespace tollgate
