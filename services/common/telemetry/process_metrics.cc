#include "services/common/telemetry/process_metrics.h"

#include <dirent.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <utility>

namespace tollgate {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

MetricFamily family_of(const char* name, const char* help, MetricType type, double value) {
  MetricFamily family{name, help, type, {}};
  prometheus::ClientMetric& metric = family.metric.emplace_back();
  metric.gauge.value = value;
  metric.counter.value = value;
  return family;
}

double processor_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Those in a directory of /proc, this one's own being read included.
double entries(const char* path) {
  DIR* directory = opendir(path);
  if (directory == nullptr)
    return 0;
  double count = 0;
  while (const dirent* entry = readdir(directory))
    count += entry->d_name[0] == '.' ? 0 : 1;
  closedir(directory);
  return count;
}

std::vector<MetricFamily> collect(double started) {
  // Source: proc(5), statm: sizes in pages.
  double size = 0;
  double resident = 0;
  std::ifstream("/proc/self/statm") >> size >> resident;
  const auto page = static_cast<double>(sysconf(_SC_PAGESIZE));
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  return {
      family_of("process_cpu_seconds_total", "Processor time, user and system.", MetricType::Counter,
                processor_seconds()),
      family_of("process_resident_memory_bytes", "Memory that is in RAM.", MetricType::Gauge, resident * page),
      family_of("process_virtual_memory_bytes", "Address space.", MetricType::Gauge, size * page),
      family_of("process_open_fds", "Open file descriptors.", MetricType::Gauge, entries("/proc/self/fd")),
      family_of("process_max_fds", "How many there may be.", MetricType::Gauge, static_cast<double>(files.rlim_cur)),
      family_of("process_threads", "Threads.", MetricType::Gauge, entries("/proc/self/task")),
      family_of("process_start_time_seconds", "When it started, Unix seconds.", MetricType::Gauge, started),
  };
}

}  // namespace

Telemetry::Registration add_process_metrics(Telemetry& telemetry, const std::string& service) {
  telemetry.gauges("tollgate_build_info", "Always 1: what runs here.")
      .Add({{"service", service}, {"version", TOLLGATE_VERSION}})
      .Set(1);
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const double started = std::chrono::duration<double>(now).count();
  return telemetry.add([started] { return collect(started); });
}

}  // namespace tollgate
