// Whatever an upstream sends, what a client gets is well-formed, ends, and does not depend on how the bytes come in.
// The first byte says how they are cut.
#include <cstdint>
#include <string>

#include "tests/fuzz/must.h"
#include "tests/support/translation/accumulate.h"
#include "tests/support/translation/chat_replay.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tollgate;
  if (size == 0)
    return 0;
  static const openai::AnswerContext context = [] {
    openai::AnswerContext made = test::chat_context();
    made.stop_sequences = {"END"};
    return made;
  }();
  const std::string_view stream(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string events = test::replay_chat(context, stream);
  fuzz::must(test::replay_chat(context, stream, 1 + data[0]) == events, "the same events in pieces");
  std::string wrong;
  test::accumulate(events, wrong);
  if (!wrong.empty())
    std::fprintf(stderr, "%s\n", wrong.c_str());
  fuzz::must(wrong.empty(), "a well-formed sequence with an end");
  return 0;
}
