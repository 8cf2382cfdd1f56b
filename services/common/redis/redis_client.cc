#include "services/common/redis/redis_client.h"

#include <fmt/format.h>
#include <hiredis/async.h>

#include <algorithm>
#include <boost/asio/append.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/basic_resolver.hpp>
#include <boost/asio/post.hpp>
#include <boost/intrusive/list.hpp>
#include <csignal>
#include <iterator>
#include <optional>
#include <random>
#include <utility>

#include "services/common/base/errors.h"
#include "services/common/redis/asio_adapter.h"
#include "services/common/redis/redis_tls.h"

namespace tollgate {
namespace {

using Result = absl::StatusOr<RedisReply>;
using Signature = void(error_code, Result);
using Handler = asio::async_result<asio::use_awaitable_t<Executor>, Signature>::handler_type;

constexpr milliseconds kFirstBackoff{10};
constexpr milliseconds kLastBackoff{1000};
constexpr std::string_view kAsking = "*1\r\n$6\r\nASKING\r\n";

RedisReply copy(const redisReply& reply) {
  RedisReply out;
  switch (reply.type) {
    case REDIS_REPLY_NIL:
      break;
    case REDIS_REPLY_INTEGER:
      out.type = RedisReply::Type::kInteger;
      out.integer = reply.integer;
      break;
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
      out.type = RedisReply::Type::kString;
      out.text.assign(reply.str, reply.len);
      break;
    case REDIS_REPLY_ARRAY:
      out.type = RedisReply::Type::kArray;
      out.elements.reserve(reply.elements);
      for (std::size_t i = 0; i < reply.elements; ++i)
        out.elements.push_back(copy(*reply.element[i]));
      break;
    case REDIS_REPLY_ERROR:
      out.type = RedisReply::Type::kError;
      out.text.assign(reply.str, reply.len);
      break;
    default:
      out.type = RedisReply::Type::kError;
      out.text = fmt::format("ERR a reply of unknown type {}", reply.type);
  }
  return out;
}

// Errors of a server that is not the one to ask just now: the command was not run and is sent again on a new
// connection.
bool asks_for_another_connection(std::string_view error) {
  return error.starts_with("LOADING ") || error.starts_with("READONLY ") || error.starts_with("MASTERDOWN ");
}

// What a command that was taken back ends with. No other error has this code.
absl::Status given_back() {
  return absl::AbortedError("taken back to be sent elsewhere");
}

// One command from its start until it is answered, given up, and forgotten by hiredis.
struct Pending : boost::intrusive::list_base_hook<> {
  RedisCall call;
  // Empty once nobody waits for the reply any more.
  std::optional<Handler> handler;
  // hiredis holds a pointer to this.
  bool in_flight = false;
};

}  // namespace

// The state proper. It outlives the client for as long as queued handlers refer to it.
class RedisClient::Core : public std::enable_shared_from_this<Core> {
 public:
  Core(asio::io_context& context, RedisConfig config, RedisClientOptions options)
      : executor_(context.get_executor()),
        config_(std::move(config)),
        options_(std::move(options)),
        name_(options_.name.empty() ? config_.address : options_.name),
        resolver_(executor_),
        expiry_timer_(executor_),
        link_timer_(executor_),
        reconnect_timer_(executor_),
        random_(std::random_device()()) {}

  bool ready() const { return ready_; }
  std::uint64_t epoch() const { return epoch_; }

  std::size_t pending() const { return pending_count_; }

  void start(Handler handler, RedisCall call) {
    if (closed_ || pending_count_ >= options_.max_pending) {
      auto status = unavailable(!closed_              ? fmt::format("{} commands already wait for it", pending_count_)
                                : last_error_.empty() ? "the client has been closed"
                                                      : last_error_);
      asio::post(executor_, asio::append(std::move(handler), error_code(), Result(std::move(status))));
      return;
    }
    auto* command = new Pending();
    command->call = std::move(call);
    if (command->call.deadline == SteadyClock::time_point())
      command->call.deadline = SteadyClock::now() + config_.command_timeout;
    auto slot = asio::get_associated_cancellation_slot(handler);
    command->handler.emplace(std::move(handler));
    put_in_line(*command);
    if (slot.is_connected()) {
      // A slot may be emitted to more than once.
      slot.assign([this, command](asio::cancellation_type) mutable {
        if (auto* cancelled = std::exchange(command, nullptr))
          complete(*cancelled, asio::error::operation_aborted, Result());
      });
    }
    if (ready_)
      send(*command);
  }

  void give_back(const std::function<bool(const RedisCall&)>& which) {
    for (auto next = pending_.begin(); next != pending_.end();) {
      Pending& command = *next++;
      if (!which(command.call))
        continue;
      clear_slot(command);
      complete(command, error_code(), given_back());
    }
  }

  void connect() {
    const auto attempt = ++attempt_;
    if (!options_.locate) {
      connect_to(config_.address, attempt);
      return;
    }
    auto located = [self = shared_from_this(), attempt](std::exception_ptr, absl::StatusOr<std::string> address) {
      if (attempt != self->attempt_)
        return;
      if (address.ok())
        self->connect_to(*address, attempt);
      else
        self->on_closed(std::string(address.status().message()));
    };
    asio::co_spawn(executor_, options_.locate(), asio::bind_cancellation_slot(locating_.slot(), std::move(located)));
  }

  void close() {
    closed_ = true;
    ++attempt_;
    locating_.emit(asio::cancellation_type::terminal);
    drop({});
    resolver_.cancel();
    expiry_timer_.cancel();
    link_timer_.cancel();
    reconnect_timer_.cancel();
    fail_all("the client has been closed");
  }

 private:
  absl::Status unavailable(std::string_view why) const {
    return error(v1::Failure::KIND_UNAVAILABLE,
                 fmt::format("Redis at {} is not available: {}. Try again shortly.", name_, why));
  }

  void fail_all(std::string_view why) {
    while (!pending_.empty()) {
      clear_slot(pending_.front());
      complete(pending_.front(), error_code(), unavailable(why));
    }
  }

  // By the time that they have: as a rule all have the same, and a new one goes to the end.
  void put_in_line(Pending& command) {
    auto place = pending_.end();
    while (place != pending_.begin() && std::prev(place)->call.deadline > command.call.deadline)
      --place;
    pending_.insert(place, command);
    ++pending_count_;
    if (!expiry_armed_ || &pending_.front() == &command)
      arm_expiry();
  }

  static void clear_slot(Pending& command) {
    if (auto slot = asio::get_associated_cancellation_slot(*command.handler); slot.is_connected())
      slot.clear();
  }

  // Hands the result over; the coroutine goes on in a turn of its own, never inside of hiredis.
  void complete(Pending& command, error_code error, Result result) {
    pending_.erase(pending_.iterator_to(command));
    --pending_count_;
    asio::post(executor_, asio::append(std::move(*command.handler), error, std::move(result)));
    command.handler.reset();
    if (!command.in_flight)
      delete &command;
  }

  void send(Pending& command) {
    command.in_flight = true;
    if (in_flight_++ == 0)
      last_sign_of_life_ = SteadyClock::now();
    if (command.call.asking)
      redisAsyncFormattedCommand(link_, nullptr, nullptr, kAsking.data(), kAsking.size());
    const auto& bytes = command.call.bytes;
    if (redisAsyncFormattedCommand(link_, &Core::on_reply, &command, bytes.data(), bytes.size()) != REDIS_OK) {
      // The connection is on its way down: the next one sends it.
      command.in_flight = false;
      --in_flight_;
      return;
    }
    if (!link_watched_)
      watch_link(silence_limit());
  }

  static void on_reply(redisAsyncContext* context, void* reply, void* command) {
    static_cast<Core*>(context->data)->handle(static_cast<redisReply*>(reply), *static_cast<Pending*>(command));
  }

  void handle(const redisReply* reply, Pending& command) {
    command.in_flight = false;
    --in_flight_;
    if (reply != nullptr)
      last_sign_of_life_ = SteadyClock::now();
    if (!command.handler) {
      delete &command;
      return;
    }
    // Unknown outcome: it stays in line and is sent again on the next connection.
    if (reply == nullptr)
      return;
    if (reply->type == REDIS_REPLY_ERROR) {
      const std::string_view text(reply->str, reply->len);
      if (text.starts_with("NOSCRIPT") && command.call.script != nullptr) {
        turn_into_eval(command.call);
        send(command);
        return;
      }
      if (asks_for_another_connection(text)) {
        drop(std::string(text));
        return;
      }
    }
    backoff_ = kFirstBackoff;
    clear_slot(command);
    complete(command, error_code(), copy(*reply));
  }

  // -- The connection --

  void connect_to(const std::string& address, std::uint64_t attempt) {
    watch_link(config_.connect_timeout);
    constexpr std::string_view unix_prefix = "unix:";
    if (address.starts_with(unix_prefix)) {
      open(redisAsyncConnectUnix(address.c_str() + unix_prefix.size()));
      return;
    }
    // hiredis would look the name up and block the shard.
    const auto colon = address.rfind(':');
    std::string host = address.substr(0, colon);
    const std::string port = colon == std::string::npos ? "6379" : address.substr(colon + 1);
    if (host.starts_with('[') && host.ends_with(']'))
      host = host.substr(1, host.size() - 2);
    resolver_.async_resolve(host, port,
                            [self = shared_from_this(), attempt, host](error_code error, auto endpoints) mutable {
                              if (attempt != self->attempt_)
                                return;
                              if (error) {
                                self->on_closed(error.message());
                                return;
                              }
                              // A name with several addresses: the next one with each attempt.
                              auto endpoint = endpoints.begin();
                              std::advance(endpoint, static_cast<std::ptrdiff_t>(attempt % endpoints.size()));
                              const std::string ip = endpoint->endpoint().address().to_string();
                              self->host_ = std::move(host);
                              self->open(redisAsyncConnect(ip.c_str(), endpoint->endpoint().port()));
                            });
  }

  void open(redisAsyncContext* context) {
    if (context == nullptr) {
      on_closed("out of memory");
      return;
    }
    if (context->err != 0) {
      std::string reason = context->errstr;
      redisAsyncFree(context);
      on_closed(std::move(reason));
      return;
    }
    if (config_.tls) {
      absl::StatusOr<ssl_st*> tls = start_tls(*context, *config_.tls, host_);
      if (!tls.ok()) {
        redisAsyncFree(context);
        on_closed(std::string(tls.status().message()));
        return;
      }
      tls_ = *tls;
    }
    link_ = context;
    context->data = this;
    attach_to_asio(*context, executor_,
                   [self = shared_from_this()](std::string reason) { self->on_closed(std::move(reason)); });
    if (!config_.password.empty()) {
      std::vector<std::string> auth = {"AUTH"};
      if (!config_.username.empty())
        auth.push_back(config_.username);
      auth.push_back(config_.password);
      greet(auth);
    }
    if (options_.master_only)
      greet({"ROLE"});
    greet({"PING"});
  }

  // Nothing else is sent before the server has answered these: a server that hangs gets no pile of commands, and one
  // that still loads its data is left alone.
  void greet(const std::vector<std::string>& argv) {
    const std::string bytes = make_call(argv).bytes;
    redisAsyncFormattedCommand(link_, &Core::on_greeted, nullptr, bytes.data(), bytes.size());
  }

  static void on_greeted(redisAsyncContext* context, void* data, void*) {
    const auto* reply = static_cast<redisReply*>(data);
    auto* core = static_cast<Core*>(context->data);
    if (reply == nullptr)
      return;
    const RedisReply answer = copy(*reply);
    if (answer.is_error()) {
      core->drop(answer.text);
    } else if (answer.type == RedisReply::Type::kArray) {
      // Source: https://redis.io/docs/latest/commands/role/
      const std::string role = answer.elements.empty() ? "nothing" : answer.elements[0].text;
      if (role != "master")
        core->drop(fmt::format("the server that was named as the master says that it is a {}", role));
    } else if (answer.text == "PONG") {
      core->on_ready();
    }
  }

  void on_ready() {
    ready_ = true;
    ++epoch_;
    link_timer_.cancel();
    link_watched_ = false;
    last_error_.clear();
    if (options_.on_connected)
      options_.on_connected();
    for (Pending& command : pending_)
      send(command);
  }

  // Gives the connection up. Inside a callback of hiredis it goes when the callback has returned.
  void drop(std::string why) {
    ready_ = false;
    why_dropped_ = std::move(why);
    if (link_ != nullptr)
      redisAsyncFree(std::exchange(link_, nullptr));
  }

  // The attempt failed or the connection is gone; commands that had been sent are marked unsent by now.
  void on_closed(std::string reason) {
    if (ssl_st* tls = std::exchange(tls_, nullptr)) {
      if (std::string problem = tls_problem(*tls); !problem.empty())
        reason = std::move(problem);
    }
    link_ = nullptr;
    ready_ = false;
    last_error_ = why_dropped_.empty() ? std::move(reason) : std::exchange(why_dropped_, {});
    link_timer_.cancel();
    link_watched_ = false;
    if (closed_)
      return;
    if (!options_.reconnect) {
      closed_ = true;
      fail_all(last_error_);
      return;
    }
    if (options_.on_lost)
      options_.on_lost();
    const auto ceiling = std::chrono::duration_cast<std::chrono::microseconds>(backoff_).count();
    const auto wait = std::uniform_int_distribution<std::int64_t>(ceiling / 2, ceiling)(random_);
    backoff_ = std::min(2 * backoff_, kLastBackoff);
    reconnect_timer_.expires_after(std::chrono::microseconds(wait));
    reconnect_timer_.async_wait([self = shared_from_this()](error_code error) {
      if (!error && !self->closed_)
        self->connect();
    });
  }

  // -- Time --

  // Half of the time that a command has: the other half is for a new connection.
  milliseconds silence_limit() const { return config_.command_timeout / 2; }

  // One look after `time`: at a connection that does not come about, or at one that owes replies and is silent.
  void watch_link(SteadyClock::duration time) {
    link_watched_ = true;
    const auto attempt = attempt_;
    link_timer_.expires_after(time);
    link_timer_.async_wait([self = shared_from_this(), attempt](error_code error) {
      if (!error && !self->closed_ && attempt == self->attempt_ && self->link_watched_)
        self->check_link();
    });
  }

  void check_link() {
    link_watched_ = false;
    if (ready_ && in_flight_ == 0)
      return;
    if (ready_) {
      const auto silent_for = SteadyClock::now() - last_sign_of_life_;
      if (silent_for < silence_limit()) {
        watch_link(silence_limit() - silent_for);
        return;
      }
      drop(fmt::format("no reply for {} ms", silence_limit().count()));
      return;
    }
    if (link_ != nullptr) {
      drop(fmt::format("no connection within {} ms", config_.connect_timeout.count()));
      return;
    }
    // Still looking the name up: whatever comes of it is too late.
    ++attempt_;
    resolver_.cancel();
    on_closed(fmt::format("the host name could not be looked up within {} ms", config_.connect_timeout.count()));
  }

  // The first in line is the first to expire.
  void arm_expiry() {
    expiry_armed_ = true;
    expiry_timer_.expires_at(pending_.front().call.deadline);
    expiry_timer_.async_wait([self = shared_from_this()](error_code error) {
      if (!error)
        self->expire();
    });
  }

  void expire() {
    expiry_armed_ = false;
    if (closed_)
      return;
    const auto now = SteadyClock::now();
    while (!pending_.empty() && pending_.front().call.deadline <= now) {
      Pending& command = pending_.front();
      const std::string why =
          last_error_.empty() ? fmt::format("no reply within {} ms", config_.command_timeout.count()) : last_error_;
      clear_slot(command);
      complete(command, error_code(), unavailable(why));
    }
    if (!pending_.empty())
      arm_expiry();
  }

  const Executor executor_;
  const RedisConfig config_;
  const RedisClientOptions options_;
  // What errors call it.
  const std::string name_;
  asio::ip::basic_resolver<Tcp, Executor> resolver_;
  Timer expiry_timer_;
  Timer link_timer_;
  Timer reconnect_timer_;
  asio::cancellation_signal locating_;
  std::mt19937 random_;

  // Commands that somebody waits for, by the time that they have; those not in flight wait for a connection.
  boost::intrusive::list<Pending, boost::intrusive::constant_time_size<false>> pending_;
  std::size_t pending_count_ = 0;
  // Commands that hiredis holds, given up ones included.
  std::size_t in_flight_ = 0;

  redisAsyncContext* link_ = nullptr;
  // Of the link, if it has TLS; belongs to it.
  ssl_st* tls_ = nullptr;
  // What the link leads to.
  std::string host_;
  bool ready_ = false;
  bool closed_ = false;
  bool link_watched_ = false;
  bool expiry_armed_ = false;
  // Numbers the connections, so that what belongs to an earlier one is told apart.
  std::uint64_t attempt_ = 0;
  // Counts those that came about.
  std::uint64_t epoch_ = 0;
  milliseconds backoff_ = kFirstBackoff;
  // Why there is no connection; empty while there is one.
  std::string last_error_;
  // Why the connection is given up, until it has gone.
  std::string why_dropped_;
  SteadyClock::time_point last_sign_of_life_;
};

namespace {

template <class Core>
Awaitable<Result> begin(std::shared_ptr<Core> core, RedisCall call) {
  auto token = use_awaitable;
  return asio::async_initiate<asio::use_awaitable_t<Executor>, Signature>(
      [core = std::move(core)](Handler handler, RedisCall encoded) {
        core->start(std::move(handler), std::move(encoded));
      },
      token, std::move(call));
}

}  // namespace

RedisClient::RedisClient(asio::io_context& context, RedisConfig config, RedisClientOptions options)
    : core_(std::make_shared<Core>(context, std::move(config), std::move(options))) {
  // hiredis writes to its socket without MSG_NOSIGNAL: a server that dies must not take the process along.
  std::signal(SIGPIPE, SIG_IGN);
  core_->connect();
}

RedisClient::~RedisClient() {
  core_->close();
}

Awaitable<Result> RedisClient::command(std::vector<std::string> argv) {
  return begin(core_, make_call(argv));
}

Awaitable<Result> RedisClient::eval(const RedisScript& script, std::vector<std::string> keys,
                                    std::vector<std::string> args) {
  return begin(core_, make_call(script, keys, args));
}

Awaitable<Result> RedisClient::send(RedisCall call) {
  return begin(core_, std::move(call));
}

void RedisClient::give_back(const std::function<bool(const RedisCall&)>& which) {
  core_->give_back(which);
}

bool RedisClient::was_given_back(const absl::Status& status) {
  return status.code() == absl::StatusCode::kAborted;
}

std::size_t RedisClient::pending() const {
  return core_->pending();
}

std::uint64_t RedisClient::epoch() const {
  return core_->epoch();
}

bool RedisClient::ready() const {
  return core_->ready();
}

}  // namespace tollgate
