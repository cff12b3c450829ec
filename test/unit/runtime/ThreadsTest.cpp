//===- ThreadsTest.cpp - Many threads, one result -------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/cpu/runtime/Team.h"
#include "test/unit/runtime/TestSession.h"

#include <set>
#include <sys/wait.h>
#include <thread>

using namespace narae;
using namespace narae::artifact;
using namespace narae::test;

/// out: i64[n], the number of parts at each element.
static std::unique_ptr<EntryT> partsEntry(int64_t elements, int64_t work) {
  EntryMaker b("parts");
  uint32_t zero = b.constant(0), n = b.constant(elements);
  uint32_t bytes = b.constant(8 * elements), amount = b.constant(work);
  uint32_t y = b.buffer(BufferKind_Output, 0, NARAE_I64, bytes, {n});
  b.output("y", NARAE_I64, {fixedDim(elements)}, y);
  b.endPrologue(zero);
  b.dispatch(CountParts, {y}, {n}, amount, bytes);
  return std::move(b.entry);
}

static std::set<int64_t> partsOf(int32_t threads, int64_t work) {
  TestSession session(partsEntry(1000, work), threads);
  std::vector<narae_tensor> outputs(1);
  EXPECT_EQ(session.run({}, outputs), "");
  auto *y = static_cast<int64_t *>(outputs[0].data);
  return std::set<int64_t>(y, y + 1000);
}

TEST(Threads, WorkDecidesTheParts) {
  EXPECT_EQ(partsOf(4, 1000), std::set<int64_t>{1});
  EXPECT_EQ(partsOf(4, 70000), std::set<int64_t>{2});
  EXPECT_EQ(partsOf(4, 1 << 30), std::set<int64_t>{4});
  EXPECT_EQ(partsOf(1, 1 << 30), std::set<int64_t>{1});
}

TEST(Threads, ManyLaunchesOfChangingSize) {
  for (int32_t threads : {2, 3, 7}) {
    std::string error;
    auto team = cpu::Team::get(threads, error);
    ASSERT_TRUE(team) << error;
    static std::atomic<int64_t> sum;
    sum = 0;
    auto kernel = [](void *const *, const int64_t *, int64_t part, int64_t,
                     void *) { sum += part + 1; };
    int64_t expected = 0;
    NaraeLaunch launch = {};
    for (int64_t i = 0; i < 3000; ++i) {
      int64_t parts = i % threads + 1;
      ASSERT_TRUE(team->run(kernel, launch, parts));
      expected += parts * (parts + 1) / 2;
      ASSERT_EQ(sum, expected);
      // Long enough for the workers to go to sleep, now and then.
      if (i % 500 == 0)
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }
}

TEST(Threads, UnevenLaunchesAreDividedFinely) {
  std::string error;
  auto team = cpu::Team::get(3, error);
  ASSERT_TRUE(team) << error;
  static std::atomic<int64_t> sum, mostParts;
  // The last of three parts takes long; scratch memory is one thread's.
  auto kernel = [](void *const *, const int64_t *, int64_t part, int64_t parts,
                   void *scratch) {
    auto *mine = static_cast<std::atomic<int64_t> *>(scratch);
    mine->store(part);
    if (part == parts - 1)
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    sum += mine->load() + 1;
    mostParts = std::max(mostParts.load(), parts);
  };
  sum = mostParts = 0;
  NaraeLaunch launch = {};
  launch.scratch_bytes = 64;
  launch.work = 1 << 30;
  // As a rule the second launch; later when threads were slow to wake up.
  for (int i = 0; i < 200 && mostParts <= 3; ++i)
    ASSERT_TRUE(team->run(kernel, launch, 3));
  ASSERT_EQ(mostParts, 12);
  for (int i = 0; i < 50; ++i) {
    sum = mostParts = 0;
    ASSERT_TRUE(team->run(kernel, launch, 3));
    ASSERT_EQ(sum, mostParts * (mostParts + 1) / 2);
  }
  // Small launches stay whole.
  launch.work = 1000;
  sum = mostParts = 0;
  ASSERT_TRUE(team->run(kernel, launch, 3));
  EXPECT_EQ(mostParts, 3);
}

TEST(Threads, OneTeamANumberOfThreads) {
  std::string error;
  auto two = cpu::Team::get(2, error), alsoTwo = cpu::Team::get(2, error);
  auto three = cpu::Team::get(3, error);
  EXPECT_EQ(two, alsoTwo);
  EXPECT_NE(two, three);
  EXPECT_FALSE(cpu::Team::get(1000000, error));
  expectContains(error, "between 1 and");
}

TEST(Threads, ResultsDoNotDependOnTheNumber) {
  constexpr int64_t n = 100000;
  std::vector<float> x(n), first;
  for (size_t i = 0; i < x.size(); ++i)
    x[i] = static_cast<float>(i) * 0.37f;
  std::vector<int64_t> shape = {n};
  for (int32_t threads : {1, 2, 3, 5, 8}) {
    TestSession session(affineEntry(n), threads);
    std::vector<narae_tensor> outputs(1);
    ASSERT_EQ(session.run({tensorOf(NARAE_F32, x, shape)}, outputs), "");
    auto *y = static_cast<float *>(outputs[0].data);
    if (first.empty())
      first.assign(y, y + n);
    EXPECT_EQ(std::vector<float>(y, y + n), first);
  }
}

TEST(Threads, SessionsInThreads) {
  TestSession shared(affineEntry(100000), 2);
  auto body = [&](int64_t n) {
    narae_session *session = nullptr;
    narae_session_options options = {sizeof(options), nullptr, 2};
    ASSERT_EQ(take(narae_session_create(shared.loaded, &options, &session)),
              "");
    std::vector<float> x(static_cast<size_t>(n), static_cast<float>(n));
    for (int round = 0; round < 50; ++round) {
      narae_tensor input = {NARAE_F32, 1, &n, x.data()}, output = {};
      ASSERT_EQ(take(narae_session_run(session, 0, &input, 1, &output, 1)), "");
      auto *y = static_cast<float *>(output.data);
      for (int64_t i = 0; i < n; ++i)
        ASSERT_EQ(y[i], 2 * (static_cast<float>(n) * 3 + 1));
    }
    narae_session_release(session);
  };
  std::vector<std::thread> threads;
  for (int64_t n : {60000, 70000, 80000, 10})
    threads.emplace_back(body, n);
  for (std::thread &thread : threads)
    thread.join();
}

TEST(Threads, ChildrenOfAForkStillRun) {
  TestSession session(partsEntry(1000, 1 << 30), 3);
  std::vector<narae_tensor> outputs(1);
  ASSERT_EQ(session.run({}, outputs), "");
  pid_t child = fork();
  if (child == 0) {
    bool ok = session.run({}, outputs).empty() &&
              static_cast<int64_t *>(outputs[0].data)[999] == 3;
    _exit(ok ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
