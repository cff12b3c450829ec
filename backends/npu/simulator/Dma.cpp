//===- Dma.cpp - Descriptors ----------------------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/simulator/Execution.h"
#include "backends/npu/simulator/Layout.h"

using namespace narae::npu;

static bool sameType(Execution &execution, const View &dst, const View &a) {
  if (dst.type == a.type)
    return true;
  return execution.fail(FaultKind::Type,
                        std::string("a descriptor moves bits of one type, not "
                                    "from ") +
                            typeText(a.type) + " to " + typeText(dst.type));
}

/// What descriptors write: elements apart from each other and the source.
/// Weights of 4 bits and scales move too.
static bool target(Execution &execution, const View &dst,
                   std::initializer_list<const View *> sources) {
  if (!elementsApart(dst))
    return execution.fail(FaultKind::Overlap,
                          "elements of dst overlap each other");
  for (const View *source : sources)
    if (overlap(dst, *source))
      return execution.fail(FaultKind::Overlap,
                            "source and result of a descriptor share bytes");
  return true;
}

/// dst := a, tracked.
static bool move(Execution &execution, const View &dst, const View &a) {
  if (!execution.data())
    return true;
  if (!execution.reads(a) || !execution.writes(dst))
    return false;
  Operation operation(execution.instruction);
  operation.opcode = Opcode::DCopy;
  operation.dst = dst;
  operation.a = a;
  return execution.execute(operation);
}

static bool copy(Execution &execution) {
  View dst, a;
  if (!execution.view(OperandName::Dst, dst) ||
      !execution.view(OperandName::A, a) || !sameType(execution, dst, a) ||
      !execution.sameShape(dst, OperandName::Dst, a, OperandName::A) ||
      !target(execution, dst, {&a}))
    return false;
  return move(execution, dst, a);
}

static bool multicast(Execution &execution) {
  View dst, a;
  if (!execution.view(OperandName::Dst, dst) ||
      !execution.view(OperandName::A, a) || !sameType(execution, dst, a) ||
      !execution.sameShape(dst, OperandName::Dst, a, OperandName::A))
    return false;
  const Machine &machine = execution.state.machine;
  int64_t count = execution.value(OperandName::Count);
  if (dst.space != Space::Scratchpad)
    return execution.fail(FaultKind::Reach,
                          "the result of a multicast is in scratchpads");
  int64_t last = dst.unit + count - 1;
  if (count < 1 || count > machine.allCores() || last >= machine.allCores() ||
      machine.chipletOfCore(dst.unit) != machine.chipletOfCore(last))
    return execution.fail(FaultKind::Reach, std::to_string(count) +
                                                " cores from core " +
                                                std::to_string(dst.unit) +
                                                " on are not in one chiplet");
  for (View each = dst; each.unit <= last; ++each.unit)
    if (!target(execution, each, {&a}))
      return false;
  for (View each = dst; each.unit <= last; ++each.unit)
    if (!move(execution, each, a))
      return false;
  return true;
}

/// Views [n, ...] of rows by index: all but the first size agree.
static bool rowShapes(Execution &execution, const View &rows, const View &many,
                      const View &index) {
  bool good = rows.rank == many.rank && index.rank == 1 &&
              index.sizes[0] == rows.sizes[0];
  for (int axis = 1; good && axis < rows.rank; ++axis)
    good = rows.sizes[axis] == many.sizes[axis];
  if (!good)
    return execution.fail(FaultKind::Shape, "rows " + describeView(rows) +
                                                " by index " +
                                                describeView(index) + " of " +
                                                describeView(many));
  if (index.type != ElementType::I32)
    return execution.fail(FaultKind::Type, "indices are i32");
  return true;
}

static bool byIndex(Execution &execution, bool isGather) {
  View dst, a, index;
  if (!execution.view(OperandName::Dst, dst) ||
      !execution.view(OperandName::A, a) ||
      !execution.view(OperandName::Index, index) ||
      !sameType(execution, dst, a) || !target(execution, dst, {&a, &index}) ||
      !rowShapes(execution, isGather ? dst : a, isGather ? a : dst, index))
    return false;
  if (!execution.data())
    return true;
  std::vector<int32_t> indices;
  if (!execution.reads(index) || !execution.readIntegers(index, indices))
    return false;
  const View &many = isGather ? a : dst;
  for (size_t i = 0; i < indices.size(); ++i) {
    if (indices[i] < 0 || indices[i] >= many.sizes[0])
      return execution.fail(FaultKind::Index,
                            "index[" + std::to_string(i) + "] is " +
                                std::to_string(indices[i]) + ", of " +
                                std::to_string(many.sizes[0]) + " rows");
    // One row of each; halves of bytes cannot begin a row.
    View from = a, to = dst;
    int64_t bits = bitsOf(a.type);
    int64_t fromRow = isGather ? indices[i] : int64_t(i);
    int64_t toRow = isGather ? int64_t(i) : indices[i];
    int64_t fromBits = fromRow * a.strides[0] * bits;
    int64_t toBits = toRow * dst.strides[0] * bits;
    if (fromBits % 8 || toBits % 8)
      return execution.fail(FaultKind::Misaligned,
                            "a row begins inside of a byte");
    from.base += fromBits / 8, to.base += toBits / 8;
    from.sizes[0] = to.sizes[0] = 1;
    if (!move(execution, to, from))
      return false;
  }
  return true;
}

static bool fill(Execution &execution) {
  View dst;
  if (!execution.view(OperandName::Dst, dst) || !target(execution, dst, {}))
    return false;
  if (!execution.data())
    return true;
  Operation operation(execution.instruction);
  operation.dst = dst;
  operation.bits = uint32_t(execution.number(OperandName::Bits));
  return execution.writes(dst) && execution.execute(operation);
}

bool narae::npu::executeDma(Execution &execution) {
  switch (execution.instruction.opcode) {
  case Opcode::DCopy:
    return copy(execution);
  case Opcode::DGather:
    return byIndex(execution, true);
  case Opcode::DScatter:
    return byIndex(execution, false);
  case Opcode::DFill:
    return fill(execution);
  default:
    return multicast(execution);
  }
}
