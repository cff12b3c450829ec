//===- Team.cpp - A team of threads that divides kernels -----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/cpu/runtime/Team.h"
#include "backends/cpu/runtime/HostMemory.h"

#include <algorithm>
#include <chrono>
#include <climits>
#include <cstdio>
#include <cstring>
#include <linux/futex.h>
#include <map>
#include <pthread.h>
#include <string>
#include <sys/syscall.h>
#include <system_error>
#include <unistd.h>

using namespace narae;
using namespace narae::cpu;

static constexpr int64_t maxThreads = 4096;
static constexpr auto spinTime = std::chrono::microseconds(60);
/// A launch number of UINT32_MAX parts tells the workers to end.
static constexpr uint32_t stopParts = UINT32_MAX;

/// Launches of so much work (a few tenths of a millisecond) are watched.
static constexpr uint64_t watchedWork = 4 << 20;
/// Parts a thread of a launch that is divided finely: a thread that has half
/// of its core then gets two thirds of what it should do at most.
static constexpr int64_t finePerThread = 4;
/// So many launches are divided finely after an uneven one.
static constexpr int fineLaunches = 32;

static_assert(sizeof(std::atomic<uint64_t>) == 8 &&
                  sizeof(std::atomic<uint32_t>) == 4,
              "futexes wait on the value itself");

/// Children have no workers: threads do not survive a fork. A team made
/// before the fork computes all parts on its caller there.
static std::atomic<uint64_t> forks{0};

static void futexWait(const void *word, uint32_t expected) {
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, nullptr, nullptr, 0);
}

static void futexWake(const void *word, int count) {
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, nullptr, nullptr, 0);
}

static void pauseCpu() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#else
  std::this_thread::yield();
#endif
}

/// Spins until `done()` or for `spinTime`; returns whether it is done.
template <typename Fn>
static bool spinUntil(Fn done) {
  auto end = std::chrono::steady_clock::now() + spinTime;
  do {
    for (int i = 0; i < 64; ++i) {
      if (done())
        return true;
      pauseCpu();
    }
    // Whoever we wait for may need this very core.
    std::this_thread::yield();
  } while (std::chrono::steady_clock::now() < end);
  return done();
}

Scratch::~Scratch() { releaseMemory(data); }

bool Scratch::reserve(uint64_t bytes) {
  if (bytes <= size)
    return true;
  releaseMemory(data);
  data = allocateMemory(bytes);
  size = data ? bytes : 0;
  // Lanes that a kernel computes and throws away start as zeros: what the
  // memory held before may be denormal, which is very slow.
  if (data)
    std::memset(data, 0, bytes);
  return data != nullptr;
}

/// Cores that the control group's CPU quota amounts to, rounded up; 0 when
/// there is none.
static int64_t quotaThreads() {
  FILE *file = std::fopen("/sys/fs/cgroup/cpu.max", "re");
  if (!file)
    return 0;
  long long quota = 0, period = 0;
  int fields = std::fscanf(file, "%lld %lld", &quota, &period);
  std::fclose(file);
  return fields == 2 && quota > 0 && period > 0 ? (quota + period - 1) / period
                                                : 0;
}

int32_t cpu::defaultThreads() {
  static const int32_t threads = [] {
    int64_t cores = std::max<int64_t>(1, std::thread::hardware_concurrency());
    int64_t quota = quotaThreads();
    return static_cast<int32_t>(quota ? std::min(cores, quota) : cores);
  }();
  return threads;
}

std::shared_ptr<Team> Team::get(int32_t threads, std::string &error) {
  // Never destroyed, so that sessions in static objects may end after main.
  static std::mutex &mutex = *new std::mutex();
  static auto &teams = *new std::map<int64_t, std::weak_ptr<Team>>();
  static const int handler = pthread_atfork(
      nullptr, nullptr, [] { forks.fetch_add(1, std::memory_order_relaxed); });
  (void)handler;
  int64_t count = threads > 0 ? threads : defaultThreads();
  if (threads < 0 || count > maxThreads) {
    error = "the number of threads must be between 1 and " +
            std::to_string(maxThreads);
    return nullptr;
  }
  std::lock_guard<std::mutex> lock(mutex);
  std::weak_ptr<Team> &slot = teams[count];
  std::shared_ptr<Team> team = slot.lock();
  if (team && team->forkGeneration == forks.load())
    return team;
  team.reset(new Team(count));
  if (!team->start(error))
    return nullptr;
  slot = team;
  return team;
}

Team::Team(int64_t threadCount)
    : threadCount(threadCount), forkGeneration(forks.load()),
      scratch(static_cast<size_t>(threadCount)) {}

bool Team::start(std::string &error) {
  threads.reserve(static_cast<size_t>(threadCount - 1));
  try {
    for (int64_t i = 1; i < threadCount; ++i)
      threads.emplace_back([this, i] { work(i); });
  } catch (const std::system_error &failure) {
    error = "cannot start thread " + std::to_string(threads.size() + 1) +
            " of " + std::to_string(threadCount) + ": " + failure.what();
    return false;
  }
  return true;
}

void Team::stop() {
  uint64_t number = static_cast<uint32_t>(ticket.load()) + 1;
  ticket.store(uint64_t(stopParts) << 32 | static_cast<uint32_t>(number));
  futexWake(&ticket, INT_MAX);
}

Team::~Team() {
  if (forkGeneration != forks.load()) {
    for (std::thread &thread : threads)
      thread.detach();
    return;
  }
  stop();
  for (std::thread &thread : threads)
    thread.join();
}

static int64_t nanoseconds() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

void Team::runPart(int64_t thread, int64_t index, int64_t parts) {
  kernel(launch->buffers, launch->params, index, parts,
         launch->scratch_bytes ? scratch[static_cast<size_t>(thread)].data
                               : nullptr);
}

void Team::runClaimed(int64_t thread, uint32_t number, uint32_t parts) {
  uint64_t current = claim.load(std::memory_order_acquire);
  for (;;) {
    // Another launch's number: this one is over.
    if (static_cast<uint32_t>(current >> 32) != number)
      return;
    if (static_cast<uint32_t>(current) >= parts)
      return noteIdle();
    if (!claim.compare_exchange_weak(current, current + 1,
                                     std::memory_order_acq_rel))
      continue;
    runPart(thread, static_cast<uint32_t>(current), parts);
    current = claim.load(std::memory_order_acquire);
    if (remaining.fetch_sub(1) == 1 && callerSleeps.load())
      futexWake(&remaining, 1);
  }
}

void Team::noteIdle() {
  int64_t expected = watching;
  if (idleSince.load(std::memory_order_relaxed) == watching)
    idleSince.compare_exchange_strong(expected, nanoseconds());
}

/// Whether a thread had nothing to do for a sixth of a launch. One that took
/// less than 0.2 ms says little: a thread may have had to wake up.
static bool isUneven(int64_t begin, int64_t idle, int64_t end) {
  return idle > begin && end - begin > 200000 && end - idle > (end - begin) / 6;
}

void Team::work(int64_t thread) {
  // Starting from the very first ticket, not the present one: a launch may
  // already have been made.
  uint64_t seen = 0;
  for (;;) {
    auto changed = [&] {
      return ticket.load(std::memory_order_acquire) != seen;
    };
    while (!spinUntil(changed)) {
      sleepers.fetch_add(1);
      if (ticket.load() == seen)
        futexWait(&ticket, static_cast<uint32_t>(seen));
      sleepers.fetch_sub(1);
    }
    seen = ticket.load(std::memory_order_acquire);
    uint32_t parts = static_cast<uint32_t>(seen >> 32);
    if (parts == stopParts)
      return;
    runClaimed(thread, static_cast<uint32_t>(seen), parts);
  }
}

bool Team::run(NaraeHostKernelFn function, const NaraeLaunch &request,
               int64_t parts) {
  bool alone = forkGeneration != forks.load(std::memory_order_relaxed);
  std::unique_lock<std::mutex> lock(turn, std::defer_lock);
  if (!alone)
    lock.lock();
  int64_t users = alone ? 1 : std::min(parts, threadCount);
  for (int64_t i = 0; request.scratch_bytes && i < users; ++i)
    if (!scratch[static_cast<size_t>(i)].reserve(request.scratch_bytes))
      return false;
  kernel = function;
  launch = &request;
  if (alone || parts <= 1) {
    for (int64_t i = 0; i < parts; ++i)
      runPart(0, i, parts);
    return true;
  }
  bool isWatched = parts == threadCount && request.work >= watchedWork;
  if (!isWatched) {
    runTogether(parts);
    return true;
  }
  bool isFine = fineLeft > 0;
  int64_t begin = isFine ? 0 : nanoseconds();
  idleSince.store(isFine ? notWatching : watching, std::memory_order_relaxed);
  runTogether(isFine ? parts * finePerThread : parts);
  if (isFine)
    --fineLeft;
  else if (isUneven(begin, idleSince.exchange(notWatching), nanoseconds()))
    fineLeft = fineLaunches;
  return true;
}

void Team::runTogether(int64_t parts) {
  remaining.store(static_cast<uint32_t>(parts), std::memory_order_relaxed);
  uint32_t number =
      static_cast<uint32_t>(ticket.load(std::memory_order_relaxed)) + 1;
  claim.store(uint64_t(number) << 32, std::memory_order_release);
  ticket.store(uint64_t(parts) << 32 | number);
  // Either a worker sees the new ticket before it sleeps, or it is counted.
  if (sleepers.load())
    futexWake(&ticket, INT_MAX);
  // A worker that is slow to wake leaves its part to the others.
  runClaimed(0, number, static_cast<uint32_t>(parts));
  auto done = [&] { return remaining.load(std::memory_order_acquire) == 0; };
  if (spinUntil(done))
    return;
  callerSleeps.store(true);
  while (uint32_t left = remaining.load())
    futexWait(&remaining, left);
  callerSleeps.store(false);
}
