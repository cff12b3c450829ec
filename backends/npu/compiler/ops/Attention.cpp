//===- Attention.cpp - Attention block by block ---------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// No matrix of scores is kept: blocks of keys pass by a tile of queries, and
// the largest score, the sum of exponentials and the result so far are
// corrected when a larger score comes (M. Milakov, N. Gimelshein, "Online
// normalizer calculation for softmax", 2018; T. Dao et al., "FlashAttention",
// 2022).
//
//===----------------------------------------------------------------------===//

#include "backends/npu/compiler/ops/Attention.h"

#include <cmath>

using namespace mlir;
using namespace narae;
using namespace narae::npu;

static constexpr ElementType f32 = ElementType::F32;
/// Queries of a tile, at most.
static constexpr int64_t kQueries = 64;
/// Sums in the accumulators, as a tile in the scratchpad.
static Tile drain(TileBuilder &b, const Tile &sums, std::optional<AxisId> rows,
                  std::optional<AxisId> columns) {
  Tile result = b.newTile(f32, b.axesOf(sums));
  Window to = b.matrix(result, rows, columns);
  Window acc = b.matrix(sums, rows, columns);
  b.schedule.step(Lane::Tensor, {{result.buffer, true}, {sums.buffer, false}},
                  [=](StreamWriter &out) {
                    out.emit(Opcode::Drain, {out.operand(OperandName::Dst, to),
                                             out.operand(OperandName::Acc, acc),
                                             {OperandName::Activation, 0},
                                             {OperandName::Combine, 0}});
                  });
  return result;
}

static Tile product(TileBuilder &b, const Tile &x, const Tile &y,
                    std::optional<AxisId> rows, AxisId inner,
                    std::optional<AxisId> columns) {
  TileAxes sides;
  for (auto axis : {rows, columns})
    if (axis)
      sides.push_back(*axis);
  llvm::sort(sides);
  Tile sums = b.newTile(f32, sides, Space::Accumulator);
  Window acc = b.matrix(sums, rows, columns);
  Window a = b.matrix(x, rows, inner), c = b.matrix(y, inner, columns);
  b.schedule.step(
      Lane::Tensor, {{sums.buffer, true}, {x.buffer, false}, {y.buffer, false}},
      [=](StreamWriter &out) { emitProduct(out, acc, a, c, std::nullopt); });
  return drain(b, sums, rows, columns);
}

FailureOr<Tile> narae::npu::emitAttention(TileBuilder &b,
                                          const BlockedAttention &attention) {
  auto rows = attention.queries, columns = attention.columns;
  TileAxes byRow, all;
  if (rows)
    byRow.push_back(*rows);
  all = byRow;
  if (columns)
    all.push_back(*columns);
  llvm::sort(all);

  Axis depth;
  depth.start = b.scalars.constant(0);
  depth.size = b.scalars.host(attention.size);
  depth.extent = depth.tile = attention.size;
  // Sizes that are not known get less the less memory there is.
  int64_t limit = std::clamp<int64_t>(b.budget / 128, 64, 1024);
  depth.most = fm::constantOf(attention.size).value_or(limit);
  depth.group = 501;
  depth.isWhole = true;
  auto bound = [&](Expr size) {
    if (!fm::constantOf(size))
      b.require(size, b.scope.cst(limit),
                "heads of more than " + std::to_string(limit) +
                    " elements whose size is not static do not fit; fix it "
                    "with --dim");
  };
  bound(attention.size);
  if (columns && !fm::constantOf(b.axes[*columns].extent)) {
    bound(b.axes[*columns].extent);
    b.axes[*columns].most = std::min(b.axes[*columns].most, limit);
  }
  AxisId d = b.addAxis(depth);
  FailureOr<Tile> query = attention.query(d);
  if (failed(query))
    return failure();
  Tile q = b.convert(b.inMemory(*query), attention.type);

  Tile most = b.newTile(f32, byRow), sum = b.newTile(f32, byRow);
  Tile result = b.newTile(f32, all);
  b.vectorInto(most, Opcode::VConvert, {b.number(-INFINITY)}, byRow);
  b.vectorInto(sum, Opcode::VConvert, {b.number(0)}, byRow);
  b.vectorInto(result, Opcode::VConvert, {b.number(0)}, all);

  Scalar block = b.scalars.constant(kKeyBlock);
  Scalar rounds = attention.rounds.value_or(
      b.scalars.host(b.scope.ceilDiv(attention.keys, b.scope.cst(kKeyBlock))));
  unsigned loop = b.beginLoop(rounds, false);
  Axis keys;
  keys.start = b.scalars.mul(b.scalars.pinned(loop, LoopValue::Index), block);
  keys.size = b.scalars.min(
      block, b.scalars.sub(b.scalars.host(attention.keys), keys.start));
  keys.extent = attention.keys;
  keys.tile = b.scope.min(attention.keys, b.scope.cst(kKeyBlock));
  // One key is an axis too: what is one here need not be in the next round.
  if (fm::constantOf(keys.tile) == 1)
    keys.tile = b.scope.cst(2);
  keys.most = kKeyBlock;
  keys.group = 502;
  AxisId t = b.addAxis(keys);
  auto body = [&]() -> LogicalResult {
    FailureOr<Tile> key = attention.key(t, d);
    if (failed(key))
      return failure();
    Tile k = b.convert(b.inMemory(*key), attention.type);
    Tile scores = product(b, q, k, rows, d, t);
    scores = b.vector(Opcode::VMul, f32, {scores, b.number(attention.scale)});
    if (attention.softcap > 0) {
      scores = b.vector(Opcode::VMul, f32,
                        {scores, b.number(1 / attention.softcap)});
      scores = b.vector(Opcode::VTanh, f32, {scores});
      scores =
          b.vector(Opcode::VMul, f32, {scores, b.number(attention.softcap)});
    }
    FailureOr<Tile> adjusted = attention.adjust(scores, t);
    if (failed(adjusted))
      return failure();
    Tile high = b.reduce(Opcode::VRowMax, *adjusted, t, f32);
    Tile next = b.vector(Opcode::VMax, f32, {high, most}, byRow);
    // Where no key was seen so far, -inf would be subtracted from itself.
    Tile unseen =
        b.vector(Opcode::VEq, ElementType::U8, {next, b.number(-INFINITY)});
    Tile base = b.vector(Opcode::VSelect, f32, {unseen, b.number(0), next});
    Tile weights = b.vector(Opcode::VExpSub, f32, {*adjusted, base});
    Tile correction = b.vector(Opcode::VExpSub, f32, {most, base}, byRow);
    Tile total = b.reduce(Opcode::VSum, weights, t, f32);
    b.vectorInto(sum, Opcode::VFma, {sum, correction, total}, byRow);
    b.vectorInto(most, Opcode::VConvert, {next}, byRow);
    FailureOr<Tile> value = attention.value(t);
    if (failed(value))
      return failure();
    Tile v = b.convert(b.inMemory(*value), attention.type);
    Tile part =
        product(b, b.convert(weights, attention.type), v, rows, t, columns);
    b.vectorInto(result, Opcode::VFma, {result, correction, part}, all);
    return success();
  };
  LogicalResult status = body();
  b.endLoop();
  if (failed(status))
    return failure();
  Tile isEmpty =
      b.vector(Opcode::VEq, ElementType::U8, {sum, b.number(0)}, byRow);
  Tile divisor =
      b.vector(Opcode::VSelect, f32, {isEmpty, b.number(1), sum}, byRow);
  return b.vector(Opcode::VDiv, f32, {result, divisor}, all);
}

/// The one axis of an index, or none.
static std::optional<AxisId> axisOf(const Index &index) {
  if (index.terms.empty())
    return std::nullopt;
  return index.terms.front().first;
}

static FailureOr<Tile> attention(TileBuilder &b, Operation *op, unsigned,
                                 const Access &access) {
  auto attend = cast<fm::AttentionOp>(op);
  bool isOuter = attend.getOutBshd(); // [B, S, H, E]
  const Index batch = access[0], head = access[isOuter ? 2 : 1],
              query = access[isOuter ? 1 : 2], column = access[3];
  for (const Index *index : {&batch, &head})
    for (auto [axis, factor] : index->terms)
      if (fm::constantOf(b.axes[axis].tile) != 1)
        return op->emitError("attention under another movement is not covered "
                             "on the NPU; compile for cpu");
  for (const Index *index : {&query, &column})
    if (!index->terms.empty() && !b.plainAxis(*index))
      return op->emitError("attention under another movement is not covered on "
                           "the NPU; compile for cpu");
  Value q = stripWidening(attend.getQuery()),
        k = stripWidening(attend.getKey()),
        v = stripWidening(attend.getValue());
  fm::SymbolicScope &s = b.scope;
  Scalars &n = b.scalars;
  bool qOuter = attend.getQBshd(), kvOuter = attend.getKvBshd();
  SmallVector<Expr> qDims(b.dims(q)), kDims(b.dims(k));
  Expr heads = qDims[qOuter ? 2 : 1], groups = kDims[kvOuter ? 2 : 1];
  Expr queries = qDims[qOuter ? 1 : 2], keys = kDims[kvOuter ? 1 : 2];

  BlockedAttention a;
  a.queries = axisOf(query);
  a.columns = axisOf(column);
  a.keys = keys;
  a.size = kDims[3];
  a.scale = attend.getScale().convertToDouble();
  a.softcap = attend.getSoftcap().convertToDouble();
  std::string problem;
  auto type =
      productType(elementOf(q), elementOf(k), b.machine.tensor, problem);
  if (!type)
    return op->emitError() << problem;
  a.type = *type;
  auto ordered = [](bool isOuter, Index b, Index h, Index s, Index d) {
    return isOuter ? Access{b, s, h, d} : Access{b, h, s, d};
  };
  // Heads in groups read the same keys.
  Index group = b.fixed(n.div(head.offset, n.host(s.floorDiv(heads, groups))));
  a.query = [&](AxisId d) {
    return b.evaluate(q, ordered(qOuter, batch, head, query, b.along(d)));
  };
  a.key = [&](AxisId t, AxisId d) {
    return b.evaluate(k,
                      ordered(kvOuter, batch, group, b.along(t), b.along(d)));
  };
  a.value = [&](AxisId t) {
    return b.evaluate(v, ordered(kvOuter, batch, group, b.along(t), column));
  };
  Expr behind = attend.getCausalEnd() ? s.sub(keys, queries) : s.cst(0);
  a.adjust = [&](Tile scores, AxisId t) -> FailureOr<Tile> {
    if (Value mask = attend.getMask()) {
      SmallVector<Expr> wide = {s.dim(attend.getResult(), 0), heads, queries,
                                keys};
      FailureOr<Tile> added = b.evaluateBroadcast(
          mask, wide, Access{batch, head, query, b.along(t)});
      if (failed(added))
        return failure();
      scores = b.vector(Opcode::VAdd, f32, {scores, *added});
    }
    if (attend.getCausal()) {
      Scalar first = n.add(query.offset, n.host(behind));
      Tile own =
          a.queries ? b.iota(*a.queries, first) : b.inMemory(b.integer(first));
      Tile at = b.iota(t, b.axes[t].start);
      Tile hidden = b.vector(Opcode::VGt, ElementType::U8, {at, own});
      scores =
          b.vector(Opcode::VSelect, f32, {hidden, b.number(-INFINITY), scores});
    }
    return scores;
  };
  if (attend.getCausal()) {
    // Blocks behind the tile's last query are seen by nobody.
    Scalar rows = a.queries ? b.axes[*a.queries].size : n.constant(1);
    Scalar end = n.add(n.add(query.offset, n.host(behind)), rows);
    Scalar seen = n.max(n.min(end, n.host(keys)), n.constant(0));
    a.rounds =
        n.div(n.add(seen, n.constant(kKeyBlock - 1)), n.constant(kKeyBlock));
  }
  FailureOr<Tile> result = emitAttention(b, a);
  if (failed(result))
    return failure();
  return b.convert(*result, typeOf(op->getResult(0)));
}

static void attentionWish(TileBuilder &, Operation *op, TileWish &wish) {
  bool isOuter = cast<fm::AttentionOp>(op).getOutBshd();
  wish.single[0] = wish.single[isOuter ? 2 : 1] = true;
  wish.most[isOuter ? 1 : 2] = kQueries;
  wish.whole[3] = true;
  wish.least = 512;
}

static std::string checkAttention(Operation *op, const Machine &machine) {
  auto attend = cast<fm::AttentionOp>(op);
  std::string problem;
  productType(elementOf(stripWidening(attend.getQuery())),
              elementOf(stripWidening(attend.getKey())), machine.tensor,
              problem);
  return problem;
}

void narae::npu::registerAttentionOps(OpTable &t) {
  t["fm.attention"] = {attention, attentionWish, checkAttention};
}
