#include "services/common/redis/redis_cluster.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "services/common/base/errors.h"
#include "services/common/redis/make_redis.h"
#include "services/common/redis/redis_client.h"
#include "services/common/redis/slots.h"

namespace tollgate {
namespace {

using Result = absl::StatusOr<RedisReply>;

// Between two looks at the map: when there is a reason, up to the second while nobody answers, and without any. A
// master that is silent, its connection standing, is noticed by the last.
constexpr milliseconds kRefreshInterval{100};
constexpr milliseconds kIdleRefreshInterval{1000};
// Between two attempts at a slot that cannot be served just now, doubled up to the second.
constexpr milliseconds kFirstPause{10};
constexpr milliseconds kLastPause{200};
// Redirections of one command that are followed without a pause. Two in a row are usual while a slot moves.
constexpr int kPromptRedirections = 5;
// A node that owns no slot and was the aim of an ASK is kept for so long.
constexpr std::chrono::seconds kKeptAfterAsk{60};

struct Node {
  Node(asio::io_context& context, RedisConfig config, RedisClientOptions options)
      : address(config.address), client(context, std::move(config), std::move(options)) {}

  const std::string address;
  RedisClient client;
  std::size_t slots = 0;
  SteadyClock::time_point asked;
};

// The errors of a slot that is in no state to be served for a moment.
bool passes_soon(std::string_view error) {
  return error.starts_with("TRYAGAIN") || error.starts_with("CLUSTERDOWN");
}

}  // namespace

// The state proper. It outlives the cluster for as long as coroutines of commands refer to it.
class RedisCluster::Core : public std::enable_shared_from_this<Core> {
 public:
  Core(asio::io_context& context, RedisConfig config, std::size_t max_pending)
      : context_(context),
        executor_(context.get_executor()),
        config_(std::move(config)),
        max_pending_(max_pending),
        seeds_(config_.cluster->addresses),
        owners_(kSlots),
        refresh_timer_(executor_) {}

  std::uint64_t epoch() const { return epoch_; }
  milliseconds command_timeout() const { return config_.command_timeout; }

  // One command until it is answered or its time is over.
  static Awaitable<Result> run(std::shared_ptr<Core> self, RedisCall call) {
    call.deadline = SteadyClock::now() + self->config_.command_timeout;
    if (self->pending_ >= self->max_pending_)
      co_return self->unavailable(fmt::format("{} commands already wait for it", self->pending_));
    const Counted counted(self->pending_);
    milliseconds pause = kFirstPause;
    int redirections = 0;
    // Set after an ASK.
    std::shared_ptr<Node> asked;
    std::string why;
    while (!self->closed_) {
      if (SteadyClock::now() >= call.deadline)
        co_return self->unavailable(why.empty() ? self->last_error_ : why);
      call.asking = asked != nullptr;
      const std::shared_ptr<Node> node = asked ? std::exchange(asked, nullptr) : self->owner(call.slot);
      if (!node) {
        self->refresh();
        co_await self->wait_for_map(std::min(call.deadline, SteadyClock::now() + kLastPause));
        continue;
      }
      if (!node->client.ready())
        self->refresh();
      RedisCall attempt = call;
      Result result = co_await node->client.send(std::move(attempt));
      if (!result.ok() && RedisClient::was_given_back(result.status()))
        continue;
      if (!result.ok() || !result->is_error())
        co_return result;
      if (const auto redirection = parse_redirection(result->text, node->address)) {
        if (redirection->ask) {
          asked = self->node_at(redirection->address);
          asked->asked = SteadyClock::now();
        } else {
          self->set_owner(redirection->slot, self->node_at(redirection->address));
          self->refresh();
        }
        if (++redirections <= kPromptRedirections)
          continue;
      } else if (!passes_soon(result->text)) {
        co_return result;
      }
      why = std::move(result->text);
      self->refresh();
      co_await self->wait_for_map(std::min(call.deadline, SteadyClock::now() + pause));
      pause = std::min(2 * pause, kLastPause);
    }
    co_return self->unavailable("the client has been closed");
  }

  void begin() {
    asio::co_spawn(executor_, keep_refreshing(shared_from_this()),
                   asio::bind_cancellation_slot(refresh_cancelled_.slot(), [](std::exception_ptr) {}));
  }

  void close() {
    closed_ = true;
    refresh_cancelled_.emit(asio::cancellation_type::terminal);
    owners_.assign(kSlots, nullptr);
    for (const auto& [address, node] : std::exchange(nodes_, {}))
      node->client.give_back([](const RedisCall&) { return true; });
    wake_waiters();
  }

 private:
  // Counts what runs.
  class Counted {
   public:
    explicit Counted(std::size_t& count) : count_(count) { ++count_; }
    ~Counted() { --count_; }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;

   private:
    std::size_t& count_;
  };

  absl::Status unavailable(std::string_view why) const {
    return error(v1::Failure::KIND_UNAVAILABLE,
                 fmt::format("Redis at {} is not available: {}. Try again shortly.", describe(config_), why));
  }

  // -- The map --

  std::shared_ptr<Node> owner(std::uint16_t slot) const {
    if (slot != RedisCall::kNoSlot)
      return owners_[slot];
    for (const auto& [address, node] : nodes_) {
      if (node->slots > 0)
        return node;
    }
    return nullptr;
  }

  void set_owner(std::uint16_t slot, std::shared_ptr<Node> node) {
    std::shared_ptr<Node>& place = owners_[slot];
    if (place)
      --place->slots;
    ++node->slots;
    place = std::move(node);
  }

  std::shared_ptr<Node> node_at(const std::string& address) {
    std::shared_ptr<Node>& node = nodes_[address];
    if (!node) {
      RedisClientOptions options;
      options.max_pending = max_pending_;
      options.on_connected = [weak = weak_from_this()] {
        if (const auto self = weak.lock())
          ++self->epoch_;
      };
      options.on_lost = [weak = weak_from_this()] {
        if (const auto self = weak.lock())
          self->refresh();
      };
      RedisConfig config = config_;
      config.address = address;
      node = std::make_shared<Node>(context_, std::move(config), std::move(options));
    }
    return node;
  }

  void apply(const std::vector<SlotRange>& ranges) {
    for (const auto& [address, node] : nodes_)
      node->slots = 0;
    owners_.assign(kSlots, nullptr);
    known_.clear();
    for (const SlotRange& range : ranges) {
      const std::shared_ptr<Node> node = node_at(range.master);
      for (std::size_t slot = range.first; slot <= range.last; ++slot)
        set_owner(static_cast<std::uint16_t>(slot), node);
      known_.insert(range.master);
      known_.insert(range.replicas.begin(), range.replicas.end());
    }
    move_commands();
    wake_waiters();
  }

  // Commands at nodes that are away or own nothing any more go to whom their slots belong to now.
  void move_commands() {
    const auto now = SteadyClock::now();
    for (auto next = nodes_.begin(); next != nodes_.end();) {
      const auto at = next++;
      Node& node = *at->second;
      const bool ready = node.client.ready();
      if (node.slots == 0 && now - node.asked > kKeptAfterAsk) {
        node.client.give_back([](const RedisCall&) { return true; });
        nodes_.erase(at);
      } else if (!ready || node.slots == 0) {
        node.client.give_back([&](const RedisCall& call) {
          return call.slot != RedisCall::kNoSlot && !(call.asking && ready) && owners_[call.slot].get() != &node;
        });
      }
    }
  }

  // -- Looking at it --

  // A look at the map soon, though not more often than the interval allows.
  void refresh() {
    if (!std::exchange(wanted_, true))
      refresh_timer_.cancel();
  }

  // Until it is cancelled. It looks again soon while nobody answers, and while commands wait for a node that is away.
  static Awaitable<void> keep_refreshing(std::shared_ptr<Core> self) {
    milliseconds interval = kRefreshInterval;
    while (true) {
      const auto next = self->last_refresh_ + (self->wanted_ ? interval : kIdleRefreshInterval);
      if (SteadyClock::now() < next) {
        self->refresh_timer_.expires_at(next);
        co_await self->refresh_timer_.async_wait(as_tuple);
        continue;
      }
      self->wanted_ = false;
      self->last_refresh_ = SteadyClock::now();
      const bool found = co_await self->look_at_map();
      interval = found ? kRefreshInterval : std::min(2 * interval, kIdleRefreshInterval);
      self->wanted_ = self->wanted_ || !found || self->somebody_waits_for_a_lost_node();
    }
  }

  bool somebody_waits_for_a_lost_node() const {
    return std::any_of(nodes_.begin(), nodes_.end(), [](const auto& entry) {
      const RedisClient& client = entry.second->client;
      return !client.ready() && client.pending() > 0;
    });
  }

  // Asks one node after the other until one knows the map.
  Awaitable<bool> look_at_map() {
    const std::vector<std::string> order = whom_to_ask();
    for (const std::string& address : order) {
      std::string asked = address;
      absl::StatusOr<std::vector<SlotRange>> ranges = co_await ask(std::move(asked));
      if (ranges.ok()) {
        last_error_ = "a slot is not served by any node";
        apply(*ranges);
        co_return true;
      }
      last_error_ = std::string(ranges.status().message());
    }
    co_return false;
  }

  // Masters that are connected, another one first each time; then the configured addresses; then whoever is known.
  std::vector<std::string> whom_to_ask() {
    std::vector<std::string> order;
    for (const auto& [address, node] : nodes_) {
      if (node->client.ready())
        order.push_back(address);
    }
    ++turn_;
    if (!order.empty())
      std::rotate(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(turn_ % order.size()), order.end());
    for (std::size_t i = 0; i < seeds_.size(); ++i)
      order.push_back(seeds_[(i + turn_) % seeds_.size()]);
    order.insert(order.end(), known_.begin(), known_.end());
    std::set<std::string> seen;
    order.erase(
        std::remove_if(order.begin(), order.end(), [&](const std::string& one) { return !seen.insert(one).second; }),
        order.end());
    return order;
  }

  Awaitable<absl::StatusOr<std::vector<SlotRange>>> ask(std::string address) {
    const milliseconds limit = std::min(config_.connect_timeout, config_.command_timeout / 4);
    const std::vector<std::string> argv = {"CLUSTER", "SLOTS"};
    RedisCall call = make_call(argv);
    call.deadline = SteadyClock::now() + limit;
    const auto known = nodes_.find(address);
    std::shared_ptr<Node> node = known == nodes_.end() ? nullptr : known->second;
    if (node && !node->client.ready())
      node = nullptr;
    std::optional<RedisClient> stranger;
    if (!node) {
      RedisConfig config = config_;
      config.address = address;
      config.connect_timeout = limit;
      RedisClientOptions options;
      options.reconnect = false;
      stranger.emplace(context_, std::move(config), std::move(options));
    }
    RedisClient& client = node ? node->client : *stranger;
    const Result reply = co_await client.send(std::move(call));
    if (!reply.ok())
      co_return reply.status();
    co_return parse_cluster_slots(*reply, address);
  }

  // -- Waiting for it --

  // Until the map has been looked at anew, or `until`.
  Awaitable<void> wait_for_map(SteadyClock::time_point until) {
    Timer timer(executor_, until);
    const auto place = waiters_.insert(waiters_.end(), &timer);
    const Waiting waiting(waiters_, place);
    co_await timer.async_wait(as_tuple);
  }

  // In the list while it lives.
  class Waiting {
   public:
    Waiting(std::list<Timer*>& list, std::list<Timer*>::iterator place) : list_(list), place_(place) {}
    ~Waiting() { list_.erase(place_); }
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;

   private:
    std::list<Timer*>& list_;
    std::list<Timer*>::iterator place_;
  };

  void wake_waiters() {
    for (Timer* timer : waiters_)
      timer->cancel();
  }

  asio::io_context& context_;
  const Executor executor_;
  const RedisConfig config_;
  const std::size_t max_pending_;
  const std::vector<std::string> seeds_;

  // By address.
  std::map<std::string, std::shared_ptr<Node>> nodes_;
  // By slot; null: not known.
  std::vector<std::shared_ptr<Node>> owners_;
  // Masters and replicas of the last map.
  std::set<std::string> known_;
  std::uint64_t epoch_ = 0;
  std::size_t pending_ = 0;
  // Commands that wait for the map.
  std::list<Timer*> waiters_;

  Timer refresh_timer_;
  asio::cancellation_signal refresh_cancelled_;
  bool wanted_ = false;
  bool closed_ = false;
  SteadyClock::time_point last_refresh_;
  // Numbers the looks at the map.
  std::size_t turn_ = 0;
  // Of the last look.
  std::string last_error_ = "its nodes are not known yet";
};

RedisCluster::RedisCluster(asio::io_context& context, RedisConfig config, std::size_t max_pending)
    : core_(std::make_shared<Core>(context, std::move(config), max_pending)) {
  core_->begin();
}

RedisCluster::~RedisCluster() {
  core_->close();
}

Awaitable<Result> RedisCluster::command(std::vector<std::string> argv) {
  RedisCall call = make_call(argv);
  if (argv.size() > 1)
    call.slot = slot_of(argv[1]);
  return Core::run(core_, std::move(call));
}

Awaitable<Result> RedisCluster::eval(const RedisScript& script, std::vector<std::string> keys,
                                     std::vector<std::string> args) {
  RedisCall call = make_call(script, keys, args);
  if (!keys.empty())
    call.slot = slot_of(keys[0]);
  return Core::run(core_, std::move(call));
}

std::uint64_t RedisCluster::epoch() const {
  return core_->epoch();
}

}  // namespace tollgate
