//===- Control.cpp - Scalars, loops and views -----------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/isa/Numbers.h"
#include "backends/npu/simulator/Execution.h"

using namespace narae::npu;

bool narae::npu::isControl(Opcode opcode) { return opcode <= Opcode::Shift; }

/// a / b rounded down; INT64_MIN / -1 stays INT64_MIN.
static int64_t floorDivide(int64_t a, int64_t b) {
  if (b == -1)
    return int64_t(0 - uint64_t(a));
  return a / b - (a % b != 0 && (a % b < 0) != (b < 0));
}

static bool holds(Condition condition, int64_t a, int64_t b) {
  switch (condition) {
  case Condition::Lt:
    return a < b;
  case Condition::Le:
    return a <= b;
  case Condition::Eq:
    return a == b;
  case Condition::Ne:
    return a != b;
  case Condition::Gt:
    return a > b;
  case Condition::Ge:
    return a >= b;
  }
  return false;
}

static int64_t placeOf(const Execution &execution, Place place) {
  const EngineId &id = execution.stream.id;
  const Machine &machine = execution.state.machine;
  bool ofCore = id.engine == Engine::Tensor || id.engine == Engine::Vector ||
                id.engine == Engine::CoreDma;
  switch (place) {
  case Place::Core:
    return ofCore ? id.unit : -1;
  case Place::Chiplet:
    return execution.state.chipletOf(id);
  case Place::Lane:
    return ofCore ? id.unit % machine.coresPerChiplet() : -1;
  case Place::Queue:
    return id.queue;
  case Place::Cores:
    return machine.coresPerChiplet();
  case Place::Chiplets:
    return machine.chiplets;
  }
  return -1;
}

/// Two integers into one; false for a division by zero.
static bool calculate(Opcode opcode, int64_t a, int64_t b, int64_t &result) {
  uint64_t left = uint64_t(a), right = uint64_t(b);
  switch (opcode) {
  case Opcode::Add:
    result = int64_t(left + right);
    return true;
  case Opcode::Sub:
    result = int64_t(left - right);
    return true;
  case Opcode::Mul:
    result = int64_t(left * right);
    return true;
  case Opcode::Div:
    if (b)
      result = floorDivide(a, b);
    return b != 0;
  case Opcode::Rem:
    if (b)
      result = int64_t(left - right * uint64_t(floorDivide(a, b)));
    return b != 0;
  case Opcode::Min:
    result = std::min(a, b);
    return true;
  case Opcode::Max:
    result = std::max(a, b);
    return true;
  case Opcode::And:
    result = a & b;
    return true;
  case Opcode::Or:
    result = a | b;
    return true;
  case Opcode::Xor:
    result = a ^ b;
    return true;
  case Opcode::Shl:
    result = int64_t(left << (right & 63));
    return true;
  default:
    result = a >> (right & 63);
    return true;
  }
}

static bool loadElement(Execution &execution, int64_t &result) {
  View view;
  if (!execution.view(OperandName::A, view) ||
      !execution.rank(view, OperandName::A, 1))
    return false;
  if (!isInteger(view.type))
    return execution.fail(FaultKind::Type,
                          std::string("registers hold integers, not ") +
                              typeText(view.type));
  int64_t index = execution.value(OperandName::Index);
  if (index < 0 || index >= view.sizes[0])
    return execution.fail(FaultKind::Index, "element " + std::to_string(index) +
                                                " of " +
                                                std::to_string(view.sizes[0]));
  if (!execution.options.data && !execution.options.integers)
    return execution.fail(FaultKind::Type,
                          "its result depends on data, of which there is none "
                          "in this run");
  // The one element as a view; 4 bits keep their place in the byte.
  int64_t offset = index * view.strides[0];
  bool odd = bitsOf(view.type) == 4 && (offset & 1);
  view.base += (odd ? offset - 1 : offset) * bitsOf(view.type) / 8;
  view.sizes[0] = odd ? 2 : 1;
  view.strides[0] = 1;
  std::vector<int32_t> values;
  if (!execution.reads(view) || !execution.readIntegers(view, values))
    return false;
  result = values.back();
  return true;
}

static bool setView(Execution &execution, View &view) {
  int64_t unit = execution.value(OperandName::Unit);
  if (unit < -1 || unit > INT32_MAX)
    return execution.fail(FaultKind::Reach,
                          "there is no unit " + std::to_string(unit));
  view = View();
  view.type = ElementType(execution.number(OperandName::Type));
  view.space = Space(execution.number(OperandName::Space));
  view.rank = uint8_t(execution.number(OperandName::Rank));
  view.unit = int32_t(unit);
  view.base = execution.value(OperandName::Base);
  return true;
}

/// Sizes, strides and bases of view registers.
static bool changeView(Execution &execution, View &view) {
  const Instruction &instruction = execution.instruction;
  if (instruction.opcode == Opcode::View)
    return setView(execution, view);
  if (instruction.opcode == Opcode::Alias) {
    view = execution.stream.views[execution.number(OperandName::A)];
    return true;
  }
  if (view.rank == 0)
    return execution.fail(FaultKind::Shape, "the view was never set");
  if (instruction.opcode == Opcode::Rebase) {
    view.base = execution.value(OperandName::Base);
    return true;
  }
  if (instruction.opcode == Opcode::Advance) {
    view.base = int64_t(uint64_t(view.base) +
                        uint64_t(execution.value(OperandName::Amount)));
    return true;
  }
  int64_t axis = execution.number(OperandName::Axis);
  if (axis >= view.rank)
    return execution.fail(FaultKind::Shape, "axis " + std::to_string(axis) +
                                                " of a view of rank " +
                                                std::to_string(view.rank));
  if (instruction.opcode == Opcode::Dim) {
    int64_t size = execution.value(OperandName::Size);
    if (size < 0 || size > INT32_MAX)
      return execution.fail(FaultKind::Shape,
                            "a size of " + std::to_string(size));
    view.sizes[axis] = size;
    view.strides[axis] = execution.value(OperandName::Stride);
    return true;
  }
  __int128 bits = __int128(execution.value(OperandName::Amount)) *
                  view.strides[axis] * bitsOf(view.type);
  if (bits % 8)
    return execution.fail(FaultKind::Misaligned,
                          "the view would begin inside of a byte");
  view.base = int64_t(uint64_t(view.base) + uint64_t(int64_t(bits / 8)));
  return true;
}

static void endRound(StreamState &stream) {
  Frame &frame = stream.frames.back();
  if (frame.loop && ++frame.round < frame.count) {
    if (frame.reg)
      stream.registers[frame.reg] = frame.round;
    stream.pc = frame.first;
    return;
  }
  stream.frames.pop_back();
  ++stream.pc;
}

bool narae::npu::executeControl(Execution &execution) {
  StreamState &stream = execution.stream;
  const Instruction &instruction = execution.instruction;
  auto set = [&](int64_t value) {
    if (int64_t reg = execution.number(OperandName::Dst))
      stream.registers[reg] = value;
  };
  int64_t result = 0;
  switch (instruction.opcode) {
  case Opcode::Nop:
    break;
  case Opcode::Set:
    set(execution.value(OperandName::Value));
    break;
  case Opcode::Param:
    set(execution.state.parameters[execution.number(OperandName::Index)]);
    break;
  case Opcode::Where:
    set(placeOf(execution, Place(execution.number(OperandName::Place))));
    break;
  case Opcode::Load:
    if (!loadElement(execution, result))
      return false;
    set(result);
    break;
  case Opcode::Loop: {
    int64_t count = execution.value(OperandName::Count);
    uint32_t end = stream.pc + uint32_t(execution.number(OperandName::Body));
    if (count <= 0) {
      stream.pc = end + 1;
      return true;
    }
    stream.frames.push_back({stream.pc + 1, end, 0, count,
                             uint8_t(execution.number(OperandName::Dst)),
                             true});
    set(0);
    break;
  }
  case Opcode::If: {
    uint32_t end = stream.pc + uint32_t(execution.number(OperandName::Body));
    if (!holds(Condition(execution.number(OperandName::Condition)),
               stream.registers[execution.number(OperandName::A)],
               execution.value(OperandName::B))) {
      stream.pc = end + 1;
      return true;
    }
    stream.frames.push_back({stream.pc + 1, end, 0, 1, 0, false});
    break;
  }
  case Opcode::End:
    endRound(stream);
    return true;
  case Opcode::View:
  case Opcode::Dim:
  case Opcode::Advance:
  case Opcode::Rebase:
  case Opcode::Alias:
  case Opcode::Shift:
    if (!changeView(execution,
                    stream.views[execution.number(OperandName::Dst)]))
      return false;
    break;
  default:
    if (!calculate(instruction.opcode,
                   stream.registers[execution.number(OperandName::A)],
                   execution.value(OperandName::B), result))
      return execution.fail(FaultKind::Arithmetic, "b is 0");
    set(result);
  }
  ++stream.pc;
  return true;
}
