// Records as lines of a file.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <mutex>
#include <string>
#include <thread>

#include "services/budget/activity_outlet.h"

namespace tollgate {

// One JSON object a line (record_line()), to a file that this process alone writes, or to standard output. Written by a
// thread of its own, so that a slow disk holds up nobody: beyond kMostWaiting lines the new ones are dropped, which is
// logged. Destroying it writes what waits.
class NdjsonFile : public ActivityOutlet {
 public:
  static constexpr std::size_t kMostWaiting = 20'000;

  static absl::StatusOr<std::shared_ptr<NdjsonFile>> open(const ActivityFileConfig& config);
  ~NdjsonFile() override;

  void put(const v1::ActivityRecord& record) override;

 private:
  NdjsonFile(const ActivityFileConfig& config, std::FILE* file, std::uint64_t size);
  void run();
  void write(const std::string& line);
  // Renames the files and begins a new one.
  void rotate();

  const ActivityFileConfig config_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string> waiting_;
  std::uint64_t dropped_ = 0;
  bool ending_ = false;
  // Below: of the thread. Null while the file cannot be opened.
  std::FILE* file_;
  std::uint64_t size_;
  std::thread thread_;
};

}  // namespace tollgate
