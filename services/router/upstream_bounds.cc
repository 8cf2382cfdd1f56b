#include "services/router/upstream_bounds.h"

namespace tollgate::router {
namespace {

// host[:port] of a URL; all of it where it has another form.
std::string authority_of(const std::string& url) {
  const std::size_t scheme = url.find("://");
  const std::size_t begin = scheme == url.npos ? 0 : scheme + 3;
  return url.substr(begin, url.find('/', begin) - begin);
}

}  // namespace

std::map<std::string, UpstreamBounds> upstream_bounds(const Config& config) {
  std::map<std::string, UpstreamBounds> bounds;
  for (const auto& [name, upstream] : config.upstreams)
    bounds[name] = {authority_of(upstream.url), upstream.max_in_flight, upstream.connect_timeout};
  return bounds;
}

}  // namespace tollgate::router
