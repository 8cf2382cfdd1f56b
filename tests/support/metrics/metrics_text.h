// Prometheus' text format, read strictly.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

namespace tollgate::testing {

using MetricLabels = std::map<std::string, std::string>;

class MetricsText {
 public:
  // Throws std::runtime_error that names the line when it is not in the format, has a sample before the TYPE of its
  // family, or the same series twice.
  explicit MetricsText(const std::string& text);

  // The sum over all series of that name that have these labels, among others; 0: there is none.
  double value(const std::string& name, const MetricLabels& labels = {}) const;
  // How many those are.
  std::size_t count(const std::string& name, const MetricLabels& labels = {}) const;
  // All values of a label in series of that name.
  std::set<std::string> values(const std::string& name, const std::string& label) const;
  // Of the samples, _bucket, _sum and _count included.
  std::set<std::string> names() const;
  std::size_t size() const { return samples_.size(); }
  // By family.
  const std::map<std::string, std::string>& types() const { return types_; }

 private:
  struct Sample {
    std::string name;
    MetricLabels labels;
    double value;
  };
  std::vector<Sample> matching(const std::string& name, const MetricLabels& labels) const;

  std::map<std::string, std::string> types_;
  std::vector<Sample> samples_;
};

}  // namespace tollgate::testing
