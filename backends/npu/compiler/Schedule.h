//===- Schedule.h - Steps of engines, loops, buffers ----------- -*- C++
//-*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What a kernel does, before it is words: a tree of loops with steps of the
// four lanes of a core (loads, stores, vector engine, tensor engine) on buffers
// of its scratchpad and accumulators. All that a step needs to know of order is
// which buffers it reads and writes; `assemble` plans the memory, finds out who
// has to wait for whom, and writes the streams.
//
// Every lane runs through the same loops, each for itself. In a round, a lane
// waits where its step needs what another lane does earlier in the round (or
// writes what another one reads there). Between rounds, buffers of a loop exist
// in `copies`, used in turn, and no lane begins a round before the others have
// ended the one that used the same copy.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NPU_COMPILER_SCHEDULE_H
#define NARAE_BACKENDS_NPU_COMPILER_SCHEDULE_H

#include "backends/npu/compiler/Scalars.h"

#include <functional>

namespace narae::npu {

class StreamWriter;

/// What a core does at the same time, each in a stream of its own.
enum class Lane : uint8_t { Load, Store, Vector, Tensor };
constexpr unsigned laneCount = 4;

/// Memory of a core.
struct LocalBuffer {
  Space space = Space::Scratchpad;
  uint64_t bytes = 0; ///< at most
  unsigned loop = 0;  ///< the loop whose rounds it lives in
  uint64_t address = 0;
};
using BufferId = unsigned;

struct BufferUse {
  BufferId buffer;
  bool isWrite;
};

struct Item;

/// A loop, or (number 0) the whole of the program, which runs once.
struct Loop {
  unsigned number = 0;
  /// Rounds; of a loop that is shared out, those of all cores.
  Scalar rounds = 0;
  bool isSharedOut = false;
  unsigned copies = 1;
  std::vector<Item> items;
  uint64_t arena = 0; ///< bytes of one copy of its buffers
  uint64_t base = 0;  ///< address of the first copy
};

/// Something a lane does, or a loop inside of a loop.
struct Item {
  Lane lane = Lane::Load;
  llvm::SmallVector<BufferUse, 4> uses;
  std::function<void(StreamWriter &)> emit;
  std::unique_ptr<Loop> loop; ///< then the above is not used
};

class Schedule {
public:
  explicit Schedule(const Machine &machine) : machine(machine) {}

  const Machine &machine;
  Loop top;
  std::vector<LocalBuffer> buffers;
  /// Loops that steps are being added to, the innermost last.
  std::vector<Loop *> open = {&top};

  BufferId allocate(Space space, uint64_t bytes);
  void step(Lane lane, llvm::ArrayRef<BufferUse> uses,
            std::function<void(StreamWriter &)> emit);
  /// Opens a loop; what is added until `close` is in it.
  unsigned begin(Scalar rounds, bool isSharedOut);
  void close();
  Loop &innermost() { return *open.back(); }

  /// Bytes of the scratchpad and the accumulators that the plan takes; known
  /// after `plan`.
  uint64_t scratchpadBytes = 0, accumulatorBytes = 0;
  /// Places all buffers.
  void plan(unsigned copies);

private:
  unsigned loops = 1;
  void plan(Loop &loop, unsigned copies);
};

/// The lanes that have something to do in an item, by bit.
unsigned lanesOf(const Item &item);
unsigned lanesOf(const Loop &loop);

/// The streams of all cores. Returns what the machine lacks, "" when nothing.
std::string assemble(Schedule &schedule, Scalars &scalars,
                     LaunchNumbers &numbers, Program &program);

} // namespace narae::npu

#endif // NARAE_BACKENDS_NPU_COMPILER_SCHEDULE_H
