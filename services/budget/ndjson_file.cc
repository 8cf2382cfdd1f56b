#include "services/budget/ndjson_file.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "services/common/base/log.h"
#include "services/common/base/record_json.h"

namespace tollgate {
namespace {

constexpr const char* kStandardOutput = "-";

std::string numbered(const std::string& path, std::uint32_t number) {
  return number == 0 ? path : fmt::format("{}.{}", path, number);
}

}  // namespace

absl::StatusOr<std::shared_ptr<ActivityOutlet>> make_outlet(const ActivityConfig& config) {
  if (config.file.path.empty())
    return nullptr;
  return NdjsonFile::open(config.file);
}

absl::StatusOr<std::shared_ptr<NdjsonFile>> NdjsonFile::open(const ActivityFileConfig& config) {
  std::FILE* file = stdout;
  std::uint64_t size = 0;
  if (config.path != kStandardOutput) {
    file = std::fopen(config.path.c_str(), "ae");
    if (file == nullptr) {
      return absl::InvalidArgumentError(
          fmt::format("activity.file.path: cannot write {}: {}", config.path, std::strerror(errno)));
    }
    std::error_code failed;
    const std::uintmax_t found = std::filesystem::file_size(config.path, failed);
    size = failed ? 0 : found;
  }
  return std::shared_ptr<NdjsonFile>(new NdjsonFile(config, file, size));
}

NdjsonFile::NdjsonFile(const ActivityFileConfig& config, std::FILE* file, std::uint64_t size)
    : config_(config), file_(file), size_(size), thread_([this] { run(); }) {}

NdjsonFile::~NdjsonFile() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_one();
  thread_.join();
  if (file_ != nullptr && file_ != stdout)
    std::fclose(file_);
}

void NdjsonFile::put(const v1::ActivityRecord& record) {
  std::string line = record_line(record) + "\n";
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= kMostWaiting) {
      ++dropped_;
      return;
    }
    waiting_.push_back(std::move(line));
  }
  changed_.notify_one();
}

void NdjsonFile::run() {
  for (bool ending = false; !ending;) {
    std::deque<std::string> lines;
    std::uint64_t dropped = 0;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return ending_ || !waiting_.empty(); });
      lines.swap(waiting_);
      dropped = std::exchange(dropped_, 0);
      ending = ending_;
    }
    for (const std::string& line : lines)
      write(line);
    if (file_ != nullptr)
      std::fflush(file_);
    if (dropped > 0)
      Log(spdlog::level::warn, "activity_lines_dropped").with("file", config_.path).with("lines", dropped);
  }
}

void NdjsonFile::write(const std::string& line) {
  if (file_ != stdout && config_.bytes > 0 && size_ > 0 && size_ + line.size() > config_.bytes)
    rotate();
  if (file_ == nullptr || std::fwrite(line.data(), 1, line.size(), file_) != line.size()) {
    Log(spdlog::level::err, "activity_line_lost").with("file", config_.path).with("error", std::strerror(errno));
    if (file_ == nullptr)
      file_ = std::fopen(config_.path.c_str(), "ae");
    return;
  }
  size_ += line.size();
}

void NdjsonFile::rotate() {
  if (file_ != nullptr)
    std::fclose(file_);
  std::error_code ignored;
  for (std::uint32_t number = config_.kept; number > 0; --number)
    std::filesystem::rename(numbered(config_.path, number - 1), numbered(config_.path, number), ignored);
  if (config_.kept == 0)
    std::filesystem::remove(config_.path, ignored);
  file_ = std::fopen(config_.path.c_str(), "ae");
  size_ = 0;
}

}  // namespace tollgate
