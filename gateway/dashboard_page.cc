#include "gateway/dashboard_page.h"

#include <fmt/format.h>

#include <algorithm>

#include "gateway/ascii.h"

namespace tollgate {
namespace {

constexpr std::string_view kRoot = "/dashboard";
// Vite puts a hash into the names of these.
constexpr std::string_view kAssets = "assets/";

constexpr std::string_view kAbsent =
    "This gateway was built without its dashboard.\n\n"
    "Install Node 18 or later with npm (apt-get install nodejs npm), configure and build again:\n\n"
    "  cmake --preset release -DTOLLGATE_DASHBOARD=ON && cmake --build --preset release\n\n"
    "The same numbers are at /api/v1/activity/query and in `tollgate activity`.\n";

Answer plain(unsigned status, std::string_view text) {
  Answer answer{.status = status, .headers = "content-type: text/plain; charset=utf-8\r\n", .body = std::string(text)};
  answer.headers += kDashboardHeaders;
  return answer;
}

const DashboardFile* find_file(std::span<const DashboardFile> files, std::string_view path) {
  const auto found =
      std::find_if(files.begin(), files.end(), [&](const DashboardFile& file) { return file.path == path; });
  return found == files.end() ? nullptr : &*found;
}

// Whether the list of that header names `wanted`, at any weight but none.
bool lists(std::string_view header, std::string_view wanted) {
  bool found = false;
  for_each_element(header, [&](std::string_view element) {
    const std::string_view name = element.substr(0, element.find_first_of("; \t"));
    const bool none = element.ends_with("q=0") || element.ends_with("q=0.0");
    found |= name == wanted && !none;
  });
  return found;
}

bool lists_etag(std::string_view header, std::string_view etag) {
  if (header == "*")
    return true;
  bool found = false;
  for_each_element(header, [&](std::string_view element) {
    if (element.starts_with("W/"))
      element.remove_prefix(2);
    found |= element == etag;
  });
  return found;
}

Answer serve(const DashboardFile& file, const RequestHead& head) {
  const bool packed = !file.gzip.empty() && lists(head.find("accept-encoding"), "gzip");
  const std::string etag = fmt::format("\"{}{}\"", std::string(file.hash), packed ? "-gz" : "");
  const bool immutable = file.path.starts_with(kAssets);
  Answer answer;
  answer.headers = fmt::format("etag: {}\r\ncache-control: {}\r\n", etag,
                               immutable ? "public, max-age=31536000, immutable" : "no-cache");
  if (!file.gzip.empty())
    answer.headers += "vary: accept-encoding\r\n";
  answer.headers += kDashboardHeaders;
  if (lists_etag(head.find("if-none-match"), etag)) {
    answer.status = 304;
    return answer;
  }
  answer.headers.append("content-type: ").append(file.type).append("\r\n");
  if (packed)
    answer.headers += "content-encoding: gzip\r\n";
  answer.body = packed ? file.gzip : file.bytes;
  return answer;
}

}  // namespace

const std::string_view kDashboardHeaders =
    "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src "
    "'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'\r\n"
    "x-content-type-options: nosniff\r\n"
    "x-frame-options: DENY\r\n"
    "referrer-policy: no-referrer\r\n"
    "cross-origin-opener-policy: same-origin\r\n"
    "cross-origin-resource-policy: same-origin\r\n";

Answer dashboard_page(std::span<const DashboardFile> files, const RequestHead& head) {
  const auto mark = head.target.find('?');
  std::string_view path = head.target.substr(0, mark);
  path.remove_prefix(std::min(kRoot.size(), path.size()));
  if (path.empty()) {
    // Only behind the slash do relative addresses mean what they say.
    Answer moved = plain(308, "");
    const std::string_view query = mark == head.target.npos ? std::string_view() : head.target.substr(mark);
    moved.headers.append("location: /dashboard/").append(query).append("\r\n");
    return moved;
  }
  path.remove_prefix(1);
  if (files.empty())
    return plain(404, kAbsent);
  if (const DashboardFile* file = path.empty() ? nullptr : find_file(files, path))
    return serve(*file, head);
  if (path.starts_with(kAssets))
    return plain(404, "There is no such file: the page is of another version. Load it again.\n");
  const DashboardFile* page = find_file(files, "index.html");
  return page == nullptr ? plain(404, kAbsent) : serve(*page, head);
}

}  // namespace tollgate
