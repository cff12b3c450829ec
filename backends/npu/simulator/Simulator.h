//===- Simulator.h - Executes programs ------------------------ -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Executes programs: a reference on the CPU, bit for bit what docs/npu-isa.md
// defines.
//
//   Simulator simulator(machine);
//   simulator.load(program);
//   simulator.write(Space::Dram, 0, address, data, bytes);
//   simulator.launch({4096});
//   std::optional<Fault> fault = simulator.run();
//   simulator.read(Space::Dram, 0, address, result, bytes);
//
// Who wants to decide himself which stream goes on calls `step` (a timing
// simulator) instead of `run`.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NPU_SIMULATOR_SIMULATOR_H
#define NARAE_BACKENDS_NPU_SIMULATOR_SIMULATOR_H

#include "backends/npu/simulator/Datapath.h"
#include "backends/npu/simulator/State.h"

namespace narae::npu {

struct SimulatorOptions {
  /// Finds accesses without synchronisation and reads of what nobody wrote.
  /// Bounds, shapes, types and deadlocks are found in any case.
  bool track = true;
  /// False: no data is read, written or computed and nothing is tracked;
  /// shapes, bounds and synchronisation are. `load` is refused, because its
  /// value would be made up.
  bool data = true;
  /// Without data: instructions on few i32 alone (indices, lengths) compute all
  /// the same, and `load` is not refused. Numbers that follow from the host's
  /// by such instructions are right; all others read as 0.
  bool integers = false;
  /// A run of more words than this is taken for an endless loop.
  uint64_t instructionLimit = uint64_t(1) << 36;
};

/// Verifies and decodes a program for `Simulator::select`.
Expected<std::shared_ptr<const LoadedProgram>>
prepareProgram(const Program &program, const Machine &machine);

enum class StepKind { Executed, Blocked, Finished, Faulted };

/// What a step did.
struct Step {
  StepKind kind = StepKind::Finished;
  /// The word that was executed or blocks; null when finished. Its views are
  /// in the stream's state with their units resolved by `Simulator::view`.
  const Instruction *instruction = nullptr;
  uint32_t word = 0; ///< in the stream
};

class Simulator {
public:
  /// \param datapath computes the data; null: `makeCpuDatapath`.
  explicit Simulator(const Machine &machine, SimulatorOptions options = {},
                     std::unique_ptr<Datapath> datapath = nullptr);

  /// Verifies a program, puts its constants into memory and keeps it. What was
  /// in memories stays.
  Status load(const Program &program);
  /// Puts a prepared program in the place of the one before it; what is in
  /// memories stays, constants are not written.
  void select(std::shared_ptr<const LoadedProgram> program);
  /// Binds parameters and puts streams to their beginning. What earlier runs
  /// and the host wrote is seen by all streams; accumulators and scratchpads
  /// keep what they hold. Semaphores start at 0.
  Status launch(const std::vector<int64_t> &parameters);

  /// The host's view of any memory, between runs. Writing outside of a memory
  /// or a unit that is not there is an error that says so.
  Status write(Space space, int32_t unit, int64_t address, const void *data,
               size_t bytes);
  Status read(Space space, int32_t unit, int64_t address, void *data,
              size_t bytes);

  /// Executes the next word of a stream. A blocked stream may be stepped again
  /// at any time; after a fault nothing may be stepped before `launch`.
  Step step(size_t stream);
  /// Runs all streams to their end, or to the first fault. Always in the same
  /// order: DMA streams first, each as far as it goes.
  std::optional<Fault> run();

  /// A view operand of an instruction as the stream sees it now; unset where
  /// it is left out.
  std::optional<View> view(size_t stream, const Instruction &instruction,
                           OperandName name) const;
  const std::optional<Fault> &fault() const { return failure; }
  const State &state() const { return machineState; }
  /// Words executed since the launch.
  uint64_t executed() const { return words; }

private:
  SimulatorOptions options;
  State machineState;
  std::unique_ptr<Datapath> datapath;
  std::optional<Fault> failure;
  uint64_t words = 0;
};

} // namespace narae::npu

#endif // NARAE_BACKENDS_NPU_SIMULATOR_SIMULATOR_H
