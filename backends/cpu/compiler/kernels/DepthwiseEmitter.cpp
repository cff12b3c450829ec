//===- DepthwiseEmitter.cpp - Convolutions of single channels in f32 ------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A band of output rows of one channel at a time. The input rows it needs are
// copied with their padding into scratch memory, columns sorted by their
// remainder modulo the stride: then every position of the window is a vector
// of neighbours. Several output rows are computed together, so that an input
// vector is loaded once for all of them.
//
//===----------------------------------------------------------------------===//

#include "backends/cpu/compiler/kernels/ConvShape.h"
#include "backends/cpu/compiler/kernels/Emitters.h"
#include "dialects/rt/KernelScope.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace narae;
using namespace narae::cpu;
using codegen::Indices;
using fm::Expr;

/// Output rows of a band, and of a step within it.
static constexpr int64_t kBand = 32, kStep = 4;

namespace {

/// Where things lie in scratch memory, in floats.
struct DepthwisePlan {
  int64_t inputRows; ///< of a band
  Expr phase;        ///< columns of one remainder
  Expr outWidth;     ///< output row, whole vectors
  int64_t stride;

  DepthwisePlan(fm::SymbolicScope &s, const ConvShape &c)
      : inputRows((kBand - 1) * c.h.stride + (c.h.kernel - 1) * c.h.dilation +
                  1),
        stride(c.w.stride) {
    Expr vectors = s.ceilDiv(c.w.out, s.cst(16));
    outWidth = s.mul(vectors, s.cst(16));
    int64_t extra = (c.w.kernel - 1) * c.w.dilation / stride + 1;
    phase = s.add(outWidth, s.cst(llvm::alignTo(extra, 16)));
  }
  Expr rowFloats(fm::SymbolicScope &s) const {
    return s.mul(phase, s.cst(stride));
  }
  Expr planeFloats(fm::SymbolicScope &s) const {
    return s.add(s.mul(rowFloats(s), s.cst(inputRows)), s.cst(64));
  }
  Expr scratch(fm::SymbolicScope &s) const {
    Expr rows = s.mul(outWidth, s.cst(kStep));
    return s.mul(s.add(planeFloats(s), rows), s.cst(4));
  }
};

class DepthwiseBody {
public:
  DepthwiseBody(KernelContext &k, const MachineModel &machine,
                const ConvShape &c)
      : k(k), v(k.b, k.loc, machine), c(c), plan(k.scope, c),
        phase(k.expr(plan.phase)), rowFloats(k.expr(plan.rowFloats(k.scope))),
        outWidth(k.expr(plan.outWidth)), plane(k.scratchAt(k.index(0))),
        out(k.scratchAt(
            k.expr(k.scope.mul(plan.planeFloats(k.scope), k.scope.cst(4))))) {}
  void emit();

private:
  void copyRow(Value n, Value channel, Value y, Value row);
  void copyPhase(Value n, Value channel, Value y, int64_t p, Value to);
  void emitBand(Value n, Value o, Value y0, Value rows);
  void computeRows(Value n, Value o, Value y0, Value local, int64_t count);
  void finishRows(Value n, Value o, Value y, int64_t count);
  Value weight(Value o, Value position);

  KernelContext &k;
  VectorBuilder v;
  const ConvShape &c;
  DepthwisePlan plan;
  Value phase, rowFloats, outWidth, plane, out;
};

} // namespace

void DepthwiseBody::emit() {
  Value one = k.index(1), band = k.index(kBand);
  Value height = k.expr(c.h.out);
  Value filters = k.mulI(k.expr(c.filters), k.index(c.groups));
  Value bands = k.ceilDivI(height, band), someBands = k.maxI(bands, one);
  Value total = k.mulI(k.mulI(k.expr(c.batch), filters), bands);
  // Nothing is computed for a width of 0, but parts are still dealt out.
  auto [begin, end] = k.share(total);
  k.forLoop(begin, end, one, [&](Value item) {
    Value y0 = k.mulI(k.remI(item, someBands), band);
    Value plane = k.divI(item, someBands);
    Value n = k.divI(plane, k.maxI(filters, one));
    Value o = k.remI(plane, k.maxI(filters, one));
    emitBand(n, o, y0, k.minI(k.subI(height, y0), band));
  });
}

/// Columns p, p + stride, ... of an input row with its padding.
void DepthwiseBody::copyPhase(Value n, Value channel, Value y, int64_t p,
                              Value to) {
  Value zero = k.index(0), stride = k.index(c.w.stride);
  Value x = k.subI(k.index(p), k.expr(c.w.pad)), width = k.expr(c.w.in);
  auto firstAt = [&](Value bound) {
    Value lacking = k.maxI(k.subI(bound, x), zero);
    return k.minI(k.ceilDivI(lacking, stride), phase);
  };
  Value begin = firstAt(zero), end = firstAt(width);
  Value target = v.at(plane, to);
  fillFloats(k, v, target, begin, 0);
  Value pointer = k.pointerOf(c.input);
  if (pointer && c.w.stride == 1) {
    Value first = k.linear(k.dims(c.input),
                           c.inputAt(k, n, channel, y, k.addI(x, begin)));
    copyFloats(k, v, v.at(pointer, first), v.at(target, begin),
               k.subI(end, begin));
  } else {
    k.forLoop(begin, end, k.index(1), [&](Value i) {
      Indices at = c.inputAt(k, n, channel, y, k.addI(x, k.mulI(i, stride)));
      if (Value element = k.element(c.input, at))
        k.store(element, plane, k.b.getF32Type(), k.addI(to, i));
    });
  }
  fillFloats(k, v, v.at(target, end), k.subI(phase, end), 0);
}

void DepthwiseBody::copyRow(Value n, Value channel, Value y, Value row) {
  Value isRow = k.b.create<arith::CmpIOp>(k.loc, arith::CmpIPredicate::ult, y,
                                          k.expr(c.h.in));
  Value start = k.mulI(row, rowFloats);
  k.ifElse(
      isRow, {},
      [&] {
        for (int64_t p = 0; p < c.w.stride; ++p)
          copyPhase(n, channel, y, p, k.addI(start, k.mulI(k.index(p), phase)));
        return SmallVector<Value>();
      },
      [&] {
        fillFloats(k, v, v.at(plane, start), rowFloats, 0);
        return SmallVector<Value>();
      });
}

void DepthwiseBody::emitBand(Value n, Value o, Value y0, Value rows) {
  Value one = k.index(1), step = k.index(kStep);
  Value channel = k.divI(o, k.maxI(k.expr(c.filters), one));
  Value top = k.subI(k.mulI(y0, k.index(c.h.stride)), k.expr(c.h.pad));
  Value inputRows = k.addI(k.mulI(k.subI(rows, one), k.index(c.h.stride)),
                           k.index((c.h.kernel - 1) * c.h.dilation + 1));
  k.forLoop(k.index(0), inputRows, one,
            [&](Value row) { copyRow(n, channel, k.addI(top, row), row); });
  Value whole = k.mulI(k.divI(rows, step), step);
  k.forLoop(k.index(0), whole, step,
            [&](Value local) { computeRows(n, o, y0, local, kStep); });
  k.forLoop(whole, rows, one,
            [&](Value local) { computeRows(n, o, y0, local, 1); });
}

Value DepthwiseBody::weight(Value o, Value position) {
  if (Value pointer = k.pointerOf(c.filter))
    return v.loadScalar(
        v.at(pointer, k.addI(k.mulI(o, k.index(c.window())), position)));
  fm::Exprs inner(k.dims(c.filter).drop_front(1));
  Indices at{o};
  at.append(k.delinear(inner, position));
  return k.element(c.filter, at);
}

/// `count` output rows from `local` on, in vectors of pixels.
void DepthwiseBody::computeRows(Value n, Value o, Value y0, Value local,
                                int64_t count) {
  SmallVector<Value> weights;
  for (int64_t i = 0; i < c.window(); ++i)
    weights.push_back(v.broadcast(weight(o, k.index(i))));
  Value start = c.bias ? v.broadcast(k.element(c.bias, {o})) : v.zero();
  Value firstRow = k.mulI(k.mulI(local, k.index(c.h.stride)), rowFloats);
  int64_t reach =
      (count - 1) * c.h.stride + (c.h.kernel - 1) * c.h.dilation + 1;
  k.forLoop(k.index(0), k.expr(c.w.out), k.index(v.lanes), [&](Value x) {
    SmallVector<Value> acc(count, start);
    for (int64_t row = 0; row < reach; ++row)
      for (int64_t kw = 0; kw < c.w.kernel; ++kw) {
        Value pixels;
        for (int64_t i = 0; i < count; ++i) {
          int64_t down = row - i * c.h.stride;
          if (down < 0 || down % c.h.dilation ||
              down / c.h.dilation >= c.h.kernel)
            continue;
          if (!pixels) {
            int64_t shift = kw * c.w.dilation;
            Value at = k.addI(firstRow, k.mulI(k.index(row), rowFloats));
            at = k.addI(at, k.mulI(k.index(shift % c.w.stride), phase));
            at = k.addI(at, k.addI(x, k.index(shift / c.w.stride)));
            pixels = v.load(v.at(plane, at));
          }
          int64_t kh = down / c.h.dilation;
          acc[i] = v.fma(pixels, weights[kh * c.w.kernel + kw], acc[i]);
        }
      }
    for (int64_t i = 0; i < count; ++i)
      v.store(acc[i], v.at(out, k.addI(k.mulI(k.index(i), outWidth), x)));
  });
  finishRows(n, o, k.addI(y0, local), count);
}

void DepthwiseBody::finishRows(Value n, Value o, Value y, int64_t count) {
  Value zero = k.index(0), one = k.index(1);
  k.forLoop(zero, k.index(count), one, [&](Value i) {
    Value start = k.mulI(i, outWidth);
    k.forLoop(zero, k.expr(c.w.out), one, [&](Value x) {
      k.define(c.result, [&](ValueRange) {
        return k.load(out, k.b.getF32Type(), k.addI(start, x));
      });
      storeYields(k, c.resultAt(k, n, o, k.addI(y, i), x));
      k.undefine(c.result);
    });
  });
}

namespace {

class DepthwiseEmitter final : public codegen::KernelEmitter {
public:
  StringRef name() const override { return "depthwise"; }

  bool matches(rt::KernelOp kernel, const MachineModel &machine) override {
    fm::SymbolicScope scope = rt::scopeOf(kernel);
    auto c = ConvShape::of(scope, codegen::anchorOf(kernel));
    // Windows are unrolled.
    return c && c->isDepthwise() && c->window() <= 64 &&
           yieldsFollow(kernel, scope, c->result);
  }

  DictionaryAttr configure(rt::KernelOp kernel, const MachineModel &machine,
                           Expr &scratch) override {
    fm::SymbolicScope scope = rt::scopeOf(kernel);
    ConvShape c = *ConvShape::of(scope, codegen::anchorOf(kernel));
    scratch = DepthwisePlan(scope, c).scratch(scope);
    return DictionaryAttr::get(kernel.getContext());
  }

  LogicalResult emit(KernelContext &k, const MachineModel &machine) override {
    ConvShape c = *ConvShape::of(k.scope, codegen::anchorOf(k.kernel));
    DepthwiseBody(k, machine, c).emit();
    return success();
  }
};

} // namespace

std::unique_ptr<codegen::KernelEmitter> cpu::createDepthwiseEmitter() {
  return std::make_unique<DepthwiseEmitter>();
}
