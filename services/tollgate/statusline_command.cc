#include "services/tollgate/statusline_command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <iostream>
#include <iterator>

#include "services/tollgate/fetch.h"
#include "services/tollgate/statusline.h"

namespace tollgate {
namespace {

// Claude Code waits for the line, and asks again soon.
constexpr std::chrono::milliseconds kTime{2000};
// What it writes is a few hundred bytes.
constexpr std::streamsize kMostInput = 1024 * 1024;

// The first of these variables that is set.
std::string first_of(std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (const char* value = std::getenv(name); value != nullptr && *value != '\0')
      return value;
  }
  return {};
}

std::string escaped(const std::string& text) {
  std::string out;
  for (const unsigned char c : text)
    out +=
        std::isalnum(c) != 0 || c == '-' || c == '_' ? std::string(1, static_cast<char>(c)) : fmt::format("%{:02X}", c);
  return out;
}

std::string read_input() {
  std::string input(static_cast<std::size_t>(kMostInput), '\0');
  std::cin.read(input.data(), kMostInput);
  input.resize(static_cast<std::size_t>(std::cin.gcount()));
  return input;
}

std::string line_for(const std::string& input) {
  const std::string base = first_of({"TOLLGATE_URL", "ANTHROPIC_BASE_URL"});
  const std::string key = first_of({"TOLLGATE_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_API_KEY"});
  if (base.empty() || key.empty())
    return "tollgate: set ANTHROPIC_BASE_URL and ANTHROPIC_AUTH_TOKEN";
  const absl::StatusOr<Url> url = parse_url(base);
  if (!url.ok())
    return "tollgate: ANTHROPIC_BASE_URL: " + std::string(url.status().message());
  const std::string session = session_of(input);
  std::vector<std::string> targets = {"/v1/key"};
  if (!session.empty())
    targets.push_back("/v1/activity/sessions?limit=1&since=30d&session=" + escaped(session.substr(0, 256)));
  const absl::StatusOr<std::vector<Fetched>> replies = fetch(*url, key, targets, kTime);
  if (!replies.ok())
    return fmt::format("tollgate: {}: {}", url->host, std::string(replies.status().message()));
  const Fetched& own = replies->front();
  if (own.status != 200)
    return fmt::format("tollgate: {} answers {}", url->host, own.status);
  const bool known = replies->size() > 1 && replies->back().status == 200;
  return statusline(session, known ? replies->back().body : std::string(), own.body);
}

}  // namespace

void add_statusline_command(CLI::App& app, std::function<int()>& run) {
  CLI::App& command =
      *app.add_subcommand("statusline",
                          "The line for Claude Code's statusLine: reads its JSON on stdin, asks the gateway at "
                          "ANTHROPIC_BASE_URL with ANTHROPIC_AUTH_TOKEN");
  command.callback([&run] {
    run = [] {
      fmt::print("{}\n", line_for(read_input()));
      return 0;
    };
  });
}

}  // namespace tollgate
