// What the simulator says when no script tells it: a deterministic stand-in for a model.
//
// Directives in the last user message, several of them for parallel tools:
//   [[write PATH CONTENT]]  calls the tool Write {file_path, content}
//   [[read PATH]]           calls the tool Read {file_path}
//   [[tool NAME JSON]]      calls the tool NAME with that input
//   [[redacted]]            puts a redacted_thinking block first
// A tool is called only if it is offered. Once its result is there, the answer says so. A request for structured
// output gets JSON that fits the schema. Anything else is answered by a text that repeats the user's last words.
#pragma once

#include "tests/simulator/message.h"
#include "tests/simulator/question.h"

namespace tollgate::simulator {

// Complete but for `usage`'s input counts. `serial` makes the ids of tool uses distinct.
Message answer(const Question& question, std::uint64_t serial);

}  // namespace tollgate::simulator
