#include "services/provider_adapter/vertex/address.h"

#include <fmt/format.h>

namespace tollgate::vertex {

std::string path_segment(std::string_view text) {
  static constexpr std::string_view kPlain = "-_.~@";
  std::string out;
  for (const char c : text) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || kPlain.find(c) != kPlain.npos;
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

std::string location_path(std::string_view project, std::string_view region) {
  return fmt::format("/v1/projects/{}/locations/{}", path_segment(project), path_segment(region));
}

std::string host_url(std::string_view region) {
  if (region == "global")
    return "https://aiplatform.googleapis.com";
  if (region == "us" || region == "eu")
    return fmt::format("https://aiplatform.{}.rep.googleapis.com", region);
  return fmt::format("https://{}-aiplatform.googleapis.com", region);
}

std::string path_of(anthropic::Call call, std::string_view project, std::string_view region, std::string_view model,
                    bool stream) {
  const std::string location = location_path(project, region);
  const std::string models = location + "/publishers/anthropic/models/";
  switch (call) {
    case anthropic::Call::kMessages:
      return fmt::format("{}{}:{}", models, path_segment(model), stream ? "streamRawPredict" : "rawPredict");
    case anthropic::Call::kCountTokens:
      return models + "count-tokens:rawPredict";
    case anthropic::Call::kModels:
      break;
  }
  return location;
}

std::string_view version_of(std::string_view header) {
  return header.empty() || header == "2023-06-01" ? "vertex-2023-10-16" : header;
}

}  // namespace tollgate::vertex
