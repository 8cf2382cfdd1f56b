// Between an upstream's frames and the client: holds them back until the upstream has proven itself, so that a
// failure before that stays invisible.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "services/common/api/messages.h"

namespace tollgate::router {

class Relay : public FrameSink {
 public:
  // `headers` are added to the response's, in the place of an upstream's of the same names; so is what `late_header`
  // gives when the head goes out. `client` outlives the relay.
  Relay(FrameSink& client, std::vector<v1::Header> headers, std::function<std::optional<v1::Header>()> late_header = {})
      : client_(client), headers_(std::move(headers)), late_header_(std::move(late_header)) {}

  // Forgets what a failed attempt left behind.
  void begin_attempt();
  Awaitable<absl::Status> write(v1::Frame frame) override;

  // Content has gone to the client: no other upstream may go on.
  bool committed() const { return committed_; }
  // The client does not take any more; what it said.
  const absl::Status& client_status() const { return client_status_; }

 private:
  Awaitable<absl::Status> forward(v1::Frame frame);
  Awaitable<absl::Status> send_head();
  Awaitable<absl::Status> release();

  FrameSink& client_;
  std::vector<v1::Header> headers_;
  const std::function<std::optional<v1::Header>()> late_header_;
  std::optional<v1::Frame> head_;
  std::vector<v1::Frame> held_;
  std::size_t held_bytes_ = 0;
  bool head_sent_ = false;
  bool committed_ = false;
  absl::Status client_status_;
};

}  // namespace tollgate::router
