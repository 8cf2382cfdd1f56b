// A client's connection: reading, writing, timeouts, and the watch over a client that may go away while it waits.
//
// At any time at most one read is under way. While a call is watched it is kept up, so that the end of the connection
// is noticed at once: it then cancels the coroutine of the connection. What arrives meanwhile is the next request and
// waits in the input buffer; when that is full, nothing more is read and the watch is blind until the call is over.
#pragma once

#include <boost/asio/cancellation_signal.hpp>
#include <chrono>
#include <memory>

#include "gateway/input_buffer.h"
#include "gateway/proxy_protocol.h"
#include "gateway/transport.h"
#include "services/common/runtime/deadlines.h"

namespace tollgate {

// How many timeouts' worth a slow client has before its pace counts.
inline constexpr int kSlowTimeouts = 3;

// What so many bytes may take.
std::chrono::milliseconds time_for(std::uint64_t bytes, std::uint32_t bytes_per_second);

// On the thread of its shard; held by shared_ptr. Coroutine methods are used by one coroutine, which was spawned with
// the slot of cancel_signal().
class Connection final : public ReadListener, public std::enable_shared_from_this<Connection> {
 public:
  // `write_timeout`: how long a client may take no byte of what is written to it. `pace`: bytes a second that it takes
  // at least, once it has kept writes waiting for three times that in all; 0: any.
  Connection(std::unique_ptr<Transport> transport, Deadlines& deadlines, std::chrono::milliseconds write_timeout,
             std::uint32_t pace, std::size_t input_limit);

  Transport& transport() { return *transport_; }
  asio::cancellation_signal& cancel_signal() { return cancel_signal_; }
  InputBuffer& input() { return input_; }

  // Reads the header of the PROXY protocol, which stands before all else. Its state is not kDone when none came in
  // time.
  Awaitable<ProxyHeader> read_proxy_header(std::chrono::milliseconds timeout);

  Awaitable<bool> handshake(std::chrono::milliseconds timeout);

  // The deadline of reads; at its end the read under way gives nothing and timed_out() is true.
  void expires_after(std::chrono::milliseconds time) { deadline_.expires_after(time); }
  void clear_deadline() { deadline_.clear(); }
  bool timed_out() const { return deadline_.expired(); }

  // Reads more into the input buffer, or finishes the read that a watch has begun. False: nothing more will come, the
  // deadline is over, or the buffer is full.
  Awaitable<bool> fill();
  // Reads into `buffer`, with an empty input buffer. 0: as fill().
  Awaitable<std::size_t> receive(asio::mutable_buffer buffer);
  // The client has sent its last byte, or the connection is broken.
  bool ended() const { return ended_; }

  // Writes everything. False: the client cannot be reached any more, or took nothing for `write_timeout`.
  Awaitable<bool> send(Gather buffers);
  bool write_failed() const { return write_failed_; }
  bool write_timed_out() const { return write_timed_out_; }

  void begin_watch();
  void end_watch() { watching_ = false; }
  bool watching() const { return watching_; }
  // The client went while its call was watched.
  bool gone() const { return gone_; }

  // Closes so that the client can still read what was written: what it goes on sending is thrown away until it closes
  // its side, for `time` at most. Without this a reset might overtake the response.
  Awaitable<void> linger(std::chrono::milliseconds time);
  void close();
  // Closes with a reset where nothing else would show the client that a response is not complete.
  void reset();

 private:
  void on_read(error_code error, std::size_t bytes) override;
  void on_deadline();
  void start_read(asio::mutable_buffer buffer, bool into_input);
  Awaitable<void> read_settled();

  std::unique_ptr<Transport> transport_;
  InputBuffer input_;
  std::chrono::milliseconds write_timeout_;
  const std::uint32_t pace_;
  // How long writes may still wait: grows with what the client takes.
  SteadyClock::duration patience_;
  // Never expires: cancelled to wake the coroutine that waits for a read.
  Timer wakeup_;
  Deadline deadline_;
  asio::cancellation_signal cancel_signal_;
  std::size_t received_ = 0;
  bool reading_ = false;
  bool into_input_ = false;
  bool ended_ = false;
  bool writing_ = false;
  bool write_failed_ = false;
  bool write_timed_out_ = false;
  bool watching_ = false;
  bool gone_ = false;
};

}  // namespace tollgate
