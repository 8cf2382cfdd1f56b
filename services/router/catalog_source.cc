#include "services/router/catalog_source.h"

#include <sys/stat.h>

#include "services/common/base/log.h"

namespace tollgate::router {

CatalogSource::CatalogSource(std::string path, Load load, Stamp stamp, std::shared_ptr<const ModelTable> models)
    : path_(std::move(path)), load_(std::move(load)), read_(stamp), seen_(stamp), models_(std::move(models)) {}

CatalogSource::~CatalogSource() {
  if (!thread_.joinable())
    return;
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

absl::StatusOr<std::unique_ptr<CatalogSource>> CatalogSource::open(const Config& config) {
  Load load = [path = config.catalog_file, upstreams = config.upstream_names(), features = config.upstream_features()] {
    return ModelTable::load(path, upstreams, features);
  };
  // Before it is read: what is written meanwhile is seen later.
  const Stamp stamp = stamp_of(config.catalog_file);
  absl::StatusOr<std::shared_ptr<const ModelTable>> models = load();
  if (!models.ok())
    return models.status();
  return std::unique_ptr<CatalogSource>(
      new CatalogSource(config.catalog_file, std::move(load), stamp, *std::move(models)));
}

CatalogSource::Stamp CatalogSource::stamp_of(const std::string& path) {
  struct stat file = {};
  if (path.empty() || ::stat(path.c_str(), &file) != 0)
    return {};
  return {file.st_dev, file.st_ino, file.st_size, file.st_mtim.tv_sec, file.st_mtim.tv_nsec};
}

bool CatalogSource::look() {
  const Stamp now = stamp_of(path_);
  const bool same = now == seen_;
  seen_ = now;
  // A file that is gone for a moment is being replaced.
  if (!same || now == read_ || now == Stamp())
    return false;
  read_ = now;
  absl::StatusOr<std::shared_ptr<const ModelTable>> models = load_();
  if (models.ok() && (*models)->models().empty())
    models = absl::InvalidArgumentError("it has no model");
  if (!models.ok()) {
    Log(spdlog::level::err, "catalog_refused")
        .with("file", path_)
        .with("error", std::string(models.status().message()))
        .with("serving", "the catalog from before");
    return false;
  }
  Log(spdlog::level::info, "catalog_reloaded").with("file", path_).with("models", (*models)->models().size());
  models_.set(*std::move(models));
  return true;
}

void CatalogSource::start(std::chrono::milliseconds interval) {
  if (!path_.empty())
    thread_ = std::thread([this, interval] { run(interval); });
}

void CatalogSource::run(std::chrono::milliseconds interval) {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, interval, [this] { return ending_; })) {
    lock.unlock();
    look();
    lock.lock();
  }
}

}  // namespace tollgate::router
