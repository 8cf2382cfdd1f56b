#include "services/router/prompt_traits.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>

namespace tollgate::router {
namespace {

constexpr std::string_view kType = "\"type\"";
constexpr std::string_view kCacheControl = "\"cache_control\"";
constexpr std::string_view kOneHour = "\"1h\"";

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// What begins one of the strings looked for, or an escape by number.
bool is_candidate(char first, char second) {
  return first == '"' ? second == 't' || second == 'c' || second == '1' : first == '\\' && second == 'u';
}

// Calls visit(offset) wherever is_candidate() holds.
template <class Visit>
void each_candidate(std::string_view body, Visit visit) {
  std::size_t at = 0;
#ifdef __SSE2__
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i backslash = _mm_set1_epi8('\\');
  const __m128i t = _mm_set1_epi8('t');
  const __m128i c = _mm_set1_epi8('c');
  const __m128i one = _mm_set1_epi8('1');
  const __m128i u = _mm_set1_epi8('u');
  for (; at + 17 <= body.size(); at += 16) {
    const __m128i first = _mm_loadu_si128(reinterpret_cast<const __m128i*>(body.data() + at));
    const __m128i second = _mm_loadu_si128(reinterpret_cast<const __m128i*>(body.data() + at + 1));
    const __m128i begins =
        _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(second, t), _mm_cmpeq_epi8(second, c)), _mm_cmpeq_epi8(second, one));
    const __m128i strings = _mm_and_si128(_mm_cmpeq_epi8(first, quote), begins);
    const __m128i escapes = _mm_and_si128(_mm_cmpeq_epi8(first, backslash), _mm_cmpeq_epi8(second, u));
    auto hits = static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(strings, escapes)));
    for (; hits != 0; hits &= hits - 1)
      visit(at + static_cast<std::size_t>(std::countr_zero(hits)));
  }
#endif
  for (; at + 1 < body.size(); ++at) {
    if (is_candidate(body[at], body[at + 1]))
      visit(at);
  }
}

// The byte at `at` belongs to an escape: an odd number of backslashes stands before it.
bool is_escaped(std::string_view body, std::size_t at) {
  std::size_t run = 0;
  while (run < at && body[at - run - 1] == '\\')
    ++run;
  return run % 2 == 1;
}

// `digits` begins with 00XX, of a letter, a digit or an underscore.
bool spells_a_word(std::string_view digits) {
  if (digits.size() < 4 || digits[0] != '0' || digits[1] != '0')
    return false;
  int code = 0;
  for (const char digit : digits.substr(2, 2)) {
    const int lower = digit | 0x20;
    if (is_digit(digit))
      code = code * 16 + digit - '0';
    else if (lower >= 'a' && lower <= 'f')
      code = code * 16 + lower - 'a' + 10;
    else
      return false;
  }
  const int lower = code | 0x20;
  return (code >= '0' && code <= '9') || (lower >= 'a' && lower <= 'z') || code == '_';
}

// The string that is the value of the member whose key ends before `at`; empty when it is no member or no string.
std::string_view value_behind(std::string_view body, std::size_t at) {
  const auto skip_space = [&] {
    while (at < body.size() && (body[at] == ' ' || body[at] == '\n' || body[at] == '\r' || body[at] == '\t'))
      ++at;
  };
  const auto take = [&](char expected) { return at < body.size() && body[at] == expected && ++at > 0; };
  skip_space();
  if (!take(':'))
    return {};
  skip_space();
  if (!take('"'))
    return {};
  return body.substr(at, body.find('"', at) - at);
}

bool starts_with_any(std::string_view text, const auto& prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](std::string_view prefix) { return text.starts_with(prefix); });
}

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' || c == '-' || c == '.';
}

// web_search_20250305: a name and a date.
bool is_versioned(std::string_view type) {
  constexpr std::size_t kDate = 8;
  if (type.size() < kDate + 2 || type[type.size() - kDate - 1] != '_')
    return false;
  const std::string_view date = type.substr(type.size() - kDate);
  return std::all_of(date.begin(), date.end(), is_digit) && std::all_of(type.begin(), type.end(), is_name_character);
}

void take_type(std::string_view type, PromptTraits& traits) {
  // Half of what a prompt is made of.
  if (type == "text" || type == "string")
    return;
  if (type == "image")
    ++traits.images;
  else if (type == "document" || type == "url" || type == "file")
    traits.unbounded = true;
  else if (type.starts_with("compact_"))
    traits.compaction = true;
  switch (tool_kind(type)) {
    case ToolKind::kNone:
      break;
    case ToolKind::kClient:
      ++traits.client_tools;
      break;
    case ToolKind::kSearch:
      ++traits.search_tools;
      break;
    case ToolKind::kAdvisor:
      ++traits.advisor_tools;
      break;
    case ToolKind::kServer:
      ++traits.other_server_tools;
      break;
  }
}

}  // namespace

ToolKind tool_kind(std::string_view type) {
  constexpr std::array<std::string_view, 5> kClient = {"bash_", "text_editor_", "computer_", "memory_",
                                                       "browser_toolset_"};
  // Edits of the context, which are no tools.
  constexpr std::array<std::string_view, 2> kEdits = {"clear_", "compact_"};
  if (type == "mcp_toolset")
    return ToolKind::kServer;
  if (!is_versioned(type) || starts_with_any(type, kEdits))
    return ToolKind::kNone;
  if (starts_with_any(type, kClient))
    return ToolKind::kClient;
  if (type.starts_with("web_search_"))
    return ToolKind::kSearch;
  return type.starts_with("advisor_") ? ToolKind::kAdvisor : ToolKind::kServer;
}

PromptTraits prompt_traits(std::string_view body) {
  PromptTraits traits;
  each_candidate(body, [&](std::size_t at) {
    const std::string_view rest = body.substr(at);
    if (rest[0] == '\\') {
      traits.hidden = traits.hidden || (spells_a_word(rest.substr(2)) && !is_escaped(body, at));
      return;
    }
    switch (rest[1]) {
      case 't':
        if (rest.starts_with(kType) && !is_escaped(body, at))
          take_type(value_behind(body, at + kType.size()), traits);
        break;
      case 'c':
        traits.cache_control = traits.cache_control || (rest.starts_with(kCacheControl) && !is_escaped(body, at));
        break;
      default:
        traits.one_hour = traits.one_hour || (rest.starts_with(kOneHour) && !is_escaped(body, at));
    }
  });
  return traits;
}

}  // namespace tollgate::router
