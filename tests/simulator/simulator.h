// The simulator: an upstream that speaks Anthropic's Messages API and does what it is told.
#pragma once

#include <atomic>
#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <string>

#include "services/common/runtime/shards.h"
#include "tests/simulator/api.h"
#include "tests/simulator/bedrock.h"
#include "tests/simulator/gemini.h"
#include "tests/simulator/journal.h"
#include "tests/simulator/openai.h"
#include "tests/simulator/script.h"
#include "tests/simulator/vertex.h"

namespace tollgate::simulator {

struct Options {
  std::string host = "127.0.0.1";
  // 0: the kernel chooses.
  std::uint16_t port = 0;
  // What clients must present; empty: nothing.
  std::string api_key;
  // What requests to Bedrock may be signed with, besides.
  std::vector<AwsKey> aws_keys;
  VertexOptions vertex;
  std::size_t threads = 1;
  // PEM files; both empty: plain HTTP.
  std::string certificate_file;
  std::string key_file;
  // How many requests are kept for GET /_sim/requests.
  std::size_t record = 256;
};

// What all connections share; any thread.
struct Shared {
  explicit Shared(const Options& options)
      : api(options.api_key),
        bedrock(api, options.api_key, options.aws_keys),
        openai(options.api_key),
        vertex(options.vertex),
        gemini(options.api_key, vertex, options.vertex.project),
        journal(options.record) {}

  Api api;
  Bedrock bedrock;
  OpenAi openai;
  Vertex vertex;
  Gemini gemini;
  Script script;
  Journal journal;
  std::atomic<std::uint64_t> connections_opened{0};
  std::atomic<std::int64_t> connections{0};
  // Requests that are being answered, and those of them that are streams.
  std::atomic<std::int64_t> active{0};
  std::atomic<std::int64_t> streams{0};
};

class Simulator {
 public:
  // Binds and serves from its own threads. Throws boost::system::system_error when it cannot bind or read a file.
  explicit Simulator(const Options& options);
  ~Simulator();

  std::uint16_t port() const { return port_; }

 private:
  Awaitable<void> accept();

  Shared shared_;
  std::unique_ptr<asio::ssl::context> tls_;
  Shards shards_;
  TcpAcceptor acceptor_;
  std::uint16_t port_ = 0;
};

}  // namespace tollgate::simulator
