//===- SteadyStateTest.cpp - A run allocates nothing ----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// malloc and its like are replaced by counting ones, for all threads. Only
// runs with the shapes of the run before are counted.
//
//===----------------------------------------------------------------------===//

#include "test/unit/runtime/TestSession.h"

#include <atomic>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define NARAE_NO_COUNTING
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define NARAE_NO_COUNTING
#endif

static std::atomic<uint64_t> allocations{0};

#ifndef NARAE_NO_COUNTING
extern "C" {
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);

void *malloc(size_t size) {
  ++allocations;
  return __libc_malloc(size);
}
void *calloc(size_t count, size_t size) {
  ++allocations;
  return __libc_calloc(count, size);
}
void *realloc(void *old, size_t size) {
  ++allocations;
  return __libc_realloc(old, size);
}
void *aligned_alloc(size_t alignment, size_t size) {
  ++allocations;
  return __libc_memalign(alignment, size);
}
}
#endif

using namespace narae;
using namespace narae::artifact;
using namespace narae::test;

TEST(SteadyState, NoAllocation) {
#ifdef NARAE_NO_COUNTING
  GTEST_SKIP() << "the sanitizer has its own malloc";
#endif
  TestSession session(affineEntry(100000), 3);
  std::vector<float> x(100000), y(100000);
  std::vector<int64_t> shape = {100000};
  narae_tensor input = tensorOf(NARAE_F32, x, shape);
  for (bool callersMemory : {false, true})
    for (int round = 0; round < 20; ++round) {
      narae_tensor output = {};
      if (callersMemory)
        output = tensorOf(NARAE_F32, y, shape);
      uint64_t before = allocations;
      narae_status *status =
          narae_session_run(session.session, 0, &input, 1, &output, 1);
      uint64_t after = allocations;
      ASSERT_EQ(status, nullptr);
      if (round > 0)
        ASSERT_EQ(after, before) << "round " << round;
    }
  EXPECT_GT(allocations, 0u) << "nothing was counted";
}
