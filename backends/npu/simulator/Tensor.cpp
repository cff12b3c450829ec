//===- Tensor.cpp - The tensor engine -------------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/isa/Numbers.h"
#include "backends/npu/simulator/Execution.h"

using namespace narae::npu;

double narae::npu::macRate(const TensorUnit &unit, ElementType a,
                           ElementType b) {
  if (isFloat8(a) && isFloat8(b))
    return unit.fp8;
  if (a == ElementType::I8 && b == ElementType::I4)
    return unit.int8;
  if (a != b)
    return -1;
  switch (a) {
  case ElementType::F32:
    return unit.f32;
  case ElementType::F16:
    return unit.f16;
  case ElementType::BF16:
    return unit.bf16;
  case ElementType::I8:
    return unit.int8;
  case ElementType::I4:
    return unit.int4;
  default:
    return -1;
  }
}

/// Operand types of products, and that of their sums.
static bool checkTypes(Execution &execution, ElementType a, ElementType b,
                       ElementType sum, bool grouped) {
  double rate = macRate(execution.state.machine.tensor, a, b);
  bool integers = isInteger(a);
  bool fits = rate >= 0 && (!grouped || integers || isFloat8(a));
  ElementType expected =
      integers && !grouped ? ElementType::I32 : ElementType::F32;
  std::string pair = std::string(typeText(a)) + " times " + typeText(b);
  if (!fits)
    return execution.fail(FaultKind::Type, "the array does not multiply " +
                                               pair +
                                               (grouped ? " in groups" : ""));
  if (rate == 0)
    return execution.fail(FaultKind::Type, "the array of this machine does "
                                           "not compute " +
                                               pair);
  if (sum != expected)
    return execution.fail(FaultKind::Type, "sums of " + pair + " are " +
                                               typeText(expected) + ", not " +
                                               typeText(sum));
  return true;
}

static bool accumulator(Execution &execution, View &acc) {
  if (!execution.view(OperandName::Acc, acc) ||
      !execution.result(acc, OperandName::Acc))
    return false;
  if (acc.space != Space::Accumulator)
    return execution.fail(FaultKind::Reach, "acc is not in the accumulators");
  return true;
}

static bool inScratchpad(Execution &execution, const View &view,
                         OperandName name) {
  if (view.space == Space::Scratchpad)
    return true;
  return execution.fail(FaultKind::Reach, std::string(operandText(name)) +
                                              " is not in the scratchpad");
}

static bool scales(Execution &execution, const View &b, int64_t group,
                   View &scale) {
  if (!execution.view(OperandName::Scale, scale) ||
      !execution.rank(scale, OperandName::Scale, 2) ||
      !inScratchpad(execution, scale, OperandName::Scale))
    return false;
  if (isInteger(scale.type))
    return execution.fail(FaultKind::Type,
                          std::string("scales are floats, not ") +
                              typeText(scale.type));
  if (scale.sizes[0] != (b.sizes[0] + group - 1) / group ||
      scale.sizes[1] != b.sizes[1])
    return execution.fail(FaultKind::Shape,
                          "scale is " + describeView(scale) + ", but b is " +
                              describeView(b) + " in groups of " +
                              std::to_string(group));
  return true;
}

static bool matmul(Execution &execution) {
  View acc, a, b, scale;
  if (!accumulator(execution, acc) || !execution.view(OperandName::A, a) ||
      !execution.view(OperandName::B, b) ||
      !execution.rank(acc, OperandName::Acc, 2) ||
      !execution.rank(a, OperandName::A, 2) ||
      !execution.rank(b, OperandName::B, 2) ||
      !inScratchpad(execution, a, OperandName::A) ||
      !inScratchpad(execution, b, OperandName::B))
    return false;
  int64_t rows = a.sizes[0], depth = a.sizes[1], width = b.sizes[1];
  if (b.sizes[0] != depth || acc.sizes[0] != rows || acc.sizes[1] != width)
    return execution.fail(FaultKind::Shape, "acc " + describeView(acc) +
                                                " from a " + describeView(a) +
                                                " and b " + describeView(b));
  auto mode = MatmulMode(execution.number(OperandName::Mode));
  int64_t group = execution.number(OperandName::Group);
  bool dequant = mode == MatmulMode::Dequant;
  if (dequant) {
    if (a.type != ElementType::F16 && a.type != ElementType::BF16)
      return execution.fail(FaultKind::Type,
                            std::string("dequantised weights meet f16 or "
                                        "bf16, not ") +
                                typeText(a.type));
    if (bitsOf(b.type) > 8 || b.type == ElementType::E8M0)
      return execution.fail(FaultKind::Type, std::string("weights of ") +
                                                 typeText(b.type) +
                                                 " are not dequantised");
  }
  bool grouped = mode == MatmulMode::Grouped;
  if (!checkTypes(execution, a.type, dequant ? a.type : b.type, acc.type,
                  grouped))
    return false;
  if (mode != MatmulMode::Plain && !scales(execution, b, group, scale))
    return false;
  if (!execution.data())
    return true;

  Operation operation(execution.instruction);
  operation.acc = acc;
  operation.a = a;
  operation.b = b;
  operation.scale = scale;
  if ((execution.flag(OperandName::Accumulate) && !execution.reads(acc)) ||
      !execution.reads(a) || !execution.reads(b) ||
      (present(scale) && !execution.reads(scale)))
    return false;
  if (dequant && execution.has(OperandName::Offset)) {
    View &offset = operation.offset;
    if (!execution.view(OperandName::Offset, offset) ||
        !inScratchpad(execution, offset, OperandName::Offset) ||
        !execution.sameShape(offset, OperandName::Offset, scale,
                             OperandName::Scale) ||
        !execution.reads(offset))
      return false;
  }
  return execution.writes(acc) && execution.execute(operation);
}

static bool convolution(Execution &execution) {
  View acc, a, b;
  if (!accumulator(execution, acc) || !execution.view(OperandName::A, a) ||
      !execution.view(OperandName::B, b) ||
      !execution.rank(acc, OperandName::Acc, 3) ||
      !execution.rank(a, OperandName::A, 3) ||
      !execution.rank(b, OperandName::B, 4) ||
      !inScratchpad(execution, a, OperandName::A) ||
      !inScratchpad(execution, b, OperandName::B))
    return false;
  if (a.sizes[2] != b.sizes[2] || acc.sizes[2] != b.sizes[3])
    return execution.fail(FaultKind::Shape, "acc " + describeView(acc) +
                                                " from a " + describeView(a) +
                                                " and b " + describeView(b));
  if (!checkTypes(execution, a.type, b.type, acc.type, false))
    return false;
  if (!execution.data())
    return true;
  Operation operation(execution.instruction);
  operation.acc = acc;
  operation.a = a;
  operation.b = b;
  if (execution.flag(OperandName::Accumulate) && !execution.reads(acc))
    return false;
  return execution.reads(a) && execution.reads(b) && execution.writes(acc) &&
         execution.execute(operation);
}

/// An operand of a drain's epilogue; empty where it is left out.
static bool epilogue(Execution &execution, OperandName name, const View &dst,
                     View &view) {
  if (!execution.has(name))
    return true;
  return execution.view(name, view) &&
         execution.sameShape(dst, OperandName::Dst, view, name) &&
         inScratchpad(execution, view, name) &&
         execution.apart(dst, view, name) && execution.reads(view);
}

static bool drain(Execution &execution) {
  Operation operation(execution.instruction);
  View &dst = operation.dst, &acc = operation.acc;
  if (!execution.view(OperandName::Dst, dst) ||
      !execution.view(OperandName::Acc, acc) ||
      !execution.result(dst, OperandName::Dst) ||
      !execution.sameShape(dst, OperandName::Dst, acc, OperandName::Acc) ||
      !inScratchpad(execution, dst, OperandName::Dst))
    return false;
  if (acc.space != Space::Accumulator)
    return execution.fail(FaultKind::Reach, "acc is not in the accumulators");
  if (!epilogue(execution, OperandName::Scale, dst, operation.scale) ||
      !epilogue(execution, OperandName::Scale2, dst, operation.scale2) ||
      !epilogue(execution, OperandName::Bias, dst, operation.bias) ||
      !epilogue(execution, OperandName::Other, dst, operation.other))
    return false;
  if (!execution.data())
    return true;
  return execution.reads(acc) && execution.writes(dst) &&
         execution.execute(operation);
}

static bool loadAccumulators(Execution &execution) {
  Operation operation(execution.instruction);
  View &acc = operation.acc, &a = operation.a;
  if (!accumulator(execution, acc) || !execution.view(OperandName::A, a) ||
      !execution.sameShape(acc, OperandName::Acc, a, OperandName::A) ||
      !inScratchpad(execution, a, OperandName::A))
    return false;
  if (!execution.data())
    return true;
  operation.integers = isInteger(a.type) && isInteger(acc.type);
  return execution.reads(a) && execution.writes(acc) &&
         execution.execute(operation);
}

bool narae::npu::executeTensor(Execution &execution) {
  switch (execution.instruction.opcode) {
  case Opcode::Matmul:
    return matmul(execution);
  case Opcode::Conv:
    return convolution(execution);
  case Opcode::Drain:
    return drain(execution);
  default:
    return loadAccumulators(execution);
  }
}
