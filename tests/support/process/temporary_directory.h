// A directory for one test.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace tollgate::testing {

class TemporaryDirectory {
 public:
  // Throws std::filesystem::filesystem_error.
  TemporaryDirectory();
  // Removes it with everything in it.
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }
  // Writes a file into it and returns its path.
  std::string write(std::string_view name, std::string_view content) const;

 private:
  std::filesystem::path path_;
};

// The whole of a file; empty when it cannot be read.
std::string read_file(const std::filesystem::path& path);

}  // namespace tollgate::testing
