// Reads what a translator wrote as a strict client would: the message that a stream of events amounts to.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace tollgate::test {

// {"content": [...], "stop_reason", "stop_sequence", "usage", "model", "id"}; with "error" when the stream ends in one.
// Empty with `wrong` set when the sequence is ill-formed: it says how.
nlohmann::json accumulate(std::string_view events, std::string& wrong);

}  // namespace tollgate::test
