// The Asio vocabulary of the whole project: one executor type, one awaitable.
//
// Threads: every object of a request lives on one shard (an io_context run by one thread) and needs no lock; only what
// is said to be shared crosses shards.
//
// Cancellation: a cancelled coroutine throws boost::system::system_error(operation_aborted) at its next co_await and
// unwinds to the co_spawn that began it. That is the one use of exceptions. What must still happen (a settlement) is
// spawned apart by a destructor.
//
// GCC 12 miscompiles some co_await expressions: name every argument in a local first; no capturing lambda and no
// braced list inside the expression.
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>

namespace tollgate {

namespace asio = boost::asio;
using boost::system::error_code;

using Executor = asio::io_context::executor_type;

template <class T>
using Awaitable = asio::awaitable<T, Executor>;

// co_await op(use_awaitable) throws on errors; co_await op(as_tuple) gives (error_code, result).
inline constexpr asio::use_awaitable_t<Executor> use_awaitable;
inline constexpr asio::as_tuple_t<asio::use_awaitable_t<Executor>> as_tuple{asio::use_awaitable_t<Executor>()};

using Tcp = asio::ip::tcp;
using TcpSocket = asio::basic_stream_socket<Tcp, Executor>;
using TcpAcceptor = asio::basic_socket_acceptor<Tcp, Executor>;
using SteadyClock = std::chrono::steady_clock;
using Timer = asio::basic_waitable_timer<SteadyClock, asio::wait_traits<SteadyClock>, Executor>;

}  // namespace tollgate
