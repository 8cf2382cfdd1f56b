// The dashboard as `gateway/dashboard/build.mjs` builds it, part of the binary.
#pragma once

#include <span>
#include <string_view>

namespace tollgate {

struct DashboardFile {
  // Below /dashboard/.
  std::string_view path;
  std::string_view type;
  // Of the bytes.
  std::string_view hash;
  std::string_view bytes;
  // The same, compressed; empty where that is of no use.
  std::string_view gzip;
};

// Empty when the gateway was built without Node.
std::span<const DashboardFile> dashboard_files();

}  // namespace tollgate
