//===- State.h - What a running program changes --------------- -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// All that a running program changes but data: the history of memories, streams
// with their registers, semaphores and barriers. Functional and timing
// simulator both work on it.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NPU_SIMULATOR_STATE_H
#define NARAE_BACKENDS_NPU_SIMULATOR_STATE_H

#include "backends/npu/isa/Program.h"
#include "backends/npu/isa/View.h"
#include "backends/npu/simulator/Memory.h"
#include "backends/npu/simulator/Tracker.h"

#include <deque>
#include <map>
#include <memory>
#include <optional>

namespace narae::npu {

/// What a program did wrong. Faults are found and named, never computed
/// through: the first one ends the run.
enum class FaultKind {
  OutOfRange,    ///< beyond a memory: a scratchpad overflows
  Misaligned,    ///< an element or descriptor at an address of a wrong multiple
  Uninitialised, ///< reads bytes that nobody wrote
  BeforeArrival, ///< reads or overwrites bytes of a descriptor under way
  MissingSync,   ///< two accesses that nothing orders
  Overlap,       ///< source and result, or elements of a result, overlap
  Shape,         ///< sizes or ranks do not fit
  Type,          ///< types do not fit
  Reach,         ///< a memory that the engine cannot reach
  Index,         ///< a gathered or scattered row that is not there
  Arithmetic,    ///< division by zero among scalars
  Semaphore,     ///< no such semaphore or barrier, or a count out of range
  AmbiguousWait, ///< signals of several streams race for a wait
  Deadlock,      ///< nobody can go on
  InstructionLimit,
  Device, ///< what computes the data failed
};
const char *faultText(FaultKind kind);

struct Fault {
  FaultKind kind = FaultKind::Deadlock;
  EngineId engine;
  uint32_t word = 0;   ///< in the stream
  std::string message; ///< the whole sentence, with engine, word, instruction
};

/// A `loop` or `if` that is open.
struct Frame {
  uint32_t first = 0, end = 0; ///< the first word inside, and the `end`
  int64_t round = 0, count = 1;
  uint8_t reg = 0;
  bool loop = false;
};

struct StreamState {
  enum Status { Ready, Blocked, Finished };
  EngineId id;
  int32_t number = 0; ///< position in the program
  Stream stream;
  uint32_t pc = 0; ///< word in the stream
  Status status = Ready;
  std::array<int64_t, registerCount> registers{};
  std::array<View, viewCount> views{};
  std::vector<Frame> frames;
  /// What it has seen of others; of itself the last fence (DMA).
  Clock clock;
  uint32_t releases = 0; ///< signals, barriers and fences so far
  bool arrived = false;  ///< at the barrier of `pc`
  uint64_t step = 0;     ///< number of the word that it executes, of all

  /// Tensor and vector engines complete instructions in order.
  bool inOrder() const {
    return id.engine == Engine::Tensor || id.engine == Engine::Vector;
  }
  Epoch epoch() const { return {number, releases, pc, step}; }
};

/// Signals that were not taken yet, oldest first.
struct Semaphore {
  struct Token {
    int32_t stream;
    int64_t amount;
    Clock clock;
  };
  std::deque<Token> tokens;
  int64_t count = 0;
  /// The last wait that took signals.
  struct Taking {
    Epoch wait;
    /// The stream of all signals it took, `severalStreams` if there were more.
    int32_t from = hostStream;
    uint32_t release = 0; ///< of the last signal it took
  };
  static constexpr int32_t severalStreams = -2;
  std::optional<Taking> last;
};

struct BarrierState {
  std::vector<int32_t> arrived;
  int64_t count = 0;
  Clock clock;
};

/// Names a semaphore: scope, unit, index.
struct SemaphoreId {
  Scope scope = Scope::Core;
  int32_t unit = 0;
  int32_t index = 0;
  bool operator<(const SemaphoreId &o) const {
    return std::tie(scope, unit, index) < std::tie(o.scope, o.unit, o.index);
  }
};

/// A program that passed `verify`, with its words decoded. Several simulators
/// may share it.
struct LoadedProgram {
  Program program;
  std::vector<Instruction> code; ///< words of `program.code`
};

class State {
public:
  explicit State(Machine machine);

  const Machine machine;
  std::shared_ptr<const LoadedProgram> loaded; ///< null before `load`
  std::vector<StreamState> streams;
  std::vector<int64_t> parameters;
  std::map<SemaphoreId, Semaphore> semaphores;
  std::map<int32_t, BarrierState> barriers;

  /// How many units a memory has, and its bytes a unit.
  int64_t units(Space space) const { return unitsOf(machine, space); }
  int64_t bytes(Space space) const { return bytesOf(machine, space); }
  /// The history of a memory's bytes. The unit must exist.
  Tracker &tracker(Space space, int32_t unit);
  /// What was written so far is seen by every stream from now on.
  void settle();
  /// The chiplet of an engine; -1 for those of the host.
  int64_t chipletOf(const EngineId &engine) const;
  /// The unit that -1 stands for in a view of the space; -1 where the engine
  /// has none of its own.
  int32_t ownUnit(const EngineId &engine, Space space) const;
  const Instruction &at(const StreamState &stream) const {
    return loaded->code[stream.stream.first + stream.pc];
  }

private:
  /// By space and unit.
  std::vector<std::vector<std::unique_ptr<Tracker>>> trackers;
};

} // namespace narae::npu

#endif // NARAE_BACKENDS_NPU_SIMULATOR_STATE_H
