//===- Rows.cpp - The vector engine, by row and index ---------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/simulator/Execution.h"
#include "backends/npu/simulator/Layout.h"

using namespace narae::npu;

/// Shapes that agree but for the last dimension, which has `last` elements.
static bool sameRows(Execution &execution, const View &view, OperandName name,
                     const View &a, OperandName aName, int64_t last) {
  bool good = view.rank == a.rank && view.sizes[view.rank - 1] == last;
  for (int axis = 0; good && axis + 1 < a.rank; ++axis)
    good = view.sizes[axis] == a.sizes[axis];
  if (good)
    return true;
  return execution.fail(FaultKind::Shape,
                        std::string(operandText(name)) + " is " +
                            describeView(view) + ", but needs the rows of " +
                            operandText(aName) + ", " + describeView(a) +
                            ", with " + std::to_string(last) + " elements");
}

static bool indices(Execution &execution, const View &view, OperandName name) {
  if (view.type == ElementType::I32)
    return true;
  return execution.fail(FaultKind::Type, std::string(operandText(name)) +
                                             " holds indices, which are i32, "
                                             "not " +
                                             typeText(view.type));
}

/// dst and a of an instruction that makes something of rows.
static bool rowOperands(Execution &execution, View &dst, View &a) {
  return execution.view(OperandName::Dst, dst) &&
         execution.view(OperandName::A, a) &&
         execution.result(dst, OperandName::Dst) &&
         execution.apart(dst, a, OperandName::A);
}

/// dst := what the datapath makes of a.
static bool fromRows(Execution &execution, const View &dst, const View &a) {
  Operation operation(execution.instruction);
  operation.dst = dst;
  operation.a = a;
  operation.integers = isInteger(a.type) && isInteger(dst.type);
  return execution.reads(a) && execution.writes(dst) &&
         execution.execute(operation);
}

static bool executeReduce(Execution &execution) {
  View dst, a;
  if (!rowOperands(execution, dst, a) ||
      !sameRows(execution, dst, OperandName::Dst, a, OperandName::A, 1))
    return false;
  Opcode opcode = execution.instruction.opcode;
  bool isIndex = opcode == Opcode::VArgMax || opcode == Opcode::VArgMin;
  if (isIndex && !indices(execution, dst, OperandName::Dst))
    return false;
  bool isSum = opcode == Opcode::VSum || opcode == Opcode::VSumSq;
  if (!isSum && a.sizes[a.rank - 1] == 0 && dst.elements())
    return execution.fail(FaultKind::Shape,
                          "no element to choose of empty rows");
  if (!execution.data())
    return true;
  return fromRows(execution, dst, a);
}

static bool executeScan(Execution &execution) {
  View dst, a;
  if (!rowOperands(execution, dst, a) ||
      !execution.sameShape(dst, OperandName::Dst, a, OperandName::A))
    return false;
  if (!execution.data())
    return true;
  return fromRows(execution, dst, a);
}

static bool executeTopK(Execution &execution) {
  View dst, places, a;
  if (!rowOperands(execution, dst, a) ||
      !execution.view(OperandName::Dst2, places) ||
      !execution.result(places, OperandName::Dst2) ||
      !execution.apart(places, a, OperandName::A))
    return false;
  int64_t count = dst.sizes[dst.rank - 1];
  if (!sameRows(execution, dst, OperandName::Dst, a, OperandName::A, count) ||
      !execution.sameShape(dst, OperandName::Dst, places, OperandName::Dst2) ||
      !indices(execution, places, OperandName::Dst2))
    return false;
  if (count > a.sizes[a.rank - 1])
    return execution.fail(FaultKind::Shape,
                          "the largest " + std::to_string(count) + " of " +
                              std::to_string(a.sizes[a.rank - 1]));
  if (overlap(dst, places))
    return execution.fail(FaultKind::Overlap, "dst and dst2 share bytes");
  if (!execution.data())
    return true;
  Operation operation(execution.instruction);
  operation.dst = dst;
  operation.dst2 = places;
  operation.a = a;
  operation.integers = isInteger(a.type) && isInteger(dst.type);
  return execution.reads(a) && execution.writes(dst) &&
         execution.writes(places) && execution.execute(operation);
}

/// An index that must be below `count`.
static bool checkIndex(Execution &execution, int32_t index, int64_t count,
                       size_t at) {
  if (index >= 0 && index < count)
    return true;
  return execution.fail(FaultKind::Index, "index[" + std::to_string(at) +
                                              "] is " + std::to_string(index) +
                                              ", of " + std::to_string(count));
}

/// Row by row, so that rows that no index names stay untouched.
static bool scatter(Execution &execution, const View &dst, const View &a,
                    const std::vector<int32_t> &places) {
  bool accumulate = execution.flag(OperandName::Accumulate);
  for (size_t i = 0; i < places.size(); ++i) {
    if (!checkIndex(execution, places[i], dst.sizes[0], i))
      return false;
    Operation operation(execution.instruction);
    View &target = operation.dst, &source = operation.a;
    target = dst, source = a;
    int64_t toBits = places[i] * dst.strides[0] * bitsOf(dst.type);
    int64_t fromBits = int64_t(i) * a.strides[0] * bitsOf(a.type);
    if (toBits % 8 || fromBits % 8)
      return execution.fail(FaultKind::Misaligned,
                            "a row begins inside of a byte");
    target.base += toBits / 8, source.base += fromBits / 8;
    target.sizes[0] = source.sizes[0] = 1;
    operation.integers = isInteger(a.type) && isInteger(dst.type);
    if ((accumulate && !execution.reads(target)) || !execution.writes(target) ||
        !execution.execute(operation))
      return false;
  }
  return true;
}

static bool byIndex(Execution &execution, const View &dst, const View &a,
                    const View &index) {
  Operation operation(execution.instruction);
  if (!execution.reads(index) || !execution.reads(a) ||
      !execution.readIntegers(index, operation.indices))
    return false;
  if (operation.opcode == Opcode::VScatter)
    return scatter(execution, dst, a, operation.indices);
  bool isPick = operation.opcode == Opcode::VPick;
  int64_t count = a.sizes[isPick ? a.rank - 1 : 0];
  for (size_t i = 0; i < operation.indices.size(); ++i)
    if (!checkIndex(execution, operation.indices[i], count, i))
      return false;
  operation.dst = dst;
  operation.a = a;
  operation.integers = isInteger(a.type) && isInteger(dst.type);
  return execution.writes(dst) && execution.execute(operation);
}

static bool executeByIndex(Execution &execution) {
  View dst, a, index;
  if (!rowOperands(execution, dst, a) ||
      !execution.view(OperandName::Index, index) ||
      !indices(execution, index, OperandName::Index) ||
      !execution.apart(dst, index, OperandName::Index))
    return false;
  Opcode opcode = execution.instruction.opcode;
  if (opcode == Opcode::VPick) {
    if (!execution.sameShape(dst, OperandName::Dst, index,
                             OperandName::Index) ||
        !sameRows(execution, a, OperandName::A, dst, OperandName::Dst,
                  a.sizes[a.rank - 1]))
      return false;
  } else {
    const View &rows = opcode == Opcode::VGather ? dst : a;
    const View &many = opcode == Opcode::VGather ? a : dst;
    bool good = rows.rank == many.rank && index.rank == 1 &&
                index.sizes[0] == rows.sizes[0];
    for (int axis = 1; good && axis < rows.rank; ++axis)
      good = rows.sizes[axis] == many.sizes[axis];
    if (!good)
      return execution.fail(FaultKind::Shape, "rows " + describeView(rows) +
                                                  " by index " +
                                                  describeView(index) + " of " +
                                                  describeView(many));
  }
  if (!execution.data())
    return true;
  return byIndex(execution, dst, a, index);
}

static bool executeRotary(Execution &execution) {
  View dst, a, cos, sin;
  if (!rowOperands(execution, dst, a) ||
      !execution.sameShape(dst, OperandName::Dst, a, OperandName::A) ||
      !execution.view(OperandName::Cos, cos) ||
      !execution.view(OperandName::Sin, sin))
    return false;
  int64_t size = a.sizes[a.rank - 1], half = size / 2;
  if (size % 2)
    return execution.fail(FaultKind::Shape, "rows of " + std::to_string(size) +
                                                " elements do not make pairs");
  if (!sameRows(execution, cos, OperandName::Cos, a, OperandName::A, half) ||
      !sameRows(execution, sin, OperandName::Sin, a, OperandName::A, half) ||
      !execution.apart(dst, cos, OperandName::Cos) ||
      !execution.apart(dst, sin, OperandName::Sin))
    return false;
  if (!execution.data())
    return true;
  Operation operation(execution.instruction);
  operation.dst = dst;
  operation.a = a;
  operation.cos = cos;
  operation.sin = sin;
  return execution.reads(a) && execution.reads(cos) && execution.reads(sin) &&
         execution.writes(dst) && execution.execute(operation);
}

bool narae::npu::executeRows(Execution &execution) {
  switch (execution.instruction.opcode) {
  case Opcode::VScan:
    return executeScan(execution);
  case Opcode::VTopK:
    return executeTopK(execution);
  case Opcode::VGather:
  case Opcode::VPick:
  case Opcode::VScatter:
    return executeByIndex(execution);
  case Opcode::VRotary:
    return executeRotary(execution);
  default:
    return executeReduce(execution);
  }
}
