#include "tests/support/redis/redis_server.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string_view>
#include <thread>

#include "tests/support/process/wait.h"

namespace tollgate {
namespace {

constexpr std::chrono::seconds kStartTimeout{20};

std::filesystem::path make_directory() {
  std::string path = (std::filesystem::temp_directory_path() / "tollgate-redis-XXXXXX").string();
  if (mkdtemp(path.data()) == nullptr)
    throw std::runtime_error("cannot make a directory for redis-server");
  return path;
}

bool answers(const redisReply& reply) {
  const std::string_view text(reply.str == nullptr ? "" : reply.str);
  // A server with a password answers as well.
  return text == "PONG" || text.starts_with("NOAUTH");
}

}  // namespace

RedisServer::RedisServer(Transport transport, std::vector<std::string> options)
    : transport_(transport), options_(std::move(options)), directory_(make_directory()) {
  if (transport_ == Transport::kTcp) {
    port_ = testing::free_port();
    address_ = fmt::format("127.0.0.1:{}", port_);
  } else {
    address_ = fmt::format("unix:{}", (directory_ / "redis.sock").string());
  }
  try {
    start();
  } catch (const std::runtime_error& problem) {
    std::ifstream log(directory_ / "redis.log");
    const std::string text((std::istreambuf_iterator<char>(log)), std::istreambuf_iterator<char>());
    clean_up();
    throw std::runtime_error(fmt::format("{}; its log:\n{}", problem.what(), text));
  }
}

RedisServer::~RedisServer() {
  clean_up();
}

void RedisServer::clean_up() {
  kill();
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

RedisConfig RedisServer::config() const {
  RedisConfig config;
  config.address = address_;
  return config;
}

void RedisServer::kill() {
  if (pid_ < 0)
    return;
  ::kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void RedisServer::start() {
  spawn();
  wait_until_ready();
}

void RedisServer::freeze() {
  ::kill(pid_, SIGSTOP);
}

void RedisServer::thaw() {
  ::kill(pid_, SIGCONT);
}

void RedisServer::spawn() {
  std::vector<std::string> arguments = {"redis-server",
                                        "--dir",
                                        directory_.string(),
                                        "--port",
                                        std::to_string(port_),
                                        "--bind",
                                        "127.0.0.1",
                                        "--save",
                                        "",
                                        "--appendonly",
                                        "yes",
                                        "--appendfsync",
                                        "everysec",
                                        "--daemonize",
                                        "no"};
  if (transport_ == Transport::kUnixSocket) {
    arguments.push_back("--unixsocket");
    arguments.push_back((directory_ / "redis.sock").string());
  }
  arguments.insert(arguments.end(), options_.begin(), options_.end());
  std::vector<char*> argv;
  for (std::string& argument : arguments)
    argv.push_back(argument.data());
  argv.push_back(nullptr);
  const std::string log = (directory_ / "redis.log").string();

  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ == 0) {
    // Goes when the test goes, however that ends.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
      _exit(1);
    const int fd = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(fd, STDOUT_FILENO);
    dup2(fd, STDERR_FILENO);
    execvp(argv[0], argv.data());
    _exit(127);
  }
  if (pid_ < 0)
    throw std::runtime_error("cannot fork for redis-server");
}

void RedisServer::wait_until_ready() {
  const auto deadline = std::chrono::steady_clock::now() + kStartTimeout;
  const timeval timeout{1, 0};
  while (std::chrono::steady_clock::now() < deadline) {
    const std::unique_ptr<redisContext, decltype(&redisFree)> context(
        transport_ == Transport::kTcp ? redisConnectWithTimeout("127.0.0.1", port_, timeout)
                                      : redisConnectUnixWithTimeout((directory_ / "redis.sock").c_str(), timeout),
        &redisFree);
    if (context && context->err == 0) {
      redisSetTimeout(context.get(), timeout);
      const std::unique_ptr<redisReply, decltype(&freeReplyObject)> reply(
          static_cast<redisReply*>(redisCommand(context.get(), "PING")), &freeReplyObject);
      if (reply && answers(*reply))
        return;
    }
    if (waitpid(pid_, nullptr, WNOHANG) == pid_) {
      pid_ = -1;
      throw std::runtime_error("redis-server did not start");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  throw std::runtime_error("redis-server did not answer in time");
}

}  // namespace tollgate
