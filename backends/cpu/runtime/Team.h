//===- Team.h - A team of threads that divides kernels ---------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A launch is a partition into parts, which threads claim one by one:
// who computes a part does not matter to the result, and a worker that the
// system has not woken yet holds nobody up. Workers spin for a moment after
// each launch, because the next one usually comes at once, and sleep on a
// futex after that.
//
// A part for each thread is best where all threads have a core of their own:
// kernels do some work for each part. Where one must share its core, as with
// threads of another library that spin after a call, the others would wait for
// it. So large launches are watched, and when a thread had nothing to do for
// long, the next ones have several parts a thread.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_CPU_RUNTIME_TEAM_H
#define NARAE_BACKENDS_CPU_RUNTIME_TEAM_H

#include "narae/backend.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace narae::cpu {

/// Scratch memory of one part; only ever grows.
struct Scratch {
  void *data = nullptr;
  uint64_t size = 0;

  Scratch() = default;
  Scratch(const Scratch &) = delete;
  Scratch &operator=(const Scratch &) = delete;
  ~Scratch();
  /// False when there is no memory.
  bool reserve(uint64_t bytes);
};

class Team {
public:
  /// The process's team with that many threads (0: all cores), made when it
  /// is first asked for and gone with its last user. Null with a message in
  /// `error` when threads cannot be made.
  static std::shared_ptr<Team> get(int32_t threads, std::string &error);
  ~Team();
  Team(const Team &) = delete;
  Team &operator=(const Team &) = delete;

  /// Threads of the team, the caller included.
  int64_t size() const { return threadCount; }

  /// Runs `parts` (at most `size()`) parts of a kernel, or more but smaller
  /// ones of a kernel with much work, and returns when all are done. Callers in
  /// different threads take turns. False when there is no memory for the
  /// scratch buffers.
  bool run(NaraeHostKernelFn kernel, const NaraeLaunch &launch, int64_t parts);

private:
  explicit Team(int64_t threadCount);
  bool start(std::string &error);
  void stop();
  void work(int64_t thread);
  void runTogether(int64_t parts);
  /// Runs parts of a launch as long as there are any that nobody has begun.
  void runClaimed(int64_t thread, uint32_t number, uint32_t parts);
  /// Scratch memory is that of the thread, of which the caller is number 0.
  void runPart(int64_t thread, int64_t index, int64_t parts);
  /// A thread found no more parts.
  void noteIdle();

  const int64_t threadCount;
  uint64_t forkGeneration = 0;
  std::vector<std::thread> threads;
  std::vector<Scratch> scratch;
  std::mutex turn;

  // The launch in progress: written by the caller before `ticket` changes,
  // read by its participants only.
  NaraeHostKernelFn kernel = nullptr;
  const NaraeLaunch *launch = nullptr;

  /// Number of the launch (low half, what sleepers wait on) and its parts.
  alignas(64) std::atomic<uint64_t> ticket{0};
  alignas(64) std::atomic<uint32_t> sleepers{0};
  /// Number of the launch (high half) and its next part (low half): a thread
  /// that comes late finds another number and takes nothing.
  alignas(64) std::atomic<uint64_t> claim{0};
  /// Parts that are not done.
  alignas(64) std::atomic<uint32_t> remaining{0};
  std::atomic<bool> callerSleeps{false};

  static constexpr int64_t watching = 0, notWatching = -1;
  /// When the first thread of a watched launch ran out of parts, nanoseconds.
  /// A thread that comes late from the launch before may write here, too: that
  /// costs some launches in finer parts and nothing else.
  std::atomic<int64_t> idleSince{notWatching};
  /// Launches that are still divided finely; the caller's.
  int fineLeft = 0;
};

/// Threads worth having: the process's cores, or fewer under a CPU quota.
int32_t defaultThreads();

} // namespace narae::cpu

#endif // NARAE_BACKENDS_CPU_RUNTIME_TEAM_H
