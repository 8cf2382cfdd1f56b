// A child program of a test.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/process/temporary_directory.h"
#include "tests/support/process/wait.h"

namespace tollgate::testing {

struct ProcessOptions {
  // Added to the test's own environment.
  std::map<std::string, std::string> environment;
  // Empty: the test's.
  std::string working_directory;
};

// Started by the constructor, killed by the destructor. It is also killed when the thread that started it ends, so that
// a crashed test leaves nothing behind; start it from a thread that lives as long.
class Process {
 public:
  // `command[0]` is a path, or is looked for in PATH. Throws std::system_error when nothing can be started; a program
  // that cannot be executed exits with 127.
  explicit Process(std::vector<std::string> command, const ProcessOptions& options = {});
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  bool running();
  // Nothing once it has ended.
  void signal(int number);

  // The exit code, or 128 + the signal that ended it; nothing: it still runs.
  std::optional<int> wait(std::chrono::milliseconds patience = kPatience);
  // SIGTERM, then wait(); SIGKILL if that takes too long.
  int stop(std::chrono::milliseconds patience = kPatience);
  // SIGKILL. Returns when it is gone.
  void kill();

  // What it has written so far to either of the two.
  std::string standard_output() const;
  std::string standard_error() const;
  // The rest of the first line of its standard output that begins with `prefix`. Throws std::runtime_error, with all
  // of its output, when it ends or takes too long without one.
  std::string wait_for_line(const std::string& prefix, std::chrono::milliseconds patience = kPatience);

 private:
  std::string output() const;

  std::string name_;
  TemporaryDirectory logs_;
  pid_t pid_ = -1;
  std::optional<int> exit_code_;
};

// The path of one of our programs: $TOLLGATE_BIN/name. Throws std::runtime_error when the variable is not set.
std::string program(const std::string& name);

// Resident memory of a process in bytes (VmRSS, and its peak VmHWM, of /proc/PID/status); 0: there is none.
std::uint64_t resident_bytes(pid_t pid);
std::uint64_t peak_resident_bytes(pid_t pid);

}  // namespace tollgate::testing
