//===- Movement.cpp - Ops that move elements ------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/compiler/ops/Helpers.h"

using namespace mlir;
using namespace narae;
using namespace narae::npu;

//===----------------------------------------------------------------------===//
// Another way to look at the operand
//===----------------------------------------------------------------------===//

/// Shapes that differ in dimensions of 1 only.
static FailureOr<Tile> reshape(TileBuilder &b, Operation *op, unsigned,
                               const Access &access) {
  Value input = op->getOperand(0);
  SmallVector<Expr> from(b.dims(op->getResult(0))), to(b.dims(input));
  Access result;
  size_t at = 0;
  auto isOne = [](Expr e) { return fm::constantOf(e) == 1; };
  for (Expr dim : to) {
    if (isOne(dim)) {
      result.push_back(b.fixed(b.scalars.constant(0)));
      continue;
    }
    while (at < from.size() && isOne(from[at]))
      ++at;
    if (at == from.size() || from[at] != dim)
      return op->emitError("this reshape inside of a kernel is not covered on "
                           "the NPU; compile for cpu");
    result.push_back(access[at++]);
  }
  return b.evaluate(input, result);
}

static FailureOr<Tile> transpose(TileBuilder &b, Operation *op, unsigned,
                                 const Access &access) {
  Access result(access.size());
  for (auto [i, p] : llvm::enumerate(cast<fm::TransposeOp>(op).getPerm()))
    result[p] = access[i];
  return b.evaluate(op->getOperand(0), result);
}

static FailureOr<Tile> broadcast(TileBuilder &b, Operation *op, unsigned,
                                 const Access &access) {
  SmallVector<Expr> dims(b.dims(op->getResult(0)));
  return b.evaluateBroadcast(op->getOperand(0), dims, access);
}

static FailureOr<Tile> slice(TileBuilder &b, Operation *op, unsigned,
                             const Access &access) {
  auto slice = cast<fm::SliceOp>(op);
  fm::SymbolicScope &s = b.scope;
  std::optional<fm::Exprs> starts = b.list(slice.getStarts());
  if (!starts)
    return op->emitError("a slice whose bounds are computed on the device is "
                         "not covered on the NPU; compile for cpu");
  Access result(access);
  for (auto [i, axis] : llvm::enumerate(slice.getAxes())) {
    int64_t step = slice.getSteps()[i];
    Expr dim = s.dim(slice.getInput(), axis), from = (*starts)[i];
    if (auto start = fm::constantOf(from))
      from = s.cst(std::clamp<int64_t>(*start, INT32_MIN, INT32_MAX));
    Expr zero = s.cst(0);
    Expr start =
        s.select(s.less(from, zero), s.add(s.min(from, zero), dim), from);
    Expr last = step > 0 ? dim : s.sub(dim, s.cst(1));
    start = s.max(s.min(start, last), zero);
    Index &index = result[axis];
    index.offset =
        b.scalars.add(b.scalars.mul(index.offset, b.scalars.constant(step)),
                      b.scalars.host(start));
    for (auto &[id, factor] : index.terms)
      factor = s.mul(factor, s.cst(step));
  }
  return b.evaluate(slice.getInput(), result);
}

//===----------------------------------------------------------------------===//
// Tiles made of parts
//===----------------------------------------------------------------------===//

/// A piece of a result along a dimension: operand elements from `first` on.
struct Piece {
  Value value;
  Expr begin, end; ///< in the result
};

/// Joins pieces along a dimension, each evaluated where the tile meets it.
static FailureOr<Tile> join(TileBuilder &b, Operation *op,
                            ArrayRef<Piece> pieces, size_t dim,
                            const Access &access) {
  Value result = op->getResult(0);
  Index index = access[dim];
  if (!index.terms.empty() &&
      (index.terms.size() > 1 || fm::constantOf(index.terms[0].second) != 1)) {
    // Seen through a step: all of the dimension, then the step.
    AxisId whole;
    FailureOr<Tile> tile = b.evaluateWhole(result, access, dim, whole);
    if (failed(tile))
      return failure();
    return b.at(*tile, whole, index);
  }
  Tile tile = b.newTile(typeOf(result), b.axesOf(access));
  for (const Piece &piece : pieces) {
    if (piece.begin == piece.end)
      continue;
    auto part = b.part(index, piece.begin, piece.end);
    Access inner(access);
    inner[dim] = {part->first, {{part->axis, b.scope.cst(1)}}};
    FailureOr<Tile> own = b.evaluate(piece.value, inner);
    if (failed(own))
      return failure();
    b.vectorIntoPart(tile, *part, *own);
  }
  return tile;
}

static FailureOr<Tile> concat(TileBuilder &b, Operation *op, unsigned,
                              const Access &access) {
  auto concat = cast<fm::ConcatOp>(op);
  size_t axis = size_t(concat.getAxis());
  SmallVector<Piece> pieces;
  Expr at = b.scope.cst(0);
  for (Value input : concat.getInputs()) {
    Expr end = b.scope.add(at, b.scope.dim(input, axis));
    pieces.push_back({input, at, end});
    at = end;
  }
  return join(b, op, pieces, axis, access);
}

/// Repeats along one dimension as a concatenation; along more, one by one.
static FailureOr<Tile> tile(TileBuilder &b, Operation *op, unsigned,
                            const Access &access) {
  Value input = op->getOperand(0);
  SmallVector<Expr> own(b.dims(input)), result(b.dims(op->getResult(0)));
  Access inner(access);
  std::optional<size_t> repeated;
  for (size_t i = 0; i < own.size(); ++i) {
    if (own[i] == result[i])
      continue;
    if (fm::constantOf(own[i]) == 1) {
      inner[i] = b.fixed(b.scalars.constant(0));
      continue;
    }
    if (repeated)
      return op->emitError("tiling along several dimensions is not covered on "
                           "the NPU; tile one after the other");
    repeated = i;
  }
  if (!repeated)
    return b.evaluate(input, inner);
  auto size = fm::constantOf(own[*repeated]);
  auto all = fm::constantOf(result[*repeated]);
  if (!size || !all || *all > 64 * *size)
    return op->emitError("tiling a dimension that is not static (or more than "
                         "64 times) is not covered on the NPU; fix it with "
                         "--dim");
  SmallVector<Piece> pieces;
  for (int64_t at = 0; at < *all; at += *size)
    pieces.push_back({input, b.scope.cst(at), b.scope.cst(at + *size)});
  return join(b, op, pieces, *repeated, inner);
}

static FailureOr<Tile> pad(TileBuilder &b, Operation *op, unsigned,
                           const Access &access) {
  auto pad = cast<fm::PadOp>(op);
  std::optional<fm::Exprs> pads = b.list(pad.getPads());
  if (!pads)
    return op->emitError("padding that is computed on the device is not "
                         "covered on the NPU; compile for cpu");
  FailureOr<Tile> value = b.evaluate(pad.getValue(), Access());
  if (failed(value))
    return failure();
  ArrayRef<int64_t> axes = pad.getAxes();
  Tile tile = b.newTile(typeOf(op->getResult(0)), b.axesOf(access));
  TileAxes list = b.axesOf(tile);
  b.vectorInto(tile, Opcode::VConvert, {*value}, list);
  Access inner(access);
  Tile target = tile;
  for (auto [i, axis] : llvm::enumerate(axes)) {
    Expr before = (*pads)[i];
    if (fm::constantOf(before) == 0 &&
        fm::constantOf((*pads)[i + axes.size()]) == 0)
      continue;
    Expr size = b.scope.dim(pad.getInput(), axis);
    auto part = b.part(access[axis], before, b.scope.add(before, size));
    if (!part)
      return op->emitError("this padding under another movement is not covered "
                           "on the NPU; compile for cpu");
    // A negative pad crops: the part begins inside of the operand.
    inner[axis] = {part->first, {{part->axis, b.scope.cst(1)}}};
    target = b.throughPart(target, *part);
  }
  FailureOr<Tile> own = b.evaluate(pad.getInput(), inner);
  if (failed(own))
    return failure();
  b.vectorInto(target, Opcode::VConvert, {*own}, b.axesOf(target));
  return tile;
}

static std::string checkPad(Operation *op, const Machine &) {
  auto pad = cast<fm::PadOp>(op);
  if (pad.getMode() != "constant")
    return "padding with mode '" + pad.getMode().str() +
           "' is not covered; use mode constant";
  return "";
}

//===----------------------------------------------------------------------===//
// Tiles made of indices
//===----------------------------------------------------------------------===//

/// The index of a dimension at each place of the tile, i32.
static Tile indexTile(TileBuilder &b, const Index &index) {
  if (index.terms.empty())
    return b.integer(index.offset);
  Tile sum;
  bool isFirst = true;
  for (auto [axis, factor] : index.terms) {
    Tile one = b.iota(axis, isFirst && index.terms.size() == 1 &&
                                    fm::constantOf(factor) == 1
                                ? index.offset
                                : b.scalars.constant(0));
    if (fm::constantOf(factor) != 1)
      one = b.vector(Opcode::VMul, ElementType::I32,
                     {one, b.integer(b.scalars.host(factor))});
    sum = isFirst ? one : b.vector(Opcode::VAdd, ElementType::I32, {sum, one});
    isFirst = false;
  }
  if (index.terms.size() > 1 || fm::constantOf(index.terms[0].second) != 1)
    sum = b.vector(Opcode::VAdd, ElementType::I32,
                   {sum, b.integer(index.offset)});
  return sum;
}

static FailureOr<Tile> iota(TileBuilder &b, Operation *op, unsigned,
                            const Access &access) {
  Tile tile = indexTile(b, access[size_t(cast<fm::IotaOp>(op).getAxis())]);
  return b.convert(b.inMemory(tile), typeOf(op->getResult(0)));
}

static FailureOr<Tile> fill(TileBuilder &b, Operation *op, unsigned,
                            const Access &access) {
  Attribute value = cast<fm::FillOp>(op).getValue();
  Tile tile;
  if (auto number = dyn_cast<FloatAttr>(value))
    tile = b.number(number.getValueAsDouble());
  else if (auto number = dyn_cast<IntegerAttr>(value))
    tile = b.integer(b.scalars.constant(
        number.getType().isInteger(1) || number.getType().isUnsignedInteger()
            ? int64_t(number.getValue().getZExtValue())
            : number.getValue().getSExtValue()));
  else
    return op->emitError("a fill that is no number is not covered on the NPU");
  tile.type = typeOf(op->getResult(0));
  return tile;
}

/// start + i * delta.
static FailureOr<Tile> range(TileBuilder &b, Operation *op, unsigned,
                             const Access &access) {
  auto start = b.evaluate(op->getOperand(0), Access());
  auto delta = b.evaluate(op->getOperand(2), Access());
  if (failed(start) || failed(delta))
    return failure();
  ElementType work =
      isFloat(op->getResult(0)) ? ElementType::F32 : ElementType::I32;
  Tile i = b.convert(b.inMemory(indexTile(b, access[0])), work);
  Tile scaled = b.vector(Opcode::VMul, work, {i, *delta});
  return b.convert(b.vector(Opcode::VAdd, work, {scaled, *start}),
                   typeOf(op->getResult(0)));
}

static FailureOr<Tile> trilu(TileBuilder &b, Operation *op, unsigned,
                             const Access &access) {
  auto trilu = cast<fm::TriluOp>(op);
  auto diagonal =
      b.evaluate(trilu.getK(), Access(b.dims(trilu.getK()).size(),
                                      b.fixed(b.scalars.constant(0))));
  auto x = b.evaluate(trilu.getInput(), access);
  if (failed(diagonal) || failed(x))
    return failure();
  size_t rank = access.size();
  Tile column = b.inMemory(indexTile(b, access[rank - 1]));
  Tile row = b.inMemory(indexTile(b, access[rank - 2]));
  Tile distance = b.vector(Opcode::VSub, ElementType::I32, {column, row});
  Tile keep = b.vector(trilu.getUpper() ? Opcode::VGe : Opcode::VLe,
                       ElementType::U8, {distance, *diagonal});
  return b.vector(Opcode::VSelect, typeOf(op->getResult(0)),
                  {keep, *x, b.number(0)});
}

static FailureOr<Tile> oneHot(TileBuilder &b, Operation *op, unsigned,
                              const Access &access) {
  auto hot = cast<fm::OneHotOp>(op);
  size_t axis = size_t(hot.getAxis());
  Access inner(access);
  inner.erase(inner.begin() + axis);
  auto indices = b.evaluate(hot.getIndices(), inner);
  auto off =
      b.evaluate(hot.getValues(), Access{b.fixed(b.scalars.constant(0))});
  auto on = b.evaluate(hot.getValues(), Access{b.fixed(b.scalars.constant(1))});
  if (failed(indices) || failed(off) || failed(on))
    return failure();
  Tile place = b.inMemory(indexTile(b, access[axis]));
  Scalar depth = b.scalars.host(b.dims(op->getResult(0))[axis]);
  Tile index = b.convert(b.inMemory(*indices), ElementType::I32);
  Tile wrapped =
      b.vector(Opcode::VAdd, ElementType::I32, {index, b.integer(depth)});
  Tile isNegative =
      b.vector(Opcode::VLt, ElementType::U8, {index, b.number(0)});
  Tile where =
      b.vector(Opcode::VSelect, ElementType::I32, {isNegative, wrapped, index});
  Tile isHere = b.vector(Opcode::VEq, ElementType::U8, {place, where});
  return b.vector(Opcode::VSelect, typeOf(op->getResult(0)),
                  {isHere, b.inMemory(*on), b.inMemory(*off)});
}

void narae::npu::registerMovementOps(OpTable &t) {
  t["fm.reshape"] = {reshape};
  t["fm.flatten"] = {reshape};
  t["fm.squeeze"] = {reshape};
  t["fm.unsqueeze"] = {reshape};
  t["fm.transpose"] = {transpose};
  t["fm.broadcast"] = {broadcast};
  t["fm.slice"] = {slice};
  t["fm.concat"] = {concat};
  t["fm.tile"] = {tile};
  t["fm.pad"] = {pad, nullptr, checkPad};
  t["fm.iota"] = {iota};
  t["fm.fill"] = {fill};
  t["fm.range"] = {range};
  t["fm.trilu"] = {trilu};
  t["fm.one_hot"] = {oneHot};
}
