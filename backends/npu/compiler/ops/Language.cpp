//===- Language.cpp - Rotary positions and caches -------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/compiler/ops/Attention.h"

#include <cmath>
#include <cstring>

using namespace mlir;
using namespace narae;
using namespace narae::npu;

static constexpr ElementType f32 = ElementType::F32;
static constexpr ElementType i32 = ElementType::I32;

//===----------------------------------------------------------------------===//
// Rotary positions
//===----------------------------------------------------------------------===//

static FailureOr<Tile> ropeTable(TileBuilder &b, Operation *op, unsigned,
                                 const Access &access) {
  auto table = cast<fm::RopeTableOp>(op);
  FailureOr<Tile> positions =
      b.evaluate(table.getPositions(), {access[0], access[1]});
  if (failed(positions))
    return failure();
  Tile at = b.convert(b.inMemory(*positions), f32);
  ArrayRef<double> frequencies = table.getInverseFrequencies();
  std::vector<float> numbers(frequencies.begin(), frequencies.end());
  Expr n = b.scope.cst(int64_t(numbers.size()));
  Tile result = b.newTile(f32, b.axesOf(access));
  for (bool isSine : {false, true}) {
    Expr begin = isSine ? n : b.scope.cst(0);
    auto part = b.part(access[2], begin, b.scope.add(begin, n));
    if (!part)
      return op->emitError("a table of positions under another movement is not "
                           "covered on the NPU; compile for cpu");
    Index index = {part->first, {{part->axis, b.scope.cst(1)}}};
    Tile frequency = b.constantNumbers(numbers, index);
    Tile angle = b.vector(Opcode::VMul, f32, {at, frequency});
    Tile value = b.vector(isSine ? Opcode::VSin : Opcode::VCos, f32, {angle});
    double factor = table.getFactor().convertToDouble();
    if (factor != 1)
      value = b.vector(Opcode::VMul, f32, {value, b.number(factor)});
    b.vectorIntoPart(result, *part, value);
  }
  return result;
}

static FailureOr<Tile> rope(TileBuilder &b, Operation *op, unsigned,
                            const Access &access) {
  auto rope = cast<fm::RopeOp>(op);
  auto axis = b.plainAxis(access[3]);
  if (!axis || !b.axes[*axis].isWhole)
    return op->emitError("a rotation under another movement is not covered on "
                         "the NPU; compile for cpu");
  FailureOr<Tile> input = b.evaluate(rope.getInput(), access);
  if (failed(input))
    return failure();
  Tile x = b.inMemory(*input);
  TileAxes list = b.axesOf(access);
  Tile result = b.newTile(typeOf(op->getResult(0)), list);
  b.vectorInto(result, Opcode::VConvert, {x}, list);
  Expr pairs = b.scope.floorDiv(b.dims(rope.getTable())[2], b.scope.cst(2));
  AxisId i = b.addWholeAxis(pairs);
  int64_t step = rope.getPairs() ? 2 : 1;
  auto seen = [&](const Tile &tile, bool isSecond) {
    Expr first = b.scope.cst(int64_t(rope.getOffset()));
    if (isSecond)
      first = b.scope.add(first, rope.getPairs() ? b.scope.cst(1) : pairs);
    return b.at(tile, *axis, {b.scalars.host(first), {{i, b.scope.cst(step)}}});
  };
  auto factors = [&](Expr first) {
    return b.evaluate(
        rope.getTable(),
        {access[0], access[1], {b.scalars.host(first), {{i, b.scope.cst(1)}}}});
  };
  FailureOr<Tile> cosines = factors(b.scope.cst(0)), sines = factors(pairs);
  if (failed(cosines) || failed(sines))
    return failure();
  Tile p = seen(x, false), q = seen(x, true);
  TileAxes turned = list;
  llvm::erase(turned, *axis);
  turned.push_back(i);
  Tile lost = b.vector(Opcode::VMul, f32, {q, *sines}, turned);
  Tile gained = b.vector(Opcode::VMul, f32, {p, *sines}, turned);
  lost = b.vector(Opcode::VNeg, f32, {lost}, turned);
  b.vectorInto(seen(result, false), Opcode::VFma, {p, *cosines, lost}, turned);
  b.vectorInto(seen(result, true), Opcode::VFma, {q, *cosines, gained}, turned);
  return result;
}

static void ropeWish(TileBuilder &, Operation *, TileWish &wish) {
  wish.whole[3] = true;
}

//===----------------------------------------------------------------------===//
// Caches
//===----------------------------------------------------------------------===//

/// New entries go to their slots row by row; how many do is read from memory by
/// the stream that stores them.
static LogicalResult cacheUpdate(TileBuilder &b, Operation *op) {
  auto update = cast<fm::CacheUpdateOp>(op);
  auto start = dyn_cast<BlockArgument>(update.getStart());
  auto lengths = dyn_cast<BlockArgument>(update.getLengths());
  if (!start || !lengths)
    return op->emitError("starts and lengths of a cache update must be in "
                         "memory on the NPU; compile for cpu");
  Scalars &n = b.scalars;
  SmallVector<Expr> dims(b.dims(update.getUpdate())),
      cache(b.dims(update.getCache()));
  TileWish wish;
  wish.whole = {false, false, false, true};
  wish.single = {true, false, true, false};
  wish.most = {0, 0, 0, 0};
  wish.inner = b.scope.cst(1);
  Access access = openTiles(b, dims, wish);
  FailureOr<Tile> tile = b.evaluate(update.getUpdate(), access);
  FailureOr<Tile> begin = b.evaluate(update.getStart(), {access[0]});
  if (failed(tile) || failed(begin))
    return failure();
  Type element = elementOf(update.getCache());
  Tile rows = b.inMemory(*tile);
  TileAxes list = b.axesOf(access);
  if (rows.type != *scratchpadType(element) || b.axesOf(rows) != list)
    rows = b.vector(Opcode::VConvert, *scratchpadType(element), {rows}, list);
  std::optional<AxisId> t;
  if (!access[1].terms.empty())
    t = access[1].terms.front().first;
  Tile place = t ? b.iota(*t, access[1].offset)
                 : b.inMemory(b.integer(access[1].offset));
  place = b.vector(Opcode::VAdd, i32, {place, *begin});
  if (update.getRing())
    place = b.vector(Opcode::VRem, i32, {place, b.integer(n.host(cache[2]))});
  // Entries of this tile that have a slot.
  Scalar count = n.sub(n.loaded(lengths.getArgNumber(), access[0].offset),
                       access[1].offset);
  if (!update.getRing()) {
    Scalar free = n.sub(n.sub(n.host(cache[2]),
                              n.loaded(start.getArgNumber(), access[0].offset)),
                        access[1].offset);
    count = n.min(count, free);
  }
  Scalar size = t ? b.axes[*t].size : n.constant(1);
  count = n.max(n.min(count, size), n.constant(0));
  Access inner = {access[0], access[2], b.fixed(n.constant(0)), access[3]};
  SmallVector<std::optional<AxisId>> columns;
  if (!access[3].terms.empty())
    columns.push_back(access[3].terms.front().first);
  TileAxes wide;
  for (auto axis : columns)
    wide.push_back(*axis);
  uint32_t buffer = b.kernel.block().getNumArguments();
  Window to = b.argumentPlace(buffer, element, cache, inner, wide);
  SmallVector<std::optional<AxisId>> order = {t};
  order.append(columns);
  Window from = b.shaped(rows, order), index = b.shaped(place, {t});
  to.dims.insert(to.dims.begin(), {n.host(cache[2]), n.host(cache[3])});
  if (from.dims.size() > to.dims.size()) // rows of one element
    to.dims.push_back({n.constant(1), n.constant(0)});
  from.dims.front().size = index.dims.front().size = count;
  b.schedule.step(Lane::Store, {{rows.buffer, false}, {place.buffer, false}},
                  [=](StreamWriter &out) {
                    out.emit(Opcode::DScatter,
                             {out.operand(OperandName::Dst, to),
                              out.operand(OperandName::A, from),
                              out.operand(OperandName::Index, index)});
                  });
  b.endLoop();
  return success();
}

static std::string checkProducts(Type a, Type b, const Machine &machine) {
  std::string problem;
  productType(a, b, machine.tensor, problem);
  return problem;
}

static FailureOr<Tile> cachedAttention(TileBuilder &b, Operation *op, unsigned,
                                       const Access &access) {
  auto attend = cast<fm::CachedAttentionOp>(op);
  const Index batch = access[0], query = access[1], head = access[2],
              column = access[3];
  for (const Index *index : {&batch, &head})
    for (auto [axis, factor] : index->terms)
      if (fm::constantOf(b.axes[axis].tile) != 1)
        return op->emitError("attention under another movement is not covered "
                             "on the NPU; compile for cpu");
  for (const Index *index : {&query, &column})
    if (!index->terms.empty() && !b.plainAxis(*index))
      return op->emitError("attention under another movement is not covered on "
                           "the NPU; compile for cpu");
  fm::SymbolicScope &s = b.scope;
  Scalars &n = b.scalars;
  Value q = attend.getQuery(), k = attend.getKey();
  Value v = attend.getValue() ? attend.getValue() : k;
  SmallVector<Expr> qDims(b.dims(q)), kDims(b.dims(k));
  std::string problem;
  auto type =
      productType(elementOf(q), elementOf(k), b.machine.tensor, problem);
  if (!type)
    return op->emitError() << problem;
  auto axisOf = [](const Index &index) -> std::optional<AxisId> {
    if (index.terms.empty())
      return std::nullopt;
    return index.terms.front().first;
  };
  FailureOr<Tile> start = b.evaluate(attend.getStart(), {batch});
  FailureOr<Tile> length = b.evaluate(attend.getLengths(), {batch});
  if (failed(start) || failed(length))
    return failure();
  BlockedAttention a;
  a.queries = axisOf(query);
  a.columns = axisOf(column);
  a.keys = kDims[2];
  a.size = kDims[3];
  a.scale = attend.getScale().convertToDouble();
  a.type = *type;
  Index group =
      b.fixed(n.div(head.offset, n.host(s.floorDiv(qDims[2], kDims[1]))));
  a.query = [&](AxisId d) {
    return b.evaluate(q, {batch, query, head, b.along(d)});
  };
  a.key = [&](AxisId t, AxisId d) {
    return b.evaluate(k, {batch, group, b.along(t), b.along(d)});
  };
  a.value = [&](AxisId t) {
    return b.evaluate(v, {batch, group, b.along(t), column});
  };
  // The position of each query, once.
  Tile own = a.queries ? b.iota(*a.queries, query.offset)
                       : b.inMemory(b.integer(query.offset));
  own = b.vector(Opcode::VAdd, i32, {own, *start});
  Tile last = b.vector(Opcode::VAdd, i32, {b.inMemory(*start), *length});
  last = b.vector(Opcode::VSub, i32, {last, b.number(1)});
  a.adjust = [&](Tile scores, AxisId t) -> FailureOr<Tile> {
    Tile at = b.iota(t, b.axes[t].start);
    Tile hidden;
    if (attend.getRing()) {
      // The last position that was written to the slot.
      Tile back = b.vector(Opcode::VSub, i32, {last, at});
      back = b.vector(Opcode::VRem, i32, {back, b.integer(n.host(kDims[2]))});
      at = b.vector(Opcode::VSub, i32, {last, back});
    }
    hidden = b.vector(Opcode::VGt, ElementType::U8, {at, own});
    auto hide = [&](const Tile &more) {
      hidden = b.vector(Opcode::VOr, ElementType::U8, {hidden, more});
    };
    if (attend.getRing())
      hide(b.vector(Opcode::VLt, ElementType::U8, {at, b.number(0)}));
    if (int64_t window = attend.getWindow()) {
      Tile first =
          b.vector(Opcode::VSub, i32, {own, b.integer(n.constant(window))});
      hide(b.vector(Opcode::VLe, ElementType::U8, {at, first}));
    }
    return b.vector(Opcode::VSelect, f32,
                    {hidden, b.number(-INFINITY), scores});
  };
  FailureOr<Tile> result = emitAttention(b, a);
  if (failed(result))
    return failure();
  return b.convert(*result, typeOf(op->getResult(0)));
}

static void cachedAttentionWish(TileBuilder &, Operation *, TileWish &wish) {
  wish.single[0] = wish.single[2] = true;
  wish.most[1] = 64;
  wish.whole[3] = true;
  wish.least = 64;
}

static std::string checkCachedAttention(Operation *op, const Machine &machine) {
  return checkProducts(elementOf(op->getOperand(0)),
                       elementOf(op->getOperand(1)), machine);
}

void narae::npu::registerLanguageOps(OpTable &t) {
  t["fm.rope_table"] = {ropeTable};
  t["fm.rope"] = {rope, ropeWish};
  t["fm.cache_update"] = {nullptr, nullptr, nullptr, cacheUpdate};
  t["fm.cached_attention"] = {cachedAttention, cachedAttentionWish,
                              checkCachedAttention};
}
