// The catalog that a router serves by, and its file, which may change.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <tuple>

#include "absl/status/statusor.h"
#include "services/common/config/config.h"
#include "services/router/live_models.h"

namespace tollgate::router {

// Looks at the catalog's file from a thread of its own, which never holds up a request, and reads it anew when it has
// changed. What is wrong with it goes to the log; the old one stays. The built-in catalog does not change.
class CatalogSource {
 public:
  static constexpr std::chrono::milliseconds kInterval{500};

  // The first table has to be right.
  static absl::StatusOr<std::unique_ptr<CatalogSource>> open(const Config& config);
  ~CatalogSource();

  const LiveModels& models() const { return models_; }

  // Begins to look by itself. Before, and only then, look() may be called.
  void start(std::chrono::milliseconds interval = kInterval);
  // Looks once. A file that has just changed may still be being written: it is read when it was the same twice. True
  // when the table has been replaced.
  bool look();

 private:
  using Load = std::function<absl::StatusOr<std::shared_ptr<const ModelTable>>()>;
  // Device, file, size, seconds and nanoseconds of its last change; all zero when there is none.
  using Stamp = std::tuple<std::uint64_t, std::uint64_t, std::int64_t, std::int64_t, std::int64_t>;

  CatalogSource(std::string path, Load load, Stamp stamp, std::shared_ptr<const ModelTable> models);
  static Stamp stamp_of(const std::string& path);
  void run(std::chrono::milliseconds interval);

  const std::string path_;
  const Load load_;
  // As it was read last, and as it was seen last.
  Stamp read_;
  Stamp seen_;
  LiveModels models_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace tollgate::router
