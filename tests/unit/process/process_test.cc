#include "services/common/process/process.h"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/resource.h>

namespace tollgate {
namespace {

rlim_t core_limit() {
  rlimit core{};
  EXPECT_EQ(getrlimit(RLIMIT_CORE, &core), 0);
  return core.rlim_cur;
}

// One test: what is set is set for the process.
TEST(ProcessTest, ItsMemoryIsShownToNobodyUnlessThatIsAllowed) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_CORE, &before), 0);
  prepare_process();
  EXPECT_EQ(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
  EXPECT_EQ(core_limit(), 0u);
  allow_core_dumps();
  EXPECT_EQ(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 1);
  EXPECT_EQ(core_limit(), before.rlim_max);
}

}  // namespace
}  // namespace tollgate
