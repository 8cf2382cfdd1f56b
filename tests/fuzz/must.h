// What a fuzz target demands, in every kind of build.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace tollgate::fuzz {

inline void must(bool holds, const char* what) {
  if (holds)
    return;
  std::fprintf(stderr, "must hold: %s\n", what);
  std::abort();
}

}  // namespace tollgate::fuzz
