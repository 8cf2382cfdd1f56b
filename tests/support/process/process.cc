#include "tests/support/process/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <sstream>
#include <stdexcept>
#include <system_error>

namespace tollgate::testing {
namespace {

constexpr int kCannotExecute = 127;

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (std::string& string : strings)
    result.push_back(string.data());
  result.push_back(nullptr);
  return result;
}

std::vector<std::string> environment_with(const std::map<std::string, std::string>& added) {
  std::vector<std::string> result;
  for (char** entry = environ; *entry; ++entry) {
    std::string_view text = *entry;
    if (!added.contains(std::string(text.substr(0, text.find('=')))))
      result.emplace_back(text);
  }
  for (const auto& [name, value] : added)
    result.push_back(name + '=' + value);
  return result;
}

// Runs in the child of a program that may have threads: system calls only.
[[noreturn]] void become(char** arguments, char** environment, const char* directory, const char* standard_output,
                         const char* standard_error) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  int in = open("/dev/null", O_RDONLY);
  int out = open(standard_output, O_WRONLY | O_CREAT | O_APPEND, 0600);
  int err = open(standard_error, O_WRONLY | O_CREAT | O_APPEND, 0600);
  bool ready = in >= 0 && out >= 0 && err >= 0 && dup2(in, 0) == 0 && dup2(out, 1) == 1 && dup2(err, 2) == 2;
  if (ready && (*directory == '\0' || chdir(directory) == 0))
    execvpe(arguments[0], arguments, environment);
  _exit(kCannotExecute);
}

std::uint64_t status_bytes(pid_t pid, const std::string& name) {
  std::istringstream status(read_file(fmt::format("/proc/{}/status", pid)));
  std::string word;
  while (status >> word) {
    std::uint64_t kilobytes = 0;
    if (word == name + ":" && status >> kilobytes)
      return kilobytes * 1024;
  }
  return 0;
}

}  // namespace

Process::Process(std::vector<std::string> command, const ProcessOptions& options) : name_(command.at(0)) {
  std::vector<std::string> environment = environment_with(options.environment);
  std::vector<char*> arguments = pointers(command);
  std::vector<char*> variables = pointers(environment);
  std::string out = logs_.path() / "stdout";
  std::string err = logs_.path() / "stderr";
  pid_ = fork();
  if (pid_ < 0)
    throw std::system_error(errno, std::generic_category(), "fork for " + name_);
  if (pid_ == 0)
    become(arguments.data(), variables.data(), options.working_directory.c_str(), out.c_str(), err.c_str());
}

Process::~Process() {
  kill();
}

bool Process::running() {
  return !wait(std::chrono::milliseconds(0));
}

void Process::signal(int number) {
  if (running())
    ::kill(pid_, number);
}

std::optional<int> Process::wait(std::chrono::milliseconds patience) {
  auto ended = [this] {
    int status = 0;
    if (!exit_code_ && waitpid(pid_, &status, WNOHANG) == pid_)
      exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return exit_code_.has_value();
  };
  wait_until(ended, patience);
  return exit_code_;
}

int Process::stop(std::chrono::milliseconds patience) {
  signal(SIGTERM);
  if (!wait(patience))
    kill();
  return *exit_code_;
}

void Process::kill() {
  while (running()) {
    ::kill(pid_, SIGKILL);
    wait();
  }
}

std::string Process::standard_output() const {
  return read_file(logs_.path() / "stdout");
}

std::string Process::standard_error() const {
  return read_file(logs_.path() / "stderr");
}

std::string Process::output() const {
  return fmt::format("its standard output:\n{}\nits standard error:\n{}", standard_output(), standard_error());
}

std::string Process::wait_for_line(const std::string& prefix, std::chrono::milliseconds patience) {
  std::optional<std::string> rest;
  auto look = [&] {
    std::istringstream lines(standard_output());
    std::string line;
    // A line without its end may still be growing.
    while (!rest && std::getline(lines, line) && !lines.eof())
      if (line.starts_with(prefix))
        rest = line.substr(prefix.size());
    return rest.has_value();
  };
  wait_until([&] { return look() || !running(); }, patience);
  if (!rest && !look())
    throw std::runtime_error(fmt::format("{} printed no line '{}...'; {}", name_, prefix, output()));
  return *rest;
}

std::string program(const std::string& name) {
  const char* directory = std::getenv("TOLLGATE_BIN");
  if (!directory)
    throw std::runtime_error("TOLLGATE_BIN is not set: it names the folder of the built programs");
  return fmt::format("{}/{}", directory, name);
}

std::uint64_t resident_bytes(pid_t pid) {
  return status_bytes(pid, "VmRSS");
}

std::uint64_t peak_resident_bytes(pid_t pid) {
  return status_bytes(pid, "VmHWM");
}

}  // namespace tollgate::testing
