#include "tests/support/metrics/metrics_text.h"

#include <algorithm>
#include <sstream>
#include <stdexcept>

namespace tollgate::testing {
namespace {

[[noreturn]] void fail(const std::string& what, const std::string& line) {
  throw std::runtime_error(what + ": " + line);
}

bool is_name(const std::string& text) {
  return !text.empty() && text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_:") ==
                              std::string::npos;
}

// Reads `{name="value",...}` from `at` on.
MetricLabels read_labels(const std::string& line, std::size_t& at) {
  MetricLabels labels;
  ++at;
  while (at < line.size() && line[at] != '}') {
    const std::size_t equals = line.find("=\"", at);
    if (equals == std::string::npos || !is_name(line.substr(at, equals - at)))
      fail("no label", line);
    std::string& value = labels[line.substr(at, equals - at)];
    for (at = equals + 2; at < line.size() && line[at] != '"'; ++at) {
      if (line[at] == '\\' && ++at < line.size())
        value += line[at] == 'n' ? '\n' : line[at];
      else
        value += line[at];
    }
    ++at;
    if (at < line.size() && line[at] == ',')
      ++at;
  }
  if (at >= line.size())
    fail("labels without an end", line);
  ++at;
  return labels;
}

bool has(const MetricLabels& labels, const MetricLabels& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const auto& label) {
    const auto found = labels.find(label.first);
    return found != labels.end() && found->second == label.second;
  });
}

}  // namespace

MetricsText::MetricsText(const std::string& text) {
  if (!text.empty() && text.back() != '\n')
    fail("the last line has no end", text.substr(text.rfind('\n') + 1));
  std::set<std::pair<std::string, MetricLabels>> seen;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("# HELP ", 0) == 0 || line.empty())
      continue;
    if (line.rfind("# TYPE ", 0) == 0) {
      std::istringstream words(line.substr(7));
      std::string name;
      std::string type;
      words >> name >> type;
      if (!is_name(name) || type.empty() || !types_.emplace(name, type).second)
        fail("a family twice, or none", line);
      continue;
    }
    std::size_t at = line.find_first_of("{ ");
    if (at == std::string::npos)
      fail("no sample", line);
    Sample sample{line.substr(0, at), {}, 0};
    if (line[at] == '{')
      sample.labels = read_labels(line, at);
    sample.value = std::stod(line.substr(at));
    std::string family = sample.name;
    for (const std::string suffix : {"_bucket", "_sum", "_count"}) {
      if (types_.count(family) == 0 && family.size() > suffix.size() && family.ends_with(suffix))
        family.resize(family.size() - suffix.size());
    }
    if (!is_name(sample.name) || types_.count(family) == 0)
      fail("a sample of no family", line);
    if (!seen.emplace(sample.name, sample.labels).second)
      fail("a series twice", line);
    samples_.push_back(std::move(sample));
  }
}

std::vector<MetricsText::Sample> MetricsText::matching(const std::string& name, const MetricLabels& labels) const {
  std::vector<Sample> found;
  std::copy_if(samples_.begin(), samples_.end(), std::back_inserter(found),
               [&](const Sample& sample) { return sample.name == name && has(sample.labels, labels); });
  return found;
}

double MetricsText::value(const std::string& name, const MetricLabels& labels) const {
  double sum = 0;
  for (const Sample& sample : matching(name, labels))
    sum += sample.value;
  return sum;
}

std::size_t MetricsText::count(const std::string& name, const MetricLabels& labels) const {
  return matching(name, labels).size();
}

std::set<std::string> MetricsText::values(const std::string& name, const std::string& label) const {
  std::set<std::string> values;
  for (const Sample& sample : matching(name, {})) {
    if (const auto found = sample.labels.find(label); found != sample.labels.end())
      values.insert(found->second);
  }
  return values;
}

std::set<std::string> MetricsText::names() const {
  std::set<std::string> names;
  for (const Sample& sample : samples_)
    names.insert(sample.name);
  return names;
}

}  // namespace tollgate::testing
