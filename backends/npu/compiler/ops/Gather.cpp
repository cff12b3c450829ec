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
#include "lib/codegen/Elemental.h"

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

/// A tile without room between its elements, whatever the size of this tile: so
/// that all of its places are one list.
static Tile compactTile(TileBuilder &b, ElementType type,
                        ArrayRef<AxisId> axes) {
  Tile tile = b.newTile(type, axes);
  Scalar stride = b.scalars.constant(1);
  for (auto &[axis, step] : llvm::reverse(tile.strides)) {
    step = stride;
    stride = b.scalars.mul(stride, b.axes[axis].size);
  }
  return tile;
}

namespace {
/// A list of indices and the tile of what they name.
struct Gathered {
  Tile places, result;
  Window index, to; ///< [n] and [n, rest]
};
} // namespace

/// Places on several axes become one list.
static Gathered prepare(TileBuilder &b, const Tile &places,
                        const TileAxes &byIndex, const TileAxes &rest,
                        ElementType type) {
  Gathered g;
  TileAxes list = byIndex;
  list.append(rest);
  g.places = places;
  if (byIndex.size() > 1) {
    g.places = compactTile(b, i32, byIndex);
    b.vectorInto(g.places, Opcode::VConvert, {places}, byIndex);
  }
  // Axes of the index first, so that rows lie one after the other.
  g.result =
      byIndex.size() > 1 ? compactTile(b, type, list) : b.newTile(type, list);
  g.to = b.window(g.result, rest);
  g.index = b.window(g.places, {});
  Window::Dim index{b.scalars.constant(1), b.scalars.constant(0)}, row = index;
  if (!byIndex.empty()) {
    Scalar count = b.scalars.constant(1);
    for (AxisId axis : byIndex)
      count = b.scalars.mul(count, b.axes[axis].size);
    auto strideOf = [&](const Tile &tile) {
      for (auto [axis, stride] : tile.strides)
        if (axis == byIndex.back())
          return stride;
      return b.scalars.constant(0);
    };
    index = {count, strideOf(g.places)};
    row = {count, strideOf(g.result)};
  }
  g.index.dims.insert(g.index.dims.begin(), index);
  g.to.dims.insert(g.to.dims.begin(), row);
  return g;
}

/// Rows by index, each `rowElements` after the one before, of an argument that
/// lies as a tensor of these dimensions; `inner` is the access within a row.
static FailureOr<Tile> fetchRows(TileBuilder &b, Operation *op,
                                 BlockArgument table, ArrayRef<Expr> dims,
                                 const Access &inner, const Tile &places,
                                 Expr rows, Expr rowElements) {
  TileAxes byIndex = longAxes(b, b.axesOf(places));
  TileAxes rest = longAxes(b, b.axesOf(inner));
  for (AxisId axis : byIndex)
    if (llvm::is_contained(rest, axis))
      return op->emitError("indices along the axis of what they name are not "
                           "covered on the NPU; compile for cpu");
  ElementType type = typeOf(table);
  Gathered g = prepare(b, places, byIndex, rest, type);
  Window to = g.to, index = g.index;
  Window from = b.argumentPlace(table.getArgNumber(), elementOf(table), dims,
                                inner, rest);
  // Of i64 the lower words.
  int64_t words = storedBytes(elementOf(table)) / std::max(bitsOf(type) / 8, 1);
  from.dims.insert(
      from.dims.begin(),
      {b.scalars.host(rows),
       b.scalars.host(b.scope.mul(rowElements, b.scope.cst(words)))});
  b.schedule.step(
      Lane::Load, {{g.result.buffer, true}, {g.places.buffer, false}},
      [=](StreamWriter &out) {
        out.emit(Opcode::DGather, {out.operand(OperandName::Dst, to),
                                   out.operand(OperandName::A, from),
                                   out.operand(OperandName::Index, index)});
      });
  return g.result;
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
  Access inner(access.begin(), access.begin() + axis);
  inner.push_back(b.fixed(b.scalars.constant(0)));
  inner.append(access.begin() + axis + count, access.end());
  TileAxes rest = longAxes(b, b.axesOf(inner));
  // Conversions come after the gather: they are elementwise.
  Value table = input;
  while (auto cast = table.getDefiningOp<fm::CastOp>()) {
    if (!isFloat(cast.getInput()) || !isFloat(cast.getResult()))
      break;
    table = cast.getInput();
  }
  if (auto argument = dyn_cast<BlockArgument>(table)) {
    Expr row = b.scope.product(ArrayRef<Expr>(dims).drop_front(axis + 1));
    FailureOr<Tile> result =
        fetchRows(b, op, argument, dims, inner, places, dims[axis], row);
    // Through each of the conversions, as they round.
    SmallVector<fm::CastOp> casts;
    for (Value at = input; at != table; at = casts.back().getInput())
      casts.push_back(at.getDefiningOp<fm::CastOp>());
    for (fm::CastOp cast : llvm::reverse(casts))
      if (succeeded(result))
        result = b.convert(*result, typeOf(cast.getResult()));
    return result;
  }
  AxisId whole = 0;
  FailureOr<Tile> source = b.evaluateWhole(input, inner, axis, whole);
  if (failed(source))
    return failure();
  Tile a = b.inMemory(*source);
  TileAxes rows = {whole};
  rows.append(rest);
  Gathered g = prepare(b, places, byIndex, rest, typeOf(input));
  Window to = g.to, index = g.index, from = b.window(a, rows);
  if (fm::constantOf(b.axes[whole].tile) == 1)
    from.dims.insert(from.dims.begin(),
                     {b.scalars.constant(1), b.scalars.constant(0)});
  b.schedule.step(
      Lane::Vector,
      {{g.result.buffer, true}, {a.buffer, false}, {g.places.buffer, false}},
      [=](StreamWriter &out) {
        out.emit(Opcode::VGather, {out.operand(OperandName::Dst, to),
                                   out.operand(OperandName::A, from),
                                   out.operand(OperandName::Index, index)});
      });
  return g.result;
}

/// The index of a dimension at each place of the tile.
static Tile placeAlong(TileBuilder &b, const Index &index) {
  if (index.terms.empty())
    return b.inMemory(b.integer(index.offset));
  Tile place = b.iota(index.terms[0].first, b.scalars.constant(0));
  place = b.vector(Opcode::VMul, i32,
                   {place, b.integer(b.scalars.host(index.terms[0].second))});
  return b.vector(Opcode::VAdd, i32, {place, b.integer(index.offset)});
}

/// Whether each row of a value comes from the same rows of arguments alone;
/// collects those.
static bool isRowwise(TileBuilder &b, Value value,
                      llvm::SetVector<Value> &leaves) {
  if (isa<BlockArgument>(value)) {
    leaves.insert(value);
    return true;
  }
  Operation *op = value.getDefiningOp();
  if (isa<fm::ConstantOp, rt::ShapeValueOp>(op) || !codegen::isElementwise(op))
    return false;
  SmallVector<Expr> dims(b.dims(value));
  return llvm::all_of(op->getOperands(), [&](Value operand) {
    ArrayRef<Expr> own = b.dims(operand);
    if (own == ArrayRef<Expr>(dims))
      return isRowwise(b, operand, leaves);
    // What broadcasts along rows has none to choose.
    return own.size() < dims.size() || fm::constantOf(own[0]) == 1;
  });
}

/// Rows by number of a value [rows, ...] that elementwise ops compute: the rows
/// of its arguments are fetched, and the ops computed of those.
static FailureOr<Tile> computedRows(TileBuilder &b, Operation *op, Value value,
                                    const Tile &place, ArrayRef<Index> rest) {
  llvm::SetVector<Value> leaves;
  if (b.dims(value).size() != rest.size() + 1 || !isRowwise(b, value, leaves))
    return op->emitError("a gather_nd of what the kernel computes is not "
                         "covered on the NPU; compile for cpu");
  // An index that nothing else has stands for the rows that were chosen.
  Index chosen = {
      b.scalars.pinned(1u << 20 | unsigned(b.axes.size()), LoopValue::Index),
      {}};
  for (AxisId axis : b.axesOf(place))
    chosen.terms.push_back({axis, b.scope.cst(1)});
  Access access = {chosen}, inner = {b.fixed(b.scalars.constant(0))};
  access.append(rest.begin(), rest.end());
  inner.append(rest.begin(), rest.end());
  for (Value leaf : leaves) {
    SmallVector<Expr> dims(b.dims(leaf));
    Expr row = b.scope.product(ArrayRef<Expr>(dims).drop_front());
    FailureOr<Tile> tile = fetchRows(b, op, cast<BlockArgument>(leaf), dims,
                                     inner, place, dims[0], row);
    if (failed(tile))
      return failure();
    b.remember(leaf, access, *tile);
  }
  return b.evaluate(value, access);
}

/// Tuples of indices become the number of a row.
static FailureOr<Tile> gatherNd(TileBuilder &b, Operation *op, unsigned,
                                const Access &access) {
  auto gather = cast<fm::GatherNdOp>(op);
  Value input = gather.getInput(), table = input;
  while (isa_and_nonnull<fm::ReshapeOp, fm::FlattenOp, fm::UnsqueezeOp,
                         fm::SqueezeOp>(table.getDefiningOp()))
    table = table.getDefiningOp()->getOperand(0);
  auto argument = dyn_cast<BlockArgument>(table);
  SmallVector<Expr> dims(b.dims(input)), tuples(b.dims(gather.getIndices()));
  auto width = fm::constantOf(tuples.back());
  size_t batch = size_t(gather.getBatchDims()), lists = tuples.size() - 1;
  size_t used = batch + size_t(*width);
  Expr rows = b.scope.cst(1);
  Tile place;
  for (size_t i = 0; i < used; ++i) {
    Tile own;
    if (i < batch) {
      own = placeAlong(b, access[i]);
    } else {
      Access at(access.begin(), access.begin() + lists);
      at.push_back(b.fixed(b.scalars.constant(int64_t(i - batch))));
      FailureOr<Tile> index = b.evaluate(gather.getIndices(), at);
      if (failed(index))
        return failure();
      own = placesOf(b, *index, dims[i]);
    }
    if (i > 0) {
      Tile above = b.vector(Opcode::VMul, i32,
                            {place, b.integer(b.scalars.host(dims[i]))});
      own = b.vector(Opcode::VAdd, i32, {above, own});
    }
    place = own;
    rows = b.scope.mul(rows, dims[i]);
  }
  if (!argument) // the dimensions before are those of its rows
    return computedRows(b, op, table, b.inMemory(place),
                        ArrayRef<Index>(access).drop_front(lists));
  Access inner(used, b.fixed(b.scalars.constant(0)));
  inner.append(access.begin() + lists, access.end());
  Expr row = b.scope.product(ArrayRef<Expr>(dims).drop_front(used));
  return fetchRows(b, op, argument, dims, inner, place, rows, row);
}

static std::string checkGatherNd(Operation *op, const Machine &) {
  auto indices =
      cast<RankedTensorType>(cast<fm::GatherNdOp>(op).getIndices().getType());
  return indices.isDynamicDim(indices.getRank() - 1)
             ? "tuples of indices need a static length; fix it with --dim"
             : "";
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
  t["fm.gather"] = {gather};
  t["fm.gather_nd"] = {gatherNd, nullptr, checkGatherNd};
  t["fm.gather_elements"] = {gatherElements, gatherElementsWish};
}
