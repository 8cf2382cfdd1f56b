// Where Claude stands on Vertex AI.
// Source: https://cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/use-claude
#pragma once

#include <string>
#include <string_view>

#include "services/provider_adapter/anthropic/route.h"

namespace tollgate::vertex {

// One segment of a path. @ stays: it is part of what the models are called.
std::string path_segment(std::string_view text);

// /v1/projects/PROJECT/locations/REGION
std::string location_path(std::string_view project, std::string_view region);

// https://us-east5-aiplatform.googleapis.com for a region, and the hosts of `global` and of the multi-regions.
std::string host_url(std::string_view region);

// The path of a call, without a prefix. `model` as Vertex names it: claude-sonnet-4-5@20250929.
std::string path_of(anthropic::Call call, std::string_view project, std::string_view region, std::string_view model,
                    bool stream);

// What anthropic_version in the body says for a value of the header.
std::string_view version_of(std::string_view header);

}  // namespace tollgate::vertex
