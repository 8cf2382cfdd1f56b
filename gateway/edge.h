// The HTTP/1.1 edge: accepts clients' connections, hands each to a shard, and serves
//
//   POST /v1/messages, /v1/messages/count_tokens   Messages
//   POST /v1/chat/completions                      Messages, in OpenAI's dialect (openai/)
//   GET  /v1/models, /v1/models/{id}               Catalog
//   GET  /v1/key, /v1/auth/key                     Keys
//   /v1/keys, /v1/workspaces, /v1/credits          Keys, Workspaces (management.h)
//   /v1/activity, /v1/generation, /v1/analytics    Activity (activity_api.h)
//   /dashboard/...                                 the page (dashboard_page.h) and its sessions (sign_in.h)
//
// behind any of the prefixes /, /api and /anthropic, and the probes and telemetry posts of clients. A connection whose
// client has sent its last byte (a half-closed one, too) while a request runs counts as gone: the call is cancelled.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <vector>

#include "absl/status/status.h"
#include "services/common/api/activity.h"
#include "services/common/api/catalog.h"
#include "services/common/api/keys.h"
#include "services/common/api/messages.h"
#include "services/common/api/sign_ins.h"
#include "services/common/api/workspaces.h"
#include "services/common/config/config.h"
#include "services/common/runtime/shards.h"

namespace tollgate {

// What the connections of one shard call, on its thread. They outlive the edge's connections.
struct EdgeServices {
  Messages* messages;
  Catalog* catalog;
  Keys* keys;
  Workspaces* workspaces;
  // Of all keys: the edge shows each caller its own. Null: none is kept.
  Activity* activity = nullptr;
  // Of the dashboard. Null: it has none.
  SignIns* sign_ins = nullptr;
};

// Used on a thread that is no shard's.
class Edge {
 public:
  // One EdgeServices for each shard. `shards` outlives the edge.
  Edge(const Config& config, Shards& shards, std::vector<EdgeServices> services);
  // After drain() or after the shards have stopped.
  ~Edge();
  Edge(const Edge&) = delete;
  Edge& operator=(const Edge&) = delete;

  // Binds listen.http, loads the certificate where one is configured, and begins to accept.
  absl::Status listen();
  // The bound port; of use where the configured one is 0.
  std::uint16_t port() const;

  // Stops accepting, closes idle connections and waits until the running requests have ended. Those that have not after
  // `time`, or when `haste` is stopped, are cancelled: a stream ends with an `error` event. Returns when no connection
  // is left, at most a few seconds after `time`; false if some had to be cancelled.
  bool drain(std::chrono::milliseconds time, const std::stop_token& haste = {});

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace tollgate
