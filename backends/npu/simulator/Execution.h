//===- Execution.h - What all instructions do ----------------- -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What all instructions do: values of operands, views that are checked, bytes
// that are read and written under the tracker's eyes. Functions return false
// after a fault.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NPU_SIMULATOR_EXECUTION_H
#define NARAE_BACKENDS_NPU_SIMULATOR_EXECUTION_H

#include "backends/npu/simulator/Datapath.h"
#include "backends/npu/simulator/Simulator.h"

namespace narae::npu {

class Execution {
public:
  Execution(State &state, StreamState &stream, Datapath &datapath,
            const SimulatorOptions &options)
      : state(state), stream(stream), datapath(datapath), options(options),
        instruction(state.at(stream)) {}

  State &state;
  StreamState &stream;
  Datapath &datapath;
  const SimulatorOptions &options;
  const Instruction &instruction;
  std::optional<Fault> fault;

  /// Records a fault of this instruction; false.
  bool fail(FaultKind kind, const std::string &what);

  int64_t number(OperandName name) const { return instruction[name].number; }
  /// Of a Value.
  int64_t value(OperandName name) const {
    const Operand &operand = instruction[name];
    return int64_t(uint64_t(stream.registers[operand.reg]) +
                   uint64_t(operand.number));
  }
  /// Of a Scalar, as f32; the number itself where there is no register.
  float scalar(OperandName name) const;
  /// Of a Scalar among integers: the number's fraction is cut off.
  int32_t integerScalar(OperandName name) const;
  bool flag(OperandName name) const { return number(name) != 0; }
  bool has(OperandName name) const { return number(name) != noView; }

  /// The view of an operand, checked: set, with an own unit resolved, in
  /// reach, aligned and inside of its memory.
  bool view(OperandName name, View &view);
  bool rank(const View &view, OperandName name, int rank);
  /// Faults unless both have the same shape.
  bool sameShape(const View &a, OperandName aName, const View &b,
                 OperandName bName);
  /// A result: stored type, elements that lie apart.
  bool result(const View &view, OperandName name);
  /// A result may be an operand's very elements, or lie apart from them.
  bool apart(const View &result, const View &operand, OperandName name);

  /// Whether data is computed, see SimulatorOptions.
  bool data() const {
    return options.data || (options.integers && isOfFewIntegers());
  }
  /// Whether all operands are views of i32, and not many of them.
  bool isOfFewIntegers() const;

  /// Accesses of the instruction, in the order of its definition: false where
  /// they are faults. Nothing without data.
  bool reads(const View &view) { return track(view, /*isWrite=*/false); }
  bool writes(const View &view) { return track(view, /*isWrite=*/true); }
  /// Computes what is left when nothing was wrong.
  bool execute(const Operation &operation);
  bool readIntegers(const View &view, std::vector<int32_t> &values);

private:
  bool track(const View &view, bool isWrite);
  bool collide(const Collision &collision, const View &view, bool isWrite);
};

bool executeTensor(Execution &execution);
bool executeVector(Execution &execution);
bool executeRows(Execution &execution); ///< vector: along rows, by index
bool executeDma(Execution &execution);
/// Control, scalars and views; sets pc.
bool executeControl(Execution &execution);
/// Waits, signals, barriers; `blocked` where it has to be tried again.
bool executeSync(Execution &execution, bool &blocked);
/// Whether the opcode is a wait, signal, barrier or fence.
bool isSync(Opcode opcode);
bool isControl(Opcode opcode);
/// The semaphore that an instruction's registers and numbers name; unit or
/// index is -1 where they leave 32 bits.
/// \param index receives the index as the registers give it.
SemaphoreId semaphoreOf(const State &state, const StreamState &stream,
                        const Instruction &instruction, int64_t &index);

/// Multiply-accumulates a cell and cycle for operands of two types; below 0
/// where they do not go together, 0 where the machine's array lacks them.
double macRate(const TensorUnit &unit, ElementType a, ElementType b);

/// Who waits for what, when nobody can go on.
Fault describeDeadlock(const State &state);
std::string describeView(const View &view);

} // namespace narae::npu

#endif // NARAE_BACKENDS_NPU_SIMULATOR_EXECUTION_H
