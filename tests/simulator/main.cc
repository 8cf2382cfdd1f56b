#include <fmt/format.h>
#include <signal.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <iterator>

#include "tests/simulator/simulator.h"

namespace {

// Thousands of streams are thousands of descriptors.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// Blocked before any thread starts, so that only sigwait sees them.
sigset_t block_stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

}  // namespace

int main(int argc, char** argv) {
  tollgate::simulator::Options options;
  std::string listen = "127.0.0.1:0";
  bool quiet = false;
  CLI::App app("Speaks Anthropic's Messages API without a model behind it, and does what its script says.");
  app.add_option("--listen", listen, "address:port; port 0: the kernel chooses")->capture_default_str();
  app.add_option("--api-key", options.api_key, "key that clients must present, in x-api-key or as Bearer");
  std::vector<std::string> aws_keys;
  app.add_option("--aws-key", aws_keys, "ID:SECRET[:TOKEN] that requests to Bedrock may be signed with; several");
  std::string vertex_key;
  app.add_option("--vertex-key", vertex_key, "PEM public key of the service account that is served as on Vertex AI");
  app.add_option("--threads", options.threads)->capture_default_str()->check(CLI::Range(1, 64));
  auto* certificate = app.add_option("--cert", options.certificate_file, "PEM certificate chain: serve TLS");
  auto* key = app.add_option("--key", options.key_file, "PEM private key");
  certificate->needs(key);
  key->needs(certificate);
  app.add_option("--record", options.record, "requests kept for GET /_sim/requests")->capture_default_str();
  app.add_flag("--quiet", quiet, "print the first line only");
  CLI11_PARSE(app, argc, argv);

  for (const std::string& text : aws_keys) {
    const auto parsed = tollgate::simulator::parse_aws_key(text);
    if (!parsed) {
      fmt::print(stderr, "--aws-key: must be ID:SECRET or ID:SECRET:TOKEN\n");
      return 2;
    }
    options.aws_keys.push_back(*parsed);
  }
  if (!vertex_key.empty()) {
    std::ifstream file(vertex_key);
    options.vertex.public_key.assign(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  std::size_t colon = listen.rfind(':');
  if (colon == std::string::npos) {
    fmt::print(stderr, "--listen {}: must be address:port, for example 127.0.0.1:0\n", listen);
    return 2;
  }
  sigset_t signals = block_stop_signals();
  raise_descriptor_limit();
  try {
    options.host = listen.substr(0, colon);
    options.port = static_cast<std::uint16_t>(std::stoul(listen.substr(colon + 1)));
    tollgate::simulator::Simulator simulator(options);
    fmt::print("listening on {}:{}\n", options.host, simulator.port());
    if (!quiet)
      fmt::print("Messages API at http{}://{}:{}/v1/messages; control at /_sim/\n", options.key_file.empty() ? "" : "s",
                 options.host, simulator.port());
    std::fflush(stdout);
    int signal = 0;
    sigwait(&signals, &signal);
  } catch (const std::exception& error) {
    fmt::print(stderr, "tollgate-simulator --listen {}: {}\n", listen, error.what());
    return 1;
  }
  return 0;
}
