//===- Window.cpp - Convolution and pooling -------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The part of the input that a tile's windows see is laid out in the scratchpad
// with its padding, so that neither the tensor engine nor the vector engine has
// to know of borders.
//
//===----------------------------------------------------------------------===//

#include "backends/npu/compiler/ops/Matmul.h"

#include <cmath>

using namespace mlir;
using namespace narae;
using namespace narae::npu;

static constexpr ElementType f32 = ElementType::F32;
/// Channels of the input that are convolved at once.
static constexpr int64_t kChannels = 64;
/// Columns of a tile.
static constexpr int64_t kColumns = 32;
/// Taps of a pooling window, each a step.
static constexpr int64_t kTaps = 256;

namespace {
/// One spatial dimension of a window op.
struct Spatial {
  Index out;                  ///< of the result's tile
  std::optional<AxisId> axis; ///< of the result's tile
  AxisId window;              ///< what the tile's windows see
  Index seen;                 ///< its index in the input; outside is padding
  Expr in, padBegin, padEnd;
  int64_t taps, stride, dilation;
};
} // namespace

/// What the windows of a tile see along one dimension.
static FailureOr<Spatial> spatial(TileBuilder &b, Operation *op, Expr in,
                                  Expr out, const Index &index, int64_t taps,
                                  size_t i, size_t rank) {
  auto list = [&](StringRef name) {
    return op->getAttrOfType<DenseI64ArrayAttr>(name).asArrayRef();
  };
  auto autoPad = op->getAttrOfType<StringAttr>("auto_pad");
  StringRef padding = autoPad ? autoPad.getValue() : "explicit";
  Spatial s;
  s.out = index;
  s.in = in;
  s.taps = taps;
  s.stride = list("strides")[i];
  s.dilation = list("dilations")[i];
  fm::SymbolicScope &e = b.scope;
  int64_t extent = (taps - 1) * s.dilation + 1;
  s.padBegin = s.padEnd = e.cst(0);
  if (padding == "explicit") {
    s.padBegin = e.cst(list("pads")[i]);
    s.padEnd = e.cst(list("pads")[i + rank]);
  } else if (padding != "valid") {
    Expr needed =
        e.add(e.mul(e.sub(out, e.cst(1)), e.cst(s.stride)), e.cst(extent));
    Expr total = e.max(e.sub(needed, in), e.cst(0));
    Expr half = e.floorDiv(total, e.cst(2));
    s.padBegin = padding == "same_upper" ? half : e.sub(total, half);
    s.padEnd = e.sub(total, s.padBegin);
  }
  Axis window;
  Scalars &n = b.scalars;
  Scalar count = n.constant(1);
  Expr tile = e.cst(1);
  int64_t most = 1;
  if (!index.terms.empty()) {
    s.axis = b.plainAxis(index);
    if (!s.axis)
      return op->emitError() << op->getName()
                             << " under another movement is not covered on the "
                                "NPU; compile for cpu";
    count = b.axes[*s.axis].size;
    tile = b.axes[*s.axis].tile;
    most = b.axes[*s.axis].most;
  }
  window.start =
      n.sub(n.mul(index.offset, n.constant(s.stride)), n.host(s.padBegin));
  window.size = n.add(n.mul(n.sub(count, n.constant(1)), n.constant(s.stride)),
                      n.constant(extent));
  window.tile =
      e.add(e.mul(e.sub(tile, e.cst(1)), e.cst(s.stride)), e.cst(extent));
  window.extent = window.tile;
  window.most = (most - 1) * s.stride + extent;
  window.group = unsigned(600 + b.axes.size());
  s.window = b.addAxis(window);
  s.seen = {window.start, {{s.window, e.cst(1)}}};
  return s;
}

/// The input (null: ones) at what windows see, `padding` outside. `first` are
/// the indices of the dimensions before the spatial ones.
static FailureOr<Tile> seenTile(TileBuilder &b, Value input,
                                ArrayRef<Index> first,
                                ArrayRef<Spatial> spatials, ElementType type,
                                double padding, bool paddingIsSeen = false) {
  Access inner(first.begin(), first.end()), all(first.begin(), first.end());
  TileAxes windows;
  for (const Spatial &s : spatials) {
    all.push_back(s.seen);
    windows.push_back(s.window);
  }
  Tile tile = b.newTile(type, input ? b.axesOf(all) : windows);
  b.vectorInto(tile, Opcode::VConvert, {b.number(padding)}, b.axesOf(tile));
  Tile target = tile;
  for (const Spatial &s : spatials) {
    Expr begin = b.scope.cst(0), end = s.in;
    if (paddingIsSeen) {
      begin = b.scope.sub(begin, s.padBegin);
      end = b.scope.add(end, s.padEnd);
    }
    auto part = b.part(s.seen, begin, end);
    inner.push_back({part->first, {{part->axis, b.scope.cst(1)}}});
    target = b.throughPart(target, *part);
  }
  Tile own = b.number(1);
  if (input) {
    FailureOr<Tile> elements = b.evaluate(input, inner);
    if (failed(elements))
      return failure();
    own = *elements;
  }
  b.vectorInto(target, Opcode::VConvert, {own}, b.axesOf(target));
  return tile;
}

//===----------------------------------------------------------------------===//
// Convolution
//===----------------------------------------------------------------------===//

static FailureOr<Tile> conv(TileBuilder &b, Operation *op, unsigned,
                            const Access &access) {
  auto conv = cast<fm::ConvOp>(op);
  Value input = conv.getInput(), filter = stripWidening(conv.getFilter());
  size_t rank = access.size() - 2;
  SmallVector<Expr> in(b.dims(input)), taps(b.dims(filter)),
      out(b.dims(op->getResult(0)));
  std::string problem;
  auto type = productType(elementOf(stripWidening(input)), elementOf(filter),
                          b.machine.tensor, problem);
  if (!type || *type == ElementType::I8)
    return op->emitError() << (type ? "convolutions of integers are not covered"
                                    : problem);
  Index channel = access[1];
  std::optional<AxisId> o;
  if (!channel.terms.empty())
    o = channel.terms.front().first;
  SmallVector<Spatial> spatials;
  for (size_t i = 0; i < rank; ++i) {
    auto s = spatial(b, op, in[2 + i], out[2 + i], access[2 + i],
                     *fm::constantOf(taps[2 + i]), i, rank);
    if (failed(s))
      return failure();
    spatials.push_back(*s);
  }
  TileAxes sides = o ? TileAxes{*o} : TileAxes{};
  for (const Spatial &s : spatials)
    if (s.axis)
      sides.push_back(*s.axis);
  llvm::sort(sides);
  Tile sums = b.newTile(f32, sides, Space::Accumulator);

  int64_t channels = *fm::constantOf(taps[1]);
  Axis chunk;
  chunk.extent = taps[1];
  chunk.most = std::min(channels, kChannels);
  chunk.tile = b.scope.cst(chunk.most);
  chunk.group = 590;
  chunk.start = b.scalars.constant(0);
  chunk.size = b.scalars.constant(channels);
  std::optional<Scalar> round;
  if (channels > kChannels) {
    unsigned loop = b.beginLoop(
        b.scalars.constant((channels + kChannels - 1) / kChannels), false);
    round = b.scalars.pinned(loop, LoopValue::Index);
    chunk.start = b.scalars.mul(*round, b.scalars.constant(kChannels));
    chunk.size =
        b.scalars.min(b.scalars.constant(kChannels),
                      b.scalars.sub(b.scalars.constant(channels), chunk.start));
  }
  AxisId c = b.addAxis(chunk);
  auto body = [&]() -> LogicalResult {
    // Output channels of a group see its input channels only.
    Index from = b.along(c);
    if (conv.getGroups() > 1) {
      Expr each = b.scope.floorDiv(taps[0], b.scope.cst(conv.getGroups()));
      Scalar group = b.scalars.div(channel.offset, b.scalars.host(each));
      from.offset = b.scalars.add(
          from.offset, b.scalars.mul(group, b.scalars.host(taps[1])));
    }
    FailureOr<Tile> x =
        seenTile(b, input, {access[0], from}, spatials, *type, 0);
    Access weights = {channel, b.along(c)};
    SmallVector<std::optional<AxisId>> places;
    for (size_t i = 0; i < rank; ++i) {
      AxisId tap = b.addWholeAxis(taps[2 + i]);
      b.axes[tap].group = unsigned(600 + tap);
      weights.push_back(b.along(tap));
      places.push_back(tap);
    }
    FailureOr<Tile> w = b.evaluate(filter, weights);
    if (failed(x) || failed(w))
      return failure();
    Tile y = b.convert(b.inMemory(*w), *type);
    SmallVector<std::optional<AxisId>> rows, columns = places, image;
    for (const Spatial &s : spatials) {
      rows.push_back(s.axis);
      image.push_back(s.window);
    }
    if (rank == 1) {
      rows.insert(rows.begin(), std::nullopt);
      columns.insert(columns.begin(), std::nullopt);
      image.insert(image.begin(), std::nullopt);
    }
    rows.push_back(o);
    image.push_back(c);
    columns.push_back(c);
    columns.push_back(o);
    Window acc = b.shaped(sums, rows), a = b.shaped(*x, image),
           f = b.shaped(y, columns);
    const Spatial last = spatials.back(), lead = spatials.front();
    auto emit = [=](StreamWriter &out) {
      SmallVector<StreamWriter::Argument, 12> arguments = {
          out.operand(OperandName::Acc, acc),
          out.operand(OperandName::A, a),
          out.operand(OperandName::B, f),
          {OperandName::Dataflow, int64_t(Dataflow::Output)},
          {OperandName::StrideY, rank == 1 ? 1 : lead.stride},
          {OperandName::StrideX, last.stride},
          {OperandName::DilationY, rank == 1 ? 1 : lead.dilation},
          {OperandName::DilationX, last.dilation}};
      auto add = [&](bool accumulate) {
        arguments.push_back({OperandName::Accumulate, accumulate});
        out.emit(Opcode::Conv, arguments);
        arguments.pop_back();
      };
      if (!round)
        return add(false);
      uint8_t reg = out.reg(*round);
      out.beginIf(Condition::Eq, reg, 0);
      add(false);
      out.end();
      out.beginIf(Condition::Ne, reg, 0);
      add(true);
      out.end();
    };
    b.schedule.step(
        Lane::Tensor,
        {{sums.buffer, true}, {x->buffer, false}, {y.buffer, false}}, emit);
    return success();
  };
  LogicalResult status = body();
  if (round)
    b.endLoop();
  if (failed(status))
    return failure();
  Tile result = b.newTile(typeOf(op->getResult(0)), sides);
  SmallVector<BufferUse, 4> uses = {{result.buffer, true},
                                    {sums.buffer, false}};
  SmallVector<std::optional<AxisId>> order(sides.begin(), sides.end());
  std::optional<Window> bias;
  if (conv.getBias()) {
    FailureOr<Tile> tile = b.evaluate(conv.getBias(), Access{channel});
    if (failed(tile))
      return failure();
    Tile own = b.inMemory(*tile);
    bias = b.shaped(own, order);
    uses.push_back({own.buffer, false});
  }
  Window to = b.shaped(result, order), acc = b.shaped(sums, order);
  b.schedule.step(Lane::Tensor, uses, [=](StreamWriter &out) {
    SmallVector<StreamWriter::Argument, 6> arguments = {
        out.operand(OperandName::Dst, to),
        out.operand(OperandName::Acc, acc),
        {OperandName::Activation, int64_t(Activation::None)},
        {OperandName::Combine, int64_t(Combine::None)}};
    if (bias)
      arguments.push_back(out.operand(OperandName::Bias, *bias));
    out.emit(Opcode::Drain, arguments);
  });
  return result;
}

/// Tiles of `columns` by rows; fewer where less memory is asked for.
static void spatialWish(TileBuilder &b, TileWish &wish, int64_t channels) {
  size_t rank = wish.most.size();
  int64_t columns = std::max<int64_t>(1, std::min(kColumns, b.budget / 256));
  wish.most[rank - 1] = columns;
  for (size_t i = 2; i + 1 < rank; ++i) {
    int64_t rows = b.machine.tensor.accumulatorBytes / 8 / channels / columns;
    wish.most[i] =
        std::clamp<int64_t>(b.budget / 8192, 1, std::max<int64_t>(1, rows));
  }
  wish.single[0] = true;
  wish.least = 8 * b.machine.tensor.columns;
}

static void convWish(TileBuilder &b, Operation *op, TileWish &wish) {
  int64_t columns = b.machine.tensor.columns;
  spatialWish(b, wish, columns);
  wish.most[1] = columns;
  if (cast<fm::ConvOp>(op).getGroups() > 1)
    wish.single[1] = true;
}

static std::string checkConv(Operation *op, const Machine &machine) {
  auto conv = cast<fm::ConvOp>(op);
  auto filter = cast<RankedTensorType>(conv.getFilter().getType());
  if (filter.getRank() > 4)
    return "convolutions over more than two dimensions are not covered; "
           "compile for cpu";
  if (ShapedType::isDynamicShape(filter.getShape().drop_front()))
    return "a filter needs static channels and sizes; fix them with --dim";
  std::string problem;
  auto type = productType(elementOf(stripWidening(conv.getInput())),
                          elementOf(stripWidening(conv.getFilter())),
                          machine.tensor, problem);
  return type == ElementType::I8
             ? "convolutions of integers are not covered; cast to f32"
             : problem;
}

//===----------------------------------------------------------------------===//
// Pooling
//===----------------------------------------------------------------------===//

/// Combines all taps of the windows on a tile that they see.
static Tile overTaps(TileBuilder &b, Opcode opcode, const Tile &seen,
                     ArrayRef<Spatial> spatials, const TileAxes &list) {
  Tile result = b.newTile(f32, list);
  SmallVector<int64_t> tap(spatials.size(), 0);
  bool isFirst = true;
  while (true) {
    Tile view = seen;
    for (auto [s, i] : llvm::zip(spatials, tap)) {
      Index at = {b.scalars.constant(i * s.dilation), {}};
      if (s.axis)
        at.terms.push_back({*s.axis, b.scope.cst(s.stride)});
      view = b.at(view, s.window, at);
    }
    if (isFirst)
      b.vectorInto(result, Opcode::VConvert, {view}, list);
    else
      b.vectorInto(result, opcode, {result, view}, list);
    isFirst = false;
    size_t i = tap.size();
    while (i > 0 && ++tap[i - 1] == spatials[i - 1].taps)
      tap[--i] = 0;
    if (i == 0)
      return result;
  }
}

static FailureOr<Tile> pool(TileBuilder &b, Operation *op, unsigned,
                            const Access &access) {
  auto pool = cast<fm::PoolOp>(op);
  Value input = pool.getInput();
  size_t rank = access.size() - 2;
  SmallVector<Expr> in(b.dims(input)), out(b.dims(op->getResult(0)));
  SmallVector<Spatial> spatials;
  for (size_t i = 0; i < rank; ++i) {
    auto s = spatial(b, op, in[2 + i], out[2 + i], access[2 + i],
                     pool.getKernel()[i], i, rank);
    if (failed(s))
      return failure();
    spatials.push_back(*s);
  }
  bool isMax = pool.getKind() == "max";
  FailureOr<Tile> seen = seenTile(b, input, {access[0], access[1]}, spatials,
                                  f32, isMax ? -INFINITY : 0);
  if (failed(seen))
    return failure();
  TileAxes list = b.axesOf(access);
  ElementType type = typeOf(op->getResult(0));
  if (isMax)
    return b.convert(overTaps(b, Opcode::VMax, *seen, spatials, list), type);
  if (pool.getKind() == "lp") {
    Tile squares = b.vector(Opcode::VMul, f32, {*seen, *seen});
    Tile sum = overTaps(b, Opcode::VAdd, squares, spatials, list);
    return b.vector(Opcode::VSqrt, type, {sum});
  }
  Tile sum = overTaps(b, Opcode::VAdd, *seen, spatials, list);
  FailureOr<Tile> ones =
      seenTile(b, Value(), {}, spatials, f32, 0, pool.getCountIncludePad());
  TileAxes outer;
  for (const Spatial &s : spatials)
    if (s.axis)
      outer.push_back(*s.axis);
  llvm::sort(outer);
  Tile count = overTaps(b, Opcode::VAdd, *ones, spatials, outer);
  return b.vector(Opcode::VDiv, type, {sum, count});
}

static void poolWish(TileBuilder &b, Operation *, TileWish &wish) {
  spatialWish(b, wish, 8);
  wish.most[1] = 8;
  wish.least = 0;
}

static std::string checkPool(Operation *op, const Machine &) {
  auto pool = cast<fm::PoolOp>(op);
  if (pool.getKernel().size() > 3)
    return "pooling over more than three dimensions is not covered; compile "
           "for cpu";
  int64_t taps = 1;
  for (int64_t n : pool.getKernel())
    taps *= n;
  if (taps > kTaps)
    return "windows of more than " + std::to_string(kTaps) +
           " elements are not covered; reduce instead";
  if (pool.getKind() == "lp" && pool.getP() != 2)
    return "lp pooling is covered for p = 2 only";
  if (!isFloat(pool.getInput()))
    return "pooling of integers is not covered; cast to f32";
  return "";
}

void narae::npu::registerWindowOps(OpTable &t) {
  t["fm.conv"] = {conv, convWish, checkConv};
  t["fm.pool"] = {pool, poolWish, checkPool};
}
