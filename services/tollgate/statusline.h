// The line for Claude Code's `statusLine`: what this session and this day have cost, and what is left. Pure.
// Source: https://docs.claude.com/en/docs/claude-code/statusline
#pragma once

#include <string>
#include <string_view>

namespace tollgate {

// `session_id` of what Claude Code writes to the command's stdin; empty when there is none.
std::string session_of(std::string_view input);

// Of the answers of /v1/activity/sessions?session= and /v1/key, of which one may be missing: what is not known is left
// out. "$0.42 session | $3.10 today | $6.90 of $10 daily left".
std::string statusline(std::string_view session_id, std::string_view sessions_json, std::string_view key_json);

}  // namespace tollgate
