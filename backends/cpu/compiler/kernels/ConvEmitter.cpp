//===- ConvEmitter.cpp - Convolutions in f32 as matrix products -----------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Implicit GEMM: rows are filters, columns output pixels, k runs over
// (channel, window). A panel of B holds what the window sees of NR pixels; it
// is packed when it is needed and stays in the cache. Pixels of a panel are
// cut into segments, one an output row, whose source is a row of the input.
//
//===----------------------------------------------------------------------===//

#include "backends/cpu/compiler/kernels/ConvShape.h"
#include "backends/cpu/compiler/kernels/Emitters.h"
#include "backends/cpu/compiler/kernels/Packing.h"
#include "dialects/rt/KernelScope.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace narae;
using namespace narae::cpu;
using codegen::Indices;
using fm::Expr;

static Expr depthOf(fm::SymbolicScope &scope, const ConvShape &c) {
  return scope.mul(c.channels, scope.cst(c.window()));
}

static GemmPlan planOf(rt::KernelOp kernel, fm::SymbolicScope &scope,
                       const ConvShape &c, const MachineModel &machine) {
  GemmPlan plan =
      GemmPlan::make(machine, c.filters, depthOf(scope, c), c.window(),
                     /*packsB=*/true);
  bool rowBias = !c.bias || (isa<BlockArgument>(c.bias) && isF32(c.bias));
  plan.hasTile = kernel.yield()->getNumOperands() != 1 ||
                 kernel.yield()->getOperand(0) != c.result || !rowBias;
  return plan;
}

namespace {

/// A run of a panel's pixels in one output row.
struct Segment {
  Value n, group;          ///< image and group
  Value y, x;              ///< the first output pixel
  Value lane;              ///< its column in the panel
  Value count;             ///< pixels
  Value channel, channels; ///< of the block of k, within the group
};

class ConvBody {
public:
  ConvBody(KernelContext &k, const MachineModel &machine, const ConvShape &c)
      : k(k), v(k.b, k.loc, machine), c(c),
        plan(planOf(k.kernel, k.scope, c, machine)) {
    // Without a window and in memory, an image is one long row.
    if (c.isPointwise() && k.pointerOf(c.input)) {
      Expr plane = k.scope.mul(c.h.in, c.w.in);
      this->c.w.in = this->c.w.out = plane;
      this->c.h.in = this->c.h.out = k.scope.cst(1);
    }
  }

  Gemm gemm();
  const GemmPlan &getPlan() const { return plan; }

private:
  void packFilters(const GemmBlock &block, Value k0, Value kc, Value to);
  void packPixels(const GemmBlock &block, Value k0, Value kc, Value room);
  void packVectors(const Segment &s, Value room);
  void packScalars(const Segment &s, Value room);
  void finish(const GemmBlock &block, Value tile);
  void
  overWindow(const Segment &s,
             function_ref<void(Value kh, Value kw, Value y, Value isRow)> body);
  Value channelOffset(const Segment &s);
  /// The first filter or channel of a group.
  Value ofGroup(Value group, Expr perGroup) {
    return k.mulI(group, k.expr(perGroup));
  }
  std::pair<Value, Value> split(Value batch) {
    Value groups = k.index(c.groups);
    return {k.divI(batch, groups), k.remI(batch, groups)};
  }

  KernelContext &k;
  VectorBuilder v;
  ConvShape c;
  GemmPlan plan;
};

} // namespace

void ConvBody::packFilters(const GemmBlock &block, Value k0, Value kc,
                           Value to) {
  auto [n, group] = split(block.batch);
  Value depth = k.expr(depthOf(k.scope, c)), lda = k.index(plan.lda);
  Value first = k.addI(ofGroup(group, c.filters), block.row);
  if (Value pointer = k.pointerOf(c.filter)) {
    Value offset = k.addI(k.mulI(first, depth), k0);
    return packRows(k, v, v.at(pointer, offset), depth, block.rows, kc, to,
                    lda);
  }
  packElements(
      k,
      [&](Value r, Value col) {
        fm::Exprs inner(k.dims(c.filter).drop_front(1));
        Indices at{k.addI(first, r)};
        at.append(k.delinear(inner, k.addI(k0, col)));
        return k.element(c.filter, at);
      },
      block.rows, kc, to, lda);
}

/// Cuts the panel into segments.
void ConvBody::packPixels(const GemmBlock &block, Value k0, Value kc,
                          Value room) {
  Value one = k.index(1), window = k.index(c.window());
  Value width = k.maxI(k.expr(c.w.out), one);
  Segment s;
  std::tie(s.n, s.group) = split(block.batch);
  s.channel = k.divI(k0, window);
  s.channels = k.divI(kc, window);
  Value end = k.addI(block.col, block.cols);
  Value firstRow = k.divI(block.col, width);
  Value endRow = k.ceilDivI(end, width);
  k.forLoop(firstRow, endRow, one, [&](Value y) {
    Value start = k.mulI(y, width);
    Value from = k.maxI(block.col, start);
    Value to = k.minI(end, k.addI(start, width));
    s.y = y;
    s.x = k.subI(from, start);
    s.lane = k.subI(from, block.col);
    s.count = k.subI(to, from);
    bool isVector = v.masks && c.w.stride <= 2 && k.pointerOf(c.input);
    isVector ? packVectors(s, room) : packScalars(s, room);
  });
}

/// body for every position in the window: the input row and whether it
/// exists.
void ConvBody::overWindow(const Segment &s,
                          function_ref<void(Value, Value, Value, Value)> body) {
  Value zero = k.index(0), one = k.index(1);
  Value top = k.subI(k.mulI(s.y, k.index(c.h.stride)), k.expr(c.h.pad));
  k.forLoop(zero, k.index(c.h.kernel), one, [&](Value kh) {
    Value y = k.addI(top, k.mulI(kh, k.index(c.h.dilation)));
    // One unsigned comparison: negative rows are very large.
    Value isRow = k.b.create<arith::CmpIOp>(k.loc, arith::CmpIPredicate::ult, y,
                                            k.expr(c.h.in));
    k.forLoop(zero, k.index(c.w.kernel), one,
              [&](Value kw) { body(kh, kw, y, isRow); });
  });
}

Value ConvBody::channelOffset(const Segment &s) {
  Value channel = k.addI(ofGroup(s.group, c.channels), s.channel);
  Value image = k.mulI(s.n, k.mulI(k.expr(c.channels), k.index(c.groups)));
  return k.mulI(k.addI(image, channel), k.expr(k.scope.mul(c.h.in, c.w.in)));
}

/// Masked vectors: lanes outside of the input are not read. Masks depend on
/// the position in the window only; channels are the inner loop.
void ConvBody::packVectors(const Segment &s, Value room) {
  Value zero = k.index(0), one = k.index(1), lanes = k.index(v.lanes);
  Value stride = k.index(c.w.stride), nr = k.index(plan.tile.nr);
  Value plane = k.expr(k.scope.mul(c.h.in, c.w.in));
  Value window = k.index(c.window());
  Value source = v.at(k.pointerOf(c.input), channelOffset(s));
  SmallVector<int64_t> even;
  for (unsigned i = 0; i < v.lanes; ++i)
    even.push_back(2 * i);
  k.forLoop(zero, s.count, lanes, [&](Value i) {
    Value count = k.minI(k.subI(s.count, i), lanes);
    Value left = k.subI(k.mulI(k.addI(s.x, i), stride), k.expr(c.w.pad));
    Value storeMask = v.maskBelow(count);
    overWindow(s, [&](Value kh, Value kw, Value y, Value isRow) {
      Value x = k.addI(left, k.mulI(kw, k.index(c.w.dilation)));
      // Floats [x, x + reach) are wanted, those in [0, width) are there.
      Value reach = k.addI(k.mulI(k.subI(count, one), stride), one);
      Value end = k.minI(k.subI(k.expr(c.w.in), x), reach);
      end = k.selectV(isRow, end, zero);
      Value begin = k.subI(zero, x);
      Value mask = v.maskBetween(begin, end), mask2;
      if (c.w.stride == 2)
        mask2 = v.maskBetween(k.subI(begin, lanes), k.subI(end, lanes));
      Value from = v.at(source, k.addI(k.mulI(y, k.expr(c.w.in)), x));
      Value row = k.addI(k.mulI(kh, k.index(c.w.kernel)), kw);
      Value to = v.at(room, k.addI(k.mulI(row, nr), k.addI(s.lane, i)));
      k.forLoop(zero, s.channels, one, [&](Value channel) {
        Value here = v.at(from, k.mulI(channel, plane));
        Value pixels = v.load(here, mask);
        if (c.w.stride == 2)
          pixels = v.shuffle(pixels, v.load(v.at(here, v.lanes), mask2), even);
        Value rows = k.mulI(k.mulI(channel, window), nr);
        v.store(pixels, v.at(to, rows), storeMask);
      });
    });
  });
}

/// Zeros, inputs, zeros.
void ConvBody::packScalars(const Segment &s, Value room) {
  Value zero = k.index(0), one = k.index(1), nr = k.index(plan.tile.nr);
  Value stride = k.index(c.w.stride), window = k.index(c.window());
  Value left = k.subI(k.mulI(s.x, stride), k.expr(c.w.pad));
  Value channelBase = k.addI(ofGroup(s.group, c.channels), s.channel);
  Type f32 = k.b.getF32Type();
  Value nothing = k.zero(f32);
  overWindow(s, [&](Value kh, Value kw, Value y, Value isRow) {
    Value x = k.addI(left, k.mulI(kw, k.index(c.w.dilation)));
    auto firstAt = [&](Value bound) {
      // The first pixel whose input is at `bound` or behind it.
      Value lacking = k.maxI(k.subI(bound, x), zero);
      return k.minI(k.ceilDivI(lacking, stride), s.count);
    };
    Value begin = k.selectV(isRow, firstAt(zero), s.count);
    Value end = k.selectV(isRow, firstAt(k.expr(c.w.in)), s.count);
    Value row = k.addI(k.mulI(kh, k.index(c.w.kernel)), kw);
    k.forLoop(zero, s.channels, one, [&](Value channel) {
      Value at = k.addI(k.mulI(k.mulI(channel, window), nr),
                        k.addI(k.mulI(row, nr), s.lane));
      auto zeros = [&](Value i) { k.store(nothing, room, f32, k.addI(at, i)); };
      k.forLoop(zero, begin, one, zeros);
      k.forLoop(begin, end, one, [&](Value i) {
        Value pixel = k.addI(x, k.mulI(i, stride));
        Indices from =
            c.inputAt(k, s.n, k.addI(channelBase, channel), y, pixel);
        Value element;
        if (Value pointer = k.pointerOf(c.input)) {
          // By hand, since the image may be taken for one long row.
          Value offset = k.addI(
              k.addI(channelOffset(s),
                     k.mulI(channel, k.expr(k.scope.mul(c.h.in, c.w.in)))),
              k.addI(k.mulI(y, k.expr(c.w.in)), pixel));
          element = k.load(pointer, f32, offset);
        } else {
          element = k.element(c.input, from);
        }
        if (element)
          k.store(element, room, f32, k.addI(at, i));
      });
      k.forLoop(end, s.count, one, zeros);
    });
  });
}

void ConvBody::finish(const GemmBlock &block, Value tile) {
  auto [n, group] = split(block.batch);
  bool isFlat = isSpatiallyFlat(k.kernel, k.scope, c.result);
  fm::Exprs spatial(k.dims(c.result).drop_front(2));
  TileStore store;
  store.anchor = c.result;
  store.row = [&, n = n, group = group](Value row) {
    return Indices{n, k.addI(ofGroup(group, c.filters), row)};
  };
  store.at = [&](Indices at, Value col) {
    at.append(isFlat ? k.flatIndices(spatial, col) : k.delinear(spatial, col));
    return at;
  };
  if (c.bias && !k.pointerOf(c.bias))
    store.change = [&](Value element, ValueRange at) -> Value {
      Value bias = k.element(c.bias, {at[1]});
      return bias ? k.b.create<arith::AddFOp>(k.loc, element, bias) : element;
    };
  storeTile(k, plan, block, tile, store);
}

Gemm ConvBody::gemm() {
  Gemm g;
  g.batches = k.mulI(k.expr(c.batch), k.index(c.groups));
  g.rows = k.expr(c.filters);
  g.cols = k.expr(k.scope.mul(c.h.out, c.w.out));
  g.depth = k.expr(depthOf(k.scope, c));
  g.packA = [this](const GemmBlock &block, Value k0, Value kc, Value to) {
    packFilters(block, k0, kc, to);
  };
  g.panelB = [this](const GemmBlock &block, Value k0, Value kc, Value room) {
    packPixels(block, k0, kc, room);
    return room;
  };
  if (c.bias && k.pointerOf(c.bias)) {
    g.start = Start::RowBias;
    g.bias = [this](const GemmBlock &block) {
      Value group = split(block.batch).second;
      return v.at(k.pointerOf(c.bias),
                  k.addI(ofGroup(group, c.filters), block.row));
    };
  }
  if (plan.hasTile) {
    g.finish = [this](const GemmBlock &block, Value tile) {
      finish(block, tile);
    };
    return g;
  }
  g.ldc = g.cols;
  g.output = [this](const GemmBlock &block) {
    // Batches are (image, group): rows of all of them follow each other.
    Value row = k.addI(k.mulI(block.batch, k.expr(c.filters)), block.row);
    Value pixels = k.expr(k.scope.mul(c.h.out, c.w.out));
    return v.at(k.args.outputs[0], k.addI(k.mulI(row, pixels), block.col));
  };
  return g;
}

namespace {

class ConvEmitter final : public codegen::KernelEmitter {
public:
  StringRef name() const override { return "conv"; }
  bool writesElementsOnce() const override { return true; }

  bool matches(rt::KernelOp kernel, const MachineModel &machine) override {
    fm::SymbolicScope scope = rt::scopeOf(kernel);
    auto c = ConvShape::of(scope, codegen::anchorOf(kernel));
    return c && yieldsFollow(kernel, scope, c->result);
  }

  DictionaryAttr configure(rt::KernelOp kernel, const MachineModel &machine,
                           Expr &scratch) override {
    fm::SymbolicScope scope = rt::scopeOf(kernel);
    ConvShape c = *ConvShape::of(scope, codegen::anchorOf(kernel));
    GemmPlan plan = planOf(kernel, scope, c, machine);
    scratch = plan.scratch(scope, depthOf(scope, c));
    Builder b(kernel.getContext());
    return b.getDictionaryAttr(
        {b.getNamedAttr("mc", b.getI64IntegerAttr(plan.mc)),
         b.getNamedAttr("kc", b.getI64IntegerAttr(plan.kc))});
  }

  LogicalResult emit(KernelContext &k, const MachineModel &machine) override {
    ConvShape c = *ConvShape::of(k.scope, codegen::anchorOf(k.kernel));
    ConvBody body(k, machine, c);
    emitGemm(k, machine, body.getPlan(), body.gemm());
    return success();
  }
};

} // namespace

std::unique_ptr<codegen::KernelEmitter> cpu::createConvEmitter() {
  return std::make_unique<ConvEmitter>();
}
