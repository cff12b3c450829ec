//===- Gather.cpp - Elements by index -------------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Rows of arguments are fetched from DRAM by index, rows of computed values
// from the scratchpad. Indices from the end are turned, and what is out of
// range is brought to the nearest place.
//
//===----------------------------------------------------------------------===//

#include "backends/npu/compiler/ops/Helpers.h"

using namespace mlir;
using namespace narae;
using namespace narae::npu;

static constexpr ElementType i32 = ElementType::I32;

/// Indices in [0, size).
static Tile placesOf(TileBuilder &b, const Tile &indices, Expr size) {
  Tile index = b.convert(b.inMemory(indices), i32);
  Tile turned =
      b.vector(Opcode::VAdd, i32, {index, b.integer(b.scalars.host(size))});
  Tile isNegative =
      b.vector(Opcode::VLt, ElementType::U8, {index, b.number(0)});
  Tile place = b.vector(Opcode::VSelect, i32, {isNegative, turned, index});
  Tile low = b.vector(Opcode::VMax, i32, {place, b.number(0)});
  Scalar last = b.scalars.sub(b.scalars.host(size), b.scalars.constant(1));
  return b.vector(Opcode::VMin, i32, {low, b.integer(last)});
}

/// The axes of an index list that have more than one place.
static TileAxes longAxes(TileBuilder &b, ArrayRef<AxisId> axes) {
  TileAxes result;
  for (AxisId axis : axes)
    if (fm::constantOf(b.axes[axis].tile) != 1)
      result.push_back(axis);
  return result;
}

static FailureOr<Tile> gather(TileBuilder &b, Operation *op, unsigned,
                              const Access &access) {
  auto gather = cast<fm::GatherOp>(op);
  Value input = gather.getInput();
  size_t axis = size_t(gather.getAxis());
  size_t count = b.dims(gather.getIndices()).size();
  Access indexAccess(access.begin() + axis, access.begin() + axis + count);
  FailureOr<Tile> indices = b.evaluate(gather.getIndices(), indexAccess);
  if (failed(indices))
    return failure();
  SmallVector<Expr> dims(b.dims(input));
  Tile places = placesOf(b, *indices, dims[axis]);
  TileAxes byIndex = longAxes(b, b.axesOf(places));
  if (byIndex.size() > 1)
    return op->emitError("a gather by several dimensions of indices under "
                         "another movement is not covered on the NPU; compile "
                         "for cpu");
  Access inner(access.begin(), access.begin() + axis);
  inner.push_back(b.fixed(b.scalars.constant(0)));
  inner.append(access.begin() + axis + count, access.end());
  TileAxes rest = longAxes(b, b.axesOf(inner));
  if (llvm::is_contained(rest, byIndex.empty() ? ~0u : byIndex.front()))
    return op->emitError("this gather is not covered on the NPU");

  // Conversions come after the gather: they are elementwise.
  Value table = input;
  while (auto cast = table.getDefiningOp<fm::CastOp>()) {
    if (!isFloat(cast.getInput()) || !isFloat(cast.getResult()))
      break;
    table = cast.getInput();
  }
  if (!isa<BlockArgument>(table))
    table = input;
  bool isArgument = isa<BlockArgument>(table);
  AxisId whole = 0;
  Tile source;
  if (!isArgument) {
    FailureOr<Tile> rows = b.evaluateWhole(input, inner, axis, whole);
    if (failed(rows))
      return failure();
    source = b.inMemory(*rows);
  }
  TileAxes list = byIndex;
  list.append(rest);
  ElementType type = typeOf(isArgument ? table : input);
  Tile result = b.newTile(type, TileBuilder::unite({byIndex, rest}));
  Window to = b.window(result, list), index = b.window(places, byIndex), from;
  if (byIndex.empty()) {
    auto one = Window::Dim{b.scalars.constant(1), b.scalars.constant(0)};
    to.dims.insert(to.dims.begin(), one);
    index.dims.insert(index.dims.begin(), one);
  }
  if (!isArgument) {
    TileAxes rows = {whole};
    rows.append(rest);
    from = b.window(source, rows);
    if (fm::constantOf(b.axes[whole].tile) == 1)
      from.dims.insert(from.dims.begin(),
                       {b.scalars.constant(1), b.scalars.constant(0)});
    b.schedule.step(
        Lane::Vector,
        {{result.buffer, true}, {source.buffer, false}, {places.buffer, false}},
        [=](StreamWriter &out) {
          out.emit(Opcode::VGather, {out.operand(OperandName::Dst, to),
                                     out.operand(OperandName::A, from),
                                     out.operand(OperandName::Index, index)});
        });
    return result;
  }
  from = b.argumentPlace(cast<BlockArgument>(table).getArgNumber(),
                         elementOf(table), dims, inner, rest);
  Expr row = b.scope.cst(1);
  for (size_t i = axis + 1; i < dims.size(); ++i)
    row = b.scope.mul(row, dims[i]);
  int64_t words = storedBytes(elementOf(table)) / std::max(bitsOf(type) / 8, 1);
  from.dims.insert(from.dims.begin(),
                   {b.scalars.host(dims[axis]),
                    b.scalars.host(b.scope.mul(row, b.scope.cst(words)))});
  b.schedule.step(Lane::Load, {{result.buffer, true}, {places.buffer, false}},
                  [=](StreamWriter &out) {
                    out.emit(Opcode::DGather,
                             {out.operand(OperandName::Dst, to),
                              out.operand(OperandName::A, from),
                              out.operand(OperandName::Index, index)});
                  });
  if (table == input)
    return result;
  // Through each of the conversions, as they round.
  SmallVector<fm::CastOp> casts;
  for (Value at = input; at != table; at = casts.back().getInput())
    casts.push_back(at.getDefiningOp<fm::CastOp>());
  for (fm::CastOp cast : llvm::reverse(casts))
    result = b.convert(result, typeOf(cast.getResult()));
  return result;
}

/// Only the last dimension of the indices in a tile: a list of indices.
static void gatherWish(TileBuilder &b, Operation *op, TileWish &wish) {
  auto gather = cast<fm::GatherOp>(op);
  size_t axis = size_t(gather.getAxis());
  SmallVector<Expr> dims(b.dims(gather.getIndices()));
  bool isLast = true;
  for (size_t i = dims.size(); i-- > 0;) {
    if (fm::constantOf(dims[i]) == 1)
      continue;
    if (!isLast)
      wish.single[axis + i] = true;
    isLast = false;
  }
}

static FailureOr<Tile> gatherElements(TileBuilder &b, Operation *op, unsigned,
                                      const Access &access) {
  auto gather = cast<fm::GatherElementsOp>(op);
  size_t axis = size_t(gather.getAxis());
  FailureOr<Tile> indices = b.evaluate(gather.getIndices(), access);
  if (failed(indices))
    return failure();
  AxisId whole = b.addWholeAxis(b.dims(gather.getInput())[axis]);
  Access rowAccess(access);
  rowAccess[axis] = b.along(whole);
  FailureOr<Tile> source = b.evaluate(gather.getInput(), rowAccess);
  if (failed(source))
    return failure();
  Tile a = b.inMemory(*source);
  Tile places = placesOf(b, *indices, b.dims(gather.getInput())[axis]);
  TileAxes along = b.axesOf(Access{access[axis]});
  if (along.size() > 1)
    return op->emitError("this gather is not covered on the NPU");
  TileAxes rest = b.axesOf(access);
  for (AxisId id : along)
    llvm::erase(rest, id);
  TileAxes all = rest, rows = rest;
  all.append(along);
  rows.push_back(whole);
  Tile result = b.newTile(typeOf(op->getResult(0)), TileBuilder::unite({all}));
  Window to = b.window(result, all), from = b.window(a, rows),
         index = b.window(places, all);
  Window::Dim one{b.scalars.constant(1), b.scalars.constant(0)};
  if (along.empty() || fm::constantOf(b.axes[along[0]].tile) == 1) {
    to.dims.push_back(one);
    index.dims.push_back(one);
  }
  if (fm::constantOf(b.axes[whole].tile) == 1)
    from.dims.push_back(one);
  b.schedule.step(
      Lane::Vector,
      {{result.buffer, true}, {a.buffer, false}, {places.buffer, false}},
      [=](StreamWriter &out) {
        out.emit(Opcode::VPick, {out.operand(OperandName::Dst, to),
                                 out.operand(OperandName::A, from),
                                 out.operand(OperandName::Index, index)});
      });
  return result;
}

static void gatherElementsWish(TileBuilder &b, Operation *op, TileWish &wish) {
  auto gather = cast<fm::GatherElementsOp>(op);
  wish.inner = b.scope.mul(wish.inner,
                           b.dims(gather.getInput())[size_t(gather.getAxis())]);
}

void narae::npu::registerGatherOps(OpTable &t) {
  t["fm.gather"] = {gather, gatherWish};
  t["fm.gather_elements"] = {gatherElements, gatherElementsWish};
}
