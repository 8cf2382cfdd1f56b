#include "services/tollgate/catalog_update.h"

#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "catalog_generator.h"

namespace tollgate {
namespace {

namespace fs = std::filesystem;

// Gone with all that is in it.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (fs::temp_directory_path() / "tollgate-catalog-XXXXXX").string();
    if (::mkdtemp(name.data()) != nullptr)
      path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    if (!path_.empty())
      fs::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  bool ok() const { return !path_.empty(); }
  std::string write(const std::string& name, std::string_view text) const {
    const std::string path = (path_ / name).string();
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }

 private:
  fs::path path_;
};

absl::Status run(std::vector<std::string> command) {
  std::vector<char*> arguments;
  for (std::string& argument : command)
    arguments.push_back(argument.data());
  arguments.push_back(nullptr);
  ::pid_t child = 0;
  const int failed = ::posix_spawnp(&child, arguments[0], nullptr, nullptr, arguments.data(), environ);
  if (failed == ENOENT)
    return absl::NotFoundError(
        "`node` is not to be found: an update needs node 20 or later, npm and tar. Serving needs none of them, and the "
        "file may be made on another machine.");
  if (failed != 0)
    return absl::InternalError(fmt::format("{}: {}", command[0], std::strerror(failed)));
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR)
      return absl::InternalError(fmt::format("{}: {}", command[0], std::strerror(errno)));
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
    return absl::OkStatus();
  return absl::FailedPreconditionError("The catalog could not be made; what stands above says why.");
}

}  // namespace

absl::Status update_catalog(const CatalogUpdate& update) {
  const TemporaryFolder folder;
  if (!folder.ok())
    return absl::InternalError(fmt::format("no temporary folder: {}", std::strerror(errno)));
  std::vector<std::string> command = {"node",        folder.write("generate.mjs", catalog_generator::generate_mjs),
                                      "--sources",   folder.write("sources.json", catalog_generator::sources_json),
                                      "--providers", folder.write("providers.json", catalog_generator::providers_json),
                                      "--overrides", folder.write("overrides.json", catalog_generator::overrides_json),
                                      "--out",       update.out};
  for (const std::string& file : update.overrides)
    command.insert(command.end(), {"--overrides", file});
  for (const std::string& pin : update.pins)
    command.insert(command.end(), {"--pin", pin});
  if (!update.packages.empty())
    command.insert(command.end(), {"--packages", update.packages});
  return run(std::move(command));
}

}  // namespace tollgate
