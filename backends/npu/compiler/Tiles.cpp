//===- Tiles.cpp - Steps on tiles -----------------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/compiler/Tiles.h"

#include <cmath>

using namespace mlir;
using namespace narae;
using namespace narae::npu;

std::optional<ElementType> narae::npu::scratchpadType(Type element) {
  if (element.isF32())
    return ElementType::F32;
  if (element.isF16())
    return ElementType::F16;
  if (element.isBF16())
    return ElementType::BF16;
  if (element.isFloat8E4M3FN())
    return ElementType::E4M3;
  if (element.isFloat8E5M2())
    return ElementType::E5M2;
  auto integer = dyn_cast<IntegerType>(element);
  if (!integer)
    return std::nullopt;
  switch (integer.getWidth()) {
  case 1:
    return ElementType::U8;
  case 8:
    return integer.isUnsigned() ? ElementType::U8 : ElementType::I8;
  case 16:
    if (!integer.isUnsigned())
      return ElementType::I16;
    return std::nullopt;
  case 32:
  case 64:
    if (!integer.isUnsigned())
      return ElementType::I32;
    return std::nullopt;
  default:
    return std::nullopt;
  }
}

int64_t narae::npu::storedBytes(Type element) {
  auto unit = fm::storageUnit(element);
  return unit.bytes;
}

TileBuilder::TileBuilder(rt::KernelOp kernel, const Machine &machine,
                         int64_t budget)
    : kernel(kernel), machine(machine), budget(budget),
      scope(rt::scopeOf(kernel)), numbers(scope), scalars(scope, numbers),
      schedule(machine) {
  scalars.constant(0); // number 0, so that a Scalar left at 0 is one
}

//===----------------------------------------------------------------------===//
// Axes
//===----------------------------------------------------------------------===//

AxisId TileBuilder::addAxis(Axis axis) {
  axes.push_back(axis);
  return AxisId(axes.size() - 1);
}

AxisId TileBuilder::addWholeAxis(Expr extent) {
  Axis axis;
  axis.start = scalars.constant(0);
  axis.size = scalars.host(extent);
  axis.extent = axis.tile = extent;
  auto size = fm::constantOf(extent);
  axis.most = size ? std::min(*size, budget) : budget;
  axis.isWhole = true;
  return addAxis(axis);
}

Index TileBuilder::along(AxisId axis) {
  return {axes[axis].start, {{axis, scope.cst(1)}}};
}

TileAxes TileBuilder::axesOf(const Access &access) const {
  TileAxes result;
  for (const Index &index : access)
    for (auto [axis, factor] : index.terms)
      if (!llvm::is_contained(result, axis))
        result.push_back(axis);
  llvm::sort(result);
  return result;
}

TileAxes TileBuilder::axesOf(const Tile &tile) const {
  TileAxes result;
  for (auto [axis, stride] : tile.strides)
    result.push_back(axis);
  llvm::sort(result);
  return result;
}

TileAxes TileBuilder::unite(ArrayRef<TileAxes> lists) {
  TileAxes result;
  for (const TileAxes &list : lists)
    for (AxisId axis : list)
      if (!llvm::is_contained(result, axis))
        result.push_back(axis);
  llvm::sort(result);
  return result;
}

std::optional<AxisId> TileBuilder::plainAxis(const Index &index) const {
  if (index.terms.size() != 1 || fm::constantOf(index.terms[0].second) != 1 ||
      index.offset != axes[index.terms[0].first].start)
    return std::nullopt;
  return index.terms[0].first;
}

int64_t TileBuilder::mostElements(ArrayRef<AxisId> list) const {
  std::map<unsigned, int64_t> groups;
  for (AxisId axis : list) {
    int64_t &group = groups.try_emplace(axes[axis].group, 1).first->second;
    group *= std::min<int64_t>(axes[axis].most, 1 << 24);
    if (group > (int64_t(1) << 30))
      group = int64_t(1) << 30;
  }
  int64_t result = 1;
  for (auto [group, elements] : groups)
    result *= group == 0 ? std::min(elements, budget) : elements;
  return result;
}

void TileBuilder::require(Expr least, Expr most, std::string message) {
  if (scope.lessEqual(least, most))
    return;
  uint32_t isLess = numbers.number(scope.less(most, least));
  uint32_t zero = numbers.number(NumberKind::Constant, 0);
  uint32_t holds = numbers.number(NumberKind::Equal, isLess, zero);
  for (const Requirement &other : requirements)
    if (other.number == holds)
      return;
  requirements.push_back({holds, std::move(message)});
}

unsigned TileBuilder::beginLoop(Scalar rounds, bool isSharedOut) {
  known.emplace_back();
  return schedule.begin(rounds, isSharedOut);
}

void TileBuilder::endLoop() {
  known.pop_back();
  schedule.close();
}

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

Tile TileBuilder::newTile(ElementType type, ArrayRef<AxisId> list,
                          Space space) {
  Tile tile;
  tile.type = type;
  int64_t bytes = mostElements(list) * std::max(bitsOf(type) / 8, 1);
  tile.buffer = schedule.allocate(space, uint64_t(bytes));
  Scalar stride = scalars.constant(1);
  for (AxisId axis : llvm::reverse(list)) {
    tile.strides.push_back({axis, stride});
    stride = scalars.mul(stride, scalars.host(axes[axis].tile));
  }
  std::reverse(tile.strides.begin(), tile.strides.end());
  return tile;
}

Window TileBuilder::window(const Tile &tile, ArrayRef<AxisId> list) {
  Window result;
  result.type = tile.type;
  result.space = schedule.buffers[tile.buffer].space;
  result.buffer = tile.buffer;
  int64_t bytes = std::max(bitsOf(tile.type) / 8, 1);
  result.base = scalars.mul(tile.offset, scalars.constant(bytes));
  for (AxisId axis : list) {
    if (fm::constantOf(axes[axis].tile) == 1)
      continue;
    Scalar stride = scalars.constant(0);
    for (auto [own, step] : tile.strides)
      if (own == axis)
        stride = step;
    result.dims.push_back({axes[axis].size, stride});
  }
  return result;
}

Window TileBuilder::shaped(const Tile &tile,
                           ArrayRef<std::optional<AxisId>> list) {
  Window result = window(tile, {});
  for (std::optional<AxisId> axis : list) {
    Window one;
    if (axis)
      one = window(tile, {*axis});
    if (one.dims.empty())
      one.dims.push_back({scalars.constant(1), scalars.constant(0)});
    result.dims.push_back(one.dims.front());
  }
  return result;
}

Window TileBuilder::matrix(const Tile &tile, std::optional<AxisId> rows,
                           std::optional<AxisId> columns) {
  return shaped(tile, {rows, columns});
}

static bool takesScalarB(Opcode opcode) {
  return opcode >= Opcode::VAdd && opcode <= Opcode::VSelect;
}

void TileBuilder::vectorInto(const Tile &dst, Opcode opcode,
                             ArrayRef<Tile> operands, ArrayRef<AxisId> list) {
  static const OperandName names[] = {OperandName::A, OperandName::B,
                                      OperandName::C};
  static const OperandName values[] = {OperandName::A, OperandName::BValue,
                                       OperandName::CValue};
  SmallVector<Tile, 3> sources(operands.begin(), operands.end());
  SmallVector<BufferUse, 4> uses = {{dst.buffer, true}};
  SmallVector<std::optional<Window>, 3> places;
  for (auto [i, source] : llvm::enumerate(sources)) {
    if (source.isNumber() && (i == 0 || !takesScalarB(opcode)))
      source = inMemory(source);
    places.push_back(std::nullopt);
    if (source.isNumber())
      continue;
    places.back() = window(source, list);
    uses.push_back({source.buffer, false});
  }
  Window to = window(dst, list);
  schedule.step(Lane::Vector, uses, [=](StreamWriter &out) {
    SmallVector<StreamWriter::Argument, 5> arguments = {
        out.operand(OperandName::Dst, to)};
    for (auto [i, source] : llvm::enumerate(sources)) {
      if (places[i])
        arguments.push_back(out.operand(names[i], *places[i]));
      else if (source.number)
        arguments.push_back(
            StreamWriter::number(values[i], float(*source.number)));
      else
        arguments.push_back({values[i], 0, out.reg(*source.integer)});
    }
    out.emit(opcode, arguments);
  });
}

Tile TileBuilder::vector(Opcode opcode, ElementType type,
                         ArrayRef<Tile> operands, TileAxes list) {
  Tile result = newTile(type, list);
  vectorInto(result, opcode, operands, list);
  return result;
}

Tile TileBuilder::vector(Opcode opcode, ElementType type,
                         ArrayRef<Tile> operands) {
  SmallVector<TileAxes> lists;
  for (const Tile &tile : operands)
    lists.push_back(axesOf(tile));
  return vector(opcode, type, operands, unite(lists));
}

Tile TileBuilder::inMemory(const Tile &tile) {
  if (!tile.isNumber())
    return tile;
  Tile result = newTile(tile.type, {});
  Window to = window(result, {});
  if (tile.number) {
    float value = float(*tile.number);
    schedule.step(Lane::Vector, {{result.buffer, true}},
                  [=](StreamWriter &out) {
                    out.emit(Opcode::VFill,
                             {out.operand(OperandName::Dst, to),
                              StreamWriter::number(OperandName::Start, value)});
                  });
    return result;
  }
  // A fill goes through f32: upper and lower halves apart.
  Scalar low = scalars.rem(*tile.integer, scalars.constant(1 << 16));
  Scalar high = scalars.div(*tile.integer, scalars.constant(1 << 16));
  schedule.step(Lane::Vector, {{result.buffer, true}}, [=](StreamWriter &out) {
    out.emit(Opcode::VFill, {out.operand(OperandName::Dst, to),
                             {OperandName::Start, 0, out.reg(high)}});
    out.emit(Opcode::VShl, {out.operand(OperandName::Dst, to),
                            out.operand(OperandName::A, to),
                            StreamWriter::number(OperandName::BValue, 16)});
    out.emit(Opcode::VOr, {out.operand(OperandName::Dst, to),
                           out.operand(OperandName::A, to),
                           {OperandName::BValue, 0, out.reg(low)}});
  });
  return result;
}

Tile TileBuilder::convert(const Tile &tile, ElementType type) {
  if (tile.type == type)
    return tile;
  if (tile.isNumber()) {
    Tile result = inMemory(tile);
    return convert(result, type);
  }
  return vector(Opcode::VConvert, type, {tile});
}

Tile TileBuilder::reduce(Opcode opcode, const Tile &tile, AxisId axis,
                         ElementType type) {
  TileAxes rest = axesOf(tile);
  llvm::erase(rest, axis);
  Tile result = newTile(type, rest);
  TileAxes all = rest;
  all.push_back(axis);
  Window from = window(tile, all), to = window(result, rest);
  // The last dimension is the reduced one, of the result one element.
  if (fm::constantOf(axes[axis].tile) == 1)
    from.dims.push_back({scalars.constant(1), scalars.constant(0)});
  to.dims.push_back({scalars.constant(1), scalars.constant(0)});
  // There is no largest of no elements: -inf then, or the least boolean.
  bool chooses = opcode == Opcode::VRowMax || opcode == Opcode::VRowMin;
  bool mayBeEmpty =
      chooses && fm::constantOf(axes[axis].extent).value_or(0) == 0;
  float least = isInteger(type) ? 0.0f : -INFINITY;
  if (opcode == Opcode::VRowMin)
    least = isInteger(type) ? 1.0f : INFINITY;
  Scalar count = axes[axis].size;
  schedule.step(Lane::Vector, {{result.buffer, true}, {tile.buffer, false}},
                [=](StreamWriter &out) {
                  auto dst = out.operand(OperandName::Dst, to);
                  auto a = out.operand(OperandName::A, from);
                  if (!mayBeEmpty)
                    return out.emit(opcode, {dst, a});
                  out.emit(
                      Opcode::VFill,
                      {dst, StreamWriter::number(OperandName::Start, least)});
                  out.beginIf(Condition::Ne, out.reg(count), 0);
                  out.emit(opcode, {dst, a});
                  out.end();
                });
  return result;
}

Tile TileBuilder::iota(AxisId axis, Scalar start) {
  // In f32 exact up to 2^24; so is every dimension that fits a tile's start
  // when it is added as an integer.
  Tile result = newTile(ElementType::I32, {axis});
  Window to = window(result, {axis});
  schedule.step(Lane::Vector, {{result.buffer, true}}, [=](StreamWriter &out) {
    out.emit(Opcode::VIota, {out.operand(OperandName::Dst, to),
                             StreamWriter::number(OperandName::Start, 0),
                             StreamWriter::number(OperandName::Step, 1)});
    out.emit(Opcode::VAdd, {out.operand(OperandName::Dst, to),
                            out.operand(OperandName::A, to),
                            {OperandName::BValue, 0, out.reg(start)}});
  });
  return result;
}

//===----------------------------------------------------------------------===//
// Loads and stores
//===----------------------------------------------------------------------===//

TileBuilder::Bytes TileBuilder::bytesOf(int64_t elementBytes,
                                        ArrayRef<Expr> dims,
                                        const Access &access) {
  Bytes result;
  result.offset = scalars.constant(0);
  Expr stride = scope.cst(elementBytes);
  for (size_t i = dims.size(); i-- > 0;) {
    const Index &index = access[i];
    result.offset = scalars.add(
        result.offset, scalars.mul(index.offset, scalars.host(stride)));
    for (auto [axis, factor] : index.terms) {
      Scalar step = scalars.host(scope.mul(stride, factor));
      auto *known = llvm::find_if(result.strides, [&, id = axis](auto &pair) {
        return pair.first == id;
      });
      if (known == result.strides.end())
        result.strides.push_back({axis, step});
      else
        known->second = scalars.add(known->second, step);
    }
    stride = scope.mul(stride, dims[i]);
  }
  return result;
}

Window TileBuilder::argumentPlace(uint32_t buffer, Type element,
                                  ArrayRef<Expr> dims, const Access &access,
                                  ArrayRef<AxisId> list, int64_t shift) {
  // Of i64 the lower words.
  ElementType type = *scratchpadType(element);
  int64_t step = std::max(bitsOf(type) / 8, 1);
  Bytes bytes = bytesOf(storedBytes(element), dims, access);
  Window result;
  result.space = Space::Dram;
  result.type = type;
  result.unit = scalars.pool(buffer);
  result.base = scalars.add(scalars.add(scalars.offset(buffer), bytes.offset),
                            scalars.constant(shift));
  for (AxisId axis : list) {
    if (fm::constantOf(axes[axis].tile) == 1)
      continue;
    Scalar stride = scalars.constant(0);
    for (auto [own, distance] : bytes.strides)
      if (own == axis)
        stride = distance;
    result.dims.push_back(
        {axes[axis].size, scalars.div(stride, scalars.constant(step))});
  }
  return result;
}

Tile TileBuilder::loadBuffer(uint32_t buffer, Type element, ArrayRef<Expr> dims,
                             const Access &access, int64_t shift) {
  TileAxes list = axesOf(access);
  Tile result = newTile(*scratchpadType(element), list);
  Window to = window(result, list);
  Window from = argumentPlace(buffer, element, dims, access, list, shift);
  schedule.step(Lane::Load, {{result.buffer, true}}, [=](StreamWriter &out) {
    out.emit(Opcode::DCopy, {out.operand(OperandName::Dst, to),
                             out.operand(OperandName::A, from)});
  });
  return result;
}

void TileBuilder::storeBuffer(uint32_t buffer, Type element,
                              ArrayRef<Expr> dims, const Access &access,
                              Tile tile) {
  ElementType type = *scratchpadType(element);
  TileAxes list = axesOf(access);
  // Repeated elements, and numbers, become elements of their own.
  if (tile.isNumber() || tile.type != type || axesOf(tile) != list)
    tile = vector(Opcode::VConvert, type, {tile}, list);
  auto store = [&](const Tile &part, int64_t shift) {
    Window from = window(part, list);
    Window to = argumentPlace(buffer, element, dims, access, list, shift);
    schedule.step(Lane::Store, {{part.buffer, false}}, [=](StreamWriter &out) {
      out.emit(Opcode::DCopy, {out.operand(OperandName::Dst, to),
                               out.operand(OperandName::A, from)});
    });
  };
  store(tile, 0);
  if (storedBytes(element) == 8) // the sign of i64
    store(vector(Opcode::VShr, ElementType::I32, {tile, number(31)}), 4);
}
