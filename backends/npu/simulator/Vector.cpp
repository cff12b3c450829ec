//===- Vector.cpp - The vector engine, by element -------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/simulator/Execution.h"

using namespace narae::npu;

static bool isUnary(Opcode opcode) {
  return opcode >= Opcode::VConvert && opcode <= Opcode::VRelu;
}
static bool isBinary(Opcode opcode) {
  return opcode >= Opcode::VAdd && opcode <= Opcode::VRem;
}
static bool isComparison(Opcode opcode) {
  return opcode >= Opcode::VLt && opcode <= Opcode::VGe;
}

static bool hasIntegerUnary(Opcode opcode) {
  return opcode == Opcode::VConvert || opcode == Opcode::VNeg ||
         opcode == Opcode::VAbs || opcode == Opcode::VRelu;
}

namespace {
/// The operands of an element-wise instruction: views of the shape of dst, or
/// scalars where those are left out.
struct Operands {
  explicit Operands(Execution &execution)
      : execution(execution), operation(execution.instruction),
        views{&operation.a, &operation.b, &operation.c} {}
  Execution &execution;
  Operation operation;
  View *views[3];
  int count = 0;
  static constexpr OperandName names[3] = {OperandName::A, OperandName::B,
                                           OperandName::C};
  static constexpr OperandName scalars[3] = {
      OperandName::A, OperandName::BValue, OperandName::CValue};

  bool resolve(int operands) {
    count = operands;
    View &dst = operation.dst;
    if (!execution.view(OperandName::Dst, dst) ||
        !execution.result(dst, OperandName::Dst))
      return false;
    for (int i = 0; i < count; ++i) {
      if (!execution.has(names[i])) {
        operation.scalars[size_t(i)] = execution.scalar(scalars[i]);
        operation.integerScalars[size_t(i)] =
            execution.integerScalar(scalars[i]);
        continue;
      }
      if (!execution.view(names[i], *views[i]) ||
          !execution.sameShape(dst, OperandName::Dst, *views[i], names[i]) ||
          !execution.apart(dst, *views[i], names[i]))
        return false;
    }
    return true;
  }
  /// Whether the views from `first` on hold integers only.
  bool integers(int first) const {
    for (int i = first; i < count; ++i)
      if (present(*views[i]) && !isInteger(views[i]->type))
        return false;
    return true;
  }
  bool execute() {
    if (!execution.data())
      return true;
    for (int i = 0; i < count; ++i)
      if (present(*views[i]) && !execution.reads(*views[i]))
        return false;
    return execution.writes(operation.dst) && execution.execute(operation);
  }
};
} // namespace

static bool executeUnary(Execution &execution) {
  Operands operands(execution);
  if (!operands.resolve(1))
    return false;
  bool integers =
      isInteger(operands.operation.dst.type) && operands.integers(0);
  if (integers && !hasIntegerUnary(execution.instruction.opcode))
    return execution.fail(FaultKind::Type, "needs a float among its operands");
  operands.operation.integers = integers;
  return operands.execute();
}

static bool executeBinary(Execution &execution) {
  Operands operands(execution);
  Opcode opcode = execution.instruction.opcode;
  if (!operands.resolve(2))
    return false;
  // What is compared decides, not the type of the answer.
  bool integers =
      operands.integers(0) &&
      (isComparison(opcode) || isInteger(operands.operation.dst.type));
  bool bits = opcode >= Opcode::VAnd;
  if (bits && !integers)
    return execution.fail(FaultKind::Type, "is for integers only");
  if (integers && opcode == Opcode::VExpSub)
    return execution.fail(FaultKind::Type, "needs a float among its operands");
  operands.operation.integers = integers;
  return operands.execute();
}

static bool executeTernary(Execution &execution) {
  Operands operands(execution);
  bool isFma = execution.instruction.opcode == Opcode::VFma;
  if (!operands.resolve(3))
    return false;
  operands.operation.integers = isInteger(operands.operation.dst.type) &&
                                operands.integers(isFma ? 0 : 1);
  return operands.execute();
}

/// fill and iota: values from nothing.
static bool executeSeries(Execution &execution) {
  Operation operation(execution.instruction);
  View &dst = operation.dst;
  if (!execution.view(OperandName::Dst, dst) ||
      !execution.result(dst, OperandName::Dst))
    return false;
  if (!execution.data())
    return true;
  operation.integers = isInteger(dst.type);
  operation.scalars[0] = execution.scalar(OperandName::Start);
  operation.integerScalars[0] = execution.integerScalar(OperandName::Start);
  if (execution.instruction.opcode == Opcode::VIota) {
    operation.scalars[1] = execution.scalar(OperandName::Step);
    operation.integerScalars[1] = execution.integerScalar(OperandName::Step);
  }
  return execution.writes(dst) && execution.execute(operation);
}

bool narae::npu::executeVector(Execution &execution) {
  Opcode opcode = execution.instruction.opcode;
  if (isUnary(opcode))
    return executeUnary(execution);
  if (isBinary(opcode))
    return executeBinary(execution);
  if (opcode == Opcode::VFma || opcode == Opcode::VSelect)
    return executeTernary(execution);
  if (opcode == Opcode::VFill || opcode == Opcode::VIota)
    return executeSeries(execution);
  return executeRows(execution);
}
