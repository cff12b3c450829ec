//===- StreamWriter.cpp - Words of one stream -----------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/compiler/StreamWriter.h"

#include "llvm/Support/ErrorHandling.h"

#include <cstring>

using namespace narae;
using namespace narae::npu;

bool Window::operator<(const Window &o) const {
  auto key = [](const Window &p) {
    return std::make_tuple(p.space, p.type, p.buffer, p.unit, p.base);
  };
  if (key(*this) != key(o))
    return key(*this) < key(o);
  return std::lexicographical_compare(dims.begin(), dims.end(), o.dims.begin(),
                                      o.dims.end());
}

void StreamWriter::emit(Opcode opcode, llvm::ArrayRef<Argument> arguments) {
  Instruction instruction;
  instruction.opcode = opcode;
  for (const OperandInfo &info : instruction.info().operands)
    if (info.kind == OperandKind::MaybeView)
      instruction[info.name].number = noView;
  for (const Argument &argument : arguments) {
    instruction[argument.name].number = argument.number;
    instruction[argument.name].reg = argument.reg;
  }
  code.push_back(instruction);
}

StreamWriter::Argument StreamWriter::number(OperandName name, float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return {name, int64_t(bits)};
}

//===----------------------------------------------------------------------===//
// Registers
//===----------------------------------------------------------------------===//

/// The register that was not used for the longest time.
uint8_t StreamWriter::fresh() {
  int best = -1;
  for (int i = 1; i < registerCount; ++i)
    if (!registers[i].locks &&
        (best < 0 || registers[i].used < registers[best].used))
      best = i;
  if (best < 0)
    llvm::report_fatal_error("a kernel needs more registers than there are");
  if (registers[best].scalar)
    where.erase(*registers[best].scalar);
  registers[best].scalar.reset();
  registers[best].used = ++clock;
  return uint8_t(best);
}

static Opcode opcodeOf(ScalarKind kind) {
  switch (kind) {
  case ScalarKind::Add:
    return Opcode::Add;
  case ScalarKind::Sub:
    return Opcode::Sub;
  case ScalarKind::Mul:
    return Opcode::Mul;
  case ScalarKind::Div:
    return Opcode::Div;
  case ScalarKind::Rem:
    return Opcode::Rem;
  case ScalarKind::Min:
    return Opcode::Min;
  default:
    return Opcode::Max;
  }
}

uint8_t StreamWriter::reg(Scalar scalar) {
  const ScalarNode node = scalars.node(scalar);
  if (node.kind == ScalarKind::Constant && node.value == 0)
    return 0;
  if (node.kind == ScalarKind::Pinned)
    return pinned(unsigned(node.value), LoopValue(node.a));
  if (auto it = where.find(scalar); it != where.end()) {
    registers[it->second].used = ++clock;
    return it->second;
  }
  uint8_t result;
  if (node.kind == ScalarKind::Constant) {
    result = fresh();
    emit(Opcode::Set,
         {{OperandName::Dst, result}, {OperandName::Value, node.value}});
  } else if (node.kind == ScalarKind::Host) {
    result = fresh();
    emit(Opcode::Param, {{OperandName::Dst, result},
                         {OperandName::Index,
                          int64_t(numbers.parameter(uint32_t(node.value)))}});
  } else if (node.kind == ScalarKind::Loaded) {
    // The lower word of an i64.
    Window element;
    element.space = Space::Dram;
    element.type = ElementType::I32;
    element.unit = scalars.pool(uint32_t(node.value));
    element.base = scalars.add(scalars.offset(uint32_t(node.value)),
                               scalars.mul(node.a, scalars.constant(8)));
    element.dims.push_back({scalars.constant(1), scalars.constant(1)});
    uint8_t from = view(element);
    result = fresh();
    emit(Opcode::Load, {{OperandName::Dst, result},
                        {OperandName::A, from},
                        {OperandName::Index, 0}});
  } else {
    uint8_t a = reg(node.a);
    ++registers[a].locks;
    Argument b = value(OperandName::B, node.b);
    ++registers[b.reg].locks;
    result = fresh();
    --registers[a].locks;
    --registers[b.reg].locks;
    emit(opcodeOf(node.kind),
         {{OperandName::Dst, result}, {OperandName::A, a}, b});
  }
  registers[result].scalar = scalar;
  registers[result].used = ++clock;
  where[scalar] = result;
  return result;
}

StreamWriter::Argument StreamWriter::value(OperandName name, Scalar scalar,
                                           unsigned bits) {
  auto fits = [&](int64_t number) {
    return bits == 64 || (number >= INT32_MIN && number <= INT32_MAX);
  };
  const ScalarNode node = scalars.node(scalar);
  if (node.kind == ScalarKind::Constant && fits(node.value))
    return {name, node.value};
  if (node.kind == ScalarKind::Add)
    if (auto number = scalars.constantOf(node.b); number && fits(*number))
      return {name, *number, reg(node.a)};
  return {name, 0, reg(scalar)};
}

uint8_t StreamWriter::pin(unsigned loop, LoopValue what) {
  uint8_t result = fresh();
  ++registers[result].locks;
  pins[{loop, what}] = result;
  return result;
}

void StreamWriter::unpin(unsigned loop, LoopValue what) {
  auto it = pins.find({loop, what});
  --registers[it->second].locks;
  pins.erase(it);
}

uint8_t StreamWriter::pinned(unsigned loop, LoopValue what) const {
  auto it = pins.find({loop, what});
  assert(it != pins.end() && "a loop's register outside of the loop");
  return it->second;
}

void StreamWriter::forget() {
  for (auto [scalar, reg] : where) {
    registers[reg].scalar.reset();
    registers[reg].used = 0;
  }
  where.clear();
  for (HeldView &held : views)
    held = {};
  viewWhere.clear();
}

//===----------------------------------------------------------------------===//
// Views
//===----------------------------------------------------------------------===//

uint8_t StreamWriter::view(const Window &place) {
  if (auto it = viewWhere.find(place); it != viewWhere.end()) {
    views[it->second].used = ++clock;
    return it->second;
  }
  size_t best = 0;
  for (size_t i = 1; i < views.size(); ++i)
    if (views[i].used < views[best].used)
      best = i;
  if (views[best].place)
    viewWhere.erase(*views[best].place);
  // A size that is read from memory needs a view of its own meanwhile.
  views[best].place.reset();
  views[best].used = ++clock;
  Scalar base = place.base;
  Scalar unit = place.unit;
  if (place.buffer) {
    const LocalBuffer &buffer = schedule.buffers[*place.buffer];
    unit = scalars.constant(-1);
    base = scalars.add(base, scalars.constant(int64_t(buffer.address)));
    // Copies of a loop's buffers are used in turn.
    if (buffer.space == Space::Scratchpad &&
        pins.count({buffer.loop, LoopValue::Slot}))
      base = scalars.add(scalars.pinned(buffer.loop, LoopValue::Slot), base);
  }
  size_t rank = std::max<size_t>(1, place.dims.size());
  uint8_t dst = uint8_t(best);
  Argument unitArgument = value(OperandName::Unit, unit, 32);
  ++registers[unitArgument.reg].locks;
  Argument baseArgument = value(OperandName::Base, base);
  --registers[unitArgument.reg].locks;
  emit(Opcode::View, {{OperandName::Dst, dst},
                      {OperandName::Type, int64_t(place.type)},
                      {OperandName::Space, int64_t(place.space)},
                      {OperandName::Rank, int64_t(rank)},
                      unitArgument,
                      baseArgument});
  for (size_t axis = 0; axis < place.dims.size(); ++axis) {
    Argument size = value(OperandName::Size, place.dims[axis].size, 32);
    ++registers[size.reg].locks;
    Argument stride = value(OperandName::Stride, place.dims[axis].stride);
    --registers[size.reg].locks;
    emit(Opcode::Dim, {{OperandName::Dst, dst},
                       {OperandName::Axis, int64_t(axis)},
                       size,
                       stride});
  }
  views[best].place = place;
  views[best].used = ++clock;
  viewWhere[place] = dst;
  return dst;
}

//===----------------------------------------------------------------------===//
// Structure
//===----------------------------------------------------------------------===//

void StreamWriter::beginLoop(uint8_t index, Argument rounds) {
  opened.push_back(code.size());
  emit(Opcode::Loop, {{OperandName::Dst, index},
                      {OperandName::Count, rounds.number, rounds.reg},
                      {OperandName::Body, 1}});
  forget();
}

void StreamWriter::beginIf(Condition condition, uint8_t reg, int64_t number) {
  opened.push_back(code.size());
  emit(Opcode::If, {{OperandName::Condition, int64_t(condition)},
                    {OperandName::A, reg},
                    {OperandName::B, number},
                    {OperandName::Body, 1}});
}

void StreamWriter::end() {
  size_t begin = opened.back();
  opened.pop_back();
  emit(Opcode::End, {});
  code[begin][OperandName::Body].number = int64_t(code.size() - begin - 1);
  forget();
}
