#include "services/common/redis/asio_adapter.h"

#include <hiredis/async.h>
#include <openssl/err.h>

#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <memory>

namespace tollgate {
namespace {

// The event hooks of one context. Handlers that are still queued when the context goes keep the object alive.
class Events : public std::enable_shared_from_this<Events> {
 public:
  Events(redisAsyncContext& context, Executor executor, std::function<void(std::string)> on_closed)
      : context_(&context), descriptor_(executor, context.c.fd), on_closed_(std::move(on_closed)) {}

  void attach() {
    self_ = shared_from_this();
    context_->ev.data = this;
    context_->ev.addRead = [](void* events) { static_cast<Events*>(events)->add_read(); };
    context_->ev.delRead = [](void* events) { static_cast<Events*>(events)->want_read_ = false; };
    context_->ev.addWrite = [](void* events) { static_cast<Events*>(events)->add_write(); };
    context_->ev.delWrite = [](void* events) { static_cast<Events*>(events)->want_write_ = false; };
    context_->ev.cleanup = [](void* events) { static_cast<Events*>(events)->clean_up(); };
    // Writable is how hiredis learns that the connection stands.
    add_write();
  }

 private:
  void add_read() {
    want_read_ = true;
    if (read_pending_)
      return;
    read_pending_ = true;
    descriptor_.async_wait(asio::posix::descriptor_base::wait_read,
                           [self = shared_from_this()](error_code) { self->on_readable(); });
  }

  void add_write() {
    want_write_ = true;
    if (write_pending_)
      return;
    write_pending_ = true;
    // A connected socket takes a write at once, as a rule: it needs no look at the socket first, only a turn of the
    // loop, in which more commands join the batch.
    const bool connected = (context_->c.flags & REDIS_CONNECTED) != 0;
    if (connected && !in_write_) {
      asio::post(descriptor_.get_executor(), [self = shared_from_this()] { self->on_writable(); });
    } else {
      descriptor_.async_wait(asio::posix::descriptor_base::wait_write,
                             [self = shared_from_this()](error_code) { self->on_writable(); });
    }
  }

  // hiredis would take what others have left in the thread's queue for its own.
  static void forget_tls_errors() {
#if TOLLGATE_REDIS_TLS
    ERR_clear_error();
#endif
  }

  void on_readable() {
    read_pending_ = false;
    if (context_ == nullptr || !want_read_)
      return;
    forget_tls_errors();
    redisAsyncHandleRead(context_);
  }

  void on_writable() {
    write_pending_ = false;
    if (context_ == nullptr || !want_write_)
      return;
    in_write_ = true;
    forget_tls_errors();
    redisAsyncHandleWrite(context_);
    in_write_ = false;
  }

  void clean_up() {
    std::string reason = context_->c.err != 0 ? context_->c.errstr : "the connection was closed";
    context_->ev.data = nullptr;
    context_ = nullptr;
    // hiredis closes the descriptor itself.
    descriptor_.release();
    const auto keep = std::move(self_);
    on_closed_(std::move(reason));
  }

  redisAsyncContext* context_;
  asio::posix::basic_stream_descriptor<Executor> descriptor_;
  std::function<void(std::string)> on_closed_;
  std::shared_ptr<Events> self_;
  bool want_read_ = false;
  bool want_write_ = false;
  bool read_pending_ = false;
  bool write_pending_ = false;
  bool in_write_ = false;
};

}  // namespace

void attach_to_asio(redisAsyncContext& context, Executor executor, std::function<void(std::string)> on_closed) {
  std::make_shared<Events>(context, executor, std::move(on_closed))->attach();
}

}  // namespace tollgate
