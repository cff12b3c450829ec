//===- Contraction.cpp - Elements of matmul and convolution ---------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One dot product an element: right for all types and shapes, and what is
// left when no kernel of a backend matches.
//
//===----------------------------------------------------------------------===//

#include "lib/codegen/elemental/Helpers.h"

using namespace mlir;
using namespace narae;
using namespace narae::codegen;

/// Arithmetic of the accumulator: `acc`, or the result's type.
static Arith accumulator(KernelContext &k, Operation *op,
                         std::optional<Type> acc) {
  Arith a(k, acc ? *acc : elementOf(op->getResult(0)));
  a.flags = arith::FastMathFlags::reassoc | arith::FastMathFlags::contract;
  return a;
}

/// acc + x * y, elements of tensors `x` and `y` at their indices; null after
/// a diagnostic.
static Value multiplyAdd(const Arith &a, Value acc, Value x, ValueRange xi,
                         Value y, ValueRange yi) {
  Value u = a.k.element(x, xi);
  Value v = u ? a.k.element(y, yi) : u;
  if (!v)
    return {};
  return a.add(
      acc, a.mul(a.widenFrom(u, elementOf(x)), a.widenFrom(v, elementOf(y))));
}

/// Adds the bias and rounds to the result's type.
static Value finish(const Arith &a, Value acc, Value bias, ValueRange at,
                    Type result) {
  if (bias) {
    Value v = a.k.element(bias, at);
    if (!v)
      return {};
    acc = a.add(acc, a.widenFrom(v, elementOf(bias)));
  }
  return convert(a.k, acc, a.isFloat ? a.type : a.element, result,
                 {/*saturate=*/false});
}

//===----------------------------------------------------------------------===//
// Matmul
//===----------------------------------------------------------------------===//

static Value matmul(KernelContext &k, Operation *op, unsigned,
                    ValueRange indices) {
  auto matmul = cast<fm::MatmulOp>(op);
  Value lhs = matmul.getLhs(), rhs = matmul.getRhs(), bias = matmul.getBias();
  Arith a = accumulator(k, op, matmul.getAcc());
  size_t rank = indices.size();
  ArrayRef<Expr> dims = k.dims(matmul.getResult());
  auto batch = [&](Value v) {
    return broadcastIndices(k, k.dims(v).drop_back(2), dims.drop_back(2),
                            indices.drop_back(2));
  };
  Indices lhsBatch = batch(lhs), rhsBatch = batch(rhs);
  bool tl = matmul.getTransposeLhs(), tr = matmul.getTransposeRhs();
  size_t lhsRank = k.dims(lhs).size();
  Value depth = k.dim(lhs, lhsRank - (tl ? 2 : 1));
  bool failed = false;
  auto results = k.forLoop(k.index(0), depth, k.index(1), {a.zero()},
                           [&](Value i, ValueRange acc) -> SmallVector<Value> {
                             Indices x = lhsBatch, y = rhsBatch;
                             Value m = indices[rank - 2], n = indices[rank - 1];
                             x.append({tl ? i : m, tl ? m : i});
                             y.append({tr ? n : i, tr ? i : n});
                             Value sum = multiplyAdd(a, acc[0], lhs, x, rhs, y);
                             failed |= !sum;
                             return {sum ? sum : acc[0]};
                           });
  if (failed)
    return {};
  Indices at =
      bias ? broadcastIndices(k, k.dims(bias), dims, indices) : Indices();
  return finish(a, results[0], bias, at, elementOf(matmul.getResult()));
}

static Value packedMatmul(KernelContext &k, Operation *op, unsigned,
                          ValueRange indices) {
  auto matmul = cast<fm::PackedMatmulOp>(op);
  Value lhs = matmul.getLhs(), rhs = matmul.getRhs(), bias = matmul.getBias();
  Arith a = accumulator(k, op, matmul.getAcc());
  size_t rank = indices.size();
  ArrayRef<Expr> dims = k.dims(matmul.getResult());
  Indices lhsBatch = broadcastIndices(k, k.dims(lhs).drop_back(2),
                                      dims.drop_back(2), indices.drop_back(2));
  Indices rhsBatch = broadcastIndices(k, k.dims(rhs).drop_back(3),
                                      dims.drop_back(2), indices.drop_back(2));
  bool tl = matmul.getTransposeLhs();
  size_t lhsRank = k.dims(lhs).size(), rhsRank = k.dims(rhs).size();
  Value depth = k.dim(lhs, lhsRank - (tl ? 2 : 1));
  Value width = k.dim(rhs, rhsRank - 1);
  Value m = indices[rank - 2], n = indices[rank - 1];
  Value panel = k.divI(n, width), lane = k.remI(n, width);
  bool failed = false;
  auto results = k.forLoop(k.index(0), depth, k.index(1), {a.zero()},
                           [&](Value i, ValueRange acc) -> SmallVector<Value> {
                             Indices x = lhsBatch, y = rhsBatch;
                             x.append({tl ? i : m, tl ? m : i});
                             y.append({panel, i, lane});
                             Value sum = multiplyAdd(a, acc[0], lhs, x, rhs, y);
                             failed |= !sum;
                             return {sum ? sum : acc[0]};
                           });
  if (failed)
    return {};
  Indices at =
      bias ? broadcastIndices(k, k.dims(bias), dims, indices) : Indices();
  return finish(a, results[0], bias, at, elementOf(matmul.getResult()));
}

//===----------------------------------------------------------------------===//
// Convolution
//===----------------------------------------------------------------------===//

static Value conv(KernelContext &k, Operation *op, unsigned,
                  ValueRange indices) {
  auto conv = cast<fm::ConvOp>(op);
  Value input = conv.getInput(), filter = conv.getFilter();
  fm::SymbolicScope &s = k.scope;
  Arith a = accumulator(k, op, std::nullopt);
  unsigned spatial = indices.size() - 2;
  Expr groupOutputs = s.floorDiv(s.dim(filter, 0), s.cst(conv.getGroups()));
  Value channels = k.dim(filter, 1);
  Value group =
      conv.getGroups() == 1
          ? k.index(0)
          : k.divI(indices[1], k.maxI(k.expr(groupOutputs), k.index(1)));
  Value firstChannel = k.mulI(group, channels);
  // Where the window begins in the input, for each spatial dimension, and
  // the taps [begin, end) that lie inside.
  SmallVector<Value> origin, begin, end, sizes{channels};
  for (unsigned i = 0; i < spatial; ++i) {
    int64_t stride = conv.getStrides()[i], dilation = conv.getDilations()[i];
    Expr dim = s.dim(input, i + 2), taps = s.dim(filter, i + 2);
    Expr window =
        s.add(s.mul(s.sub(taps, s.cst(1)), s.cst(dilation)), s.cst(1));
    Expr pad = windowPad(k, conv.getAutoPad(), conv.getPads(), i, spatial, dim,
                         s.dim(conv.getResult(), i + 2), stride, window);
    Value at = k.subI(k.mulI(indices[i + 2], k.index(stride)), k.expr(pad));
    Value none = k.index(0), step = k.index(dilation);
    Value first = k.ceilDivI(k.maxI(k.subI(none, at), none), step);
    Value inside = k.ceilDivI(k.maxI(k.subI(k.expr(dim), at), none), step);
    Value last = k.minI(k.expr(taps), inside);
    origin.push_back(at);
    begin.push_back(first);
    end.push_back(last);
    sizes.push_back(k.maxI(k.subI(last, first), none));
  }
  bool failed = false;
  auto results = reduceLoops(
      k, sizes, a.zero(),
      [&](ValueRange at, ValueRange acc) -> SmallVector<Value> {
        Indices x{indices[0], k.addI(firstChannel, at[0])};
        Indices w{indices[1], at[0]};
        for (unsigned i = 0; i < spatial; ++i) {
          Value tap = k.addI(at[i + 1], begin[i]);
          w.push_back(tap);
          x.push_back(
              k.addI(origin[i], k.mulI(tap, k.index(conv.getDilations()[i]))));
        }
        Value sum = multiplyAdd(a, acc[0], input, x, filter, w);
        failed |= !sum;
        return {sum ? sum : acc[0]};
      });
  if (failed)
    return {};
  return finish(a, results[0], conv.getBias(), Indices{indices[1]},
                elementOf(conv.getResult()));
}

static Value convTranspose(KernelContext &k, Operation *op, unsigned,
                           ValueRange indices) {
  auto conv = cast<fm::ConvTransposeOp>(op);
  Value input = conv.getInput(), filter = conv.getFilter();
  fm::SymbolicScope &s = k.scope;
  Arith a = accumulator(k, op, std::nullopt);
  unsigned spatial = indices.size() - 2;
  Expr groupInputs = s.floorDiv(s.dim(input, 1), s.cst(conv.getGroups()));
  Value groupOutputs = k.maxI(k.dim(filter, 1), k.index(1));
  bool single = conv.getGroups() == 1;
  Value group = single ? k.index(0) : k.divI(indices[1], groupOutputs);
  Value output = single ? indices[1] : k.remI(indices[1], groupOutputs);
  Value firstChannel = k.mulI(group, k.expr(groupInputs));
  SmallVector<Value> from, sizes{k.expr(groupInputs)};
  for (unsigned i = 0; i < spatial; ++i) {
    int64_t stride = conv.getStrides()[i], dilation = conv.getDilations()[i];
    Expr dim = s.dim(input, i + 2), taps = s.dim(filter, i + 2);
    Expr window =
        s.add(s.mul(s.sub(taps, s.cst(1)), s.cst(dilation)), s.cst(1));
    Expr pad = i < conv.getPads().size() ? s.cst(conv.getPads()[i]) : s.cst(0);
    StringRef automatic = conv.getAutoPad();
    if (automatic == "valid")
      pad = s.cst(0);
    if (!conv.getOutputShape().empty() || automatic.starts_with("same")) {
      // The output's size fixes the padding (ONNX ConvTranspose).
      Expr full = s.add(s.mul(s.sub(dim, s.cst(1)), s.cst(stride)), window);
      if (i < conv.getOutputPadding().size())
        full = s.add(full, s.cst(conv.getOutputPadding()[i]));
      Expr total = s.max(s.sub(full, s.dim(conv.getResult(), i + 2)), s.cst(0));
      Expr half = s.floorDiv(total, s.cst(2));
      pad = automatic == "same_upper" ? half : s.sub(total, half);
    }
    from.push_back(k.addI(indices[i + 2], k.expr(pad)));
    sizes.push_back(k.expr(taps));
  }
  bool failed = false;
  auto results = reduceLoops(
      k, sizes, a.zero(),
      [&](ValueRange at, ValueRange acc) -> SmallVector<Value> {
        Indices x{indices[0], k.addI(firstChannel, at[0])};
        Indices w{x[1], output};
        Value inside;
        for (unsigned i = 0; i < spatial; ++i) {
          w.push_back(at[i + 1]);
          Value place = k.subI(
              from[i], k.mulI(at[i + 1], k.index(conv.getDilations()[i])));
          Value stride = k.index(conv.getStrides()[i]);
          Value position = k.divI(k.maxI(place, k.index(0)), stride);
          Value exact = k.b.create<arith::CmpIOp>(
              k.loc, arith::CmpIPredicate::eq, k.mulI(position, stride), place);
          Value here = k.b.create<arith::AndIOp>(
              k.loc, exact, inBounds(k, position, k.dim(input, i + 2)));
          inside = inside
                       ? Value(k.b.create<arith::AndIOp>(k.loc, inside, here))
                       : here;
          x.push_back(position);
        }
        auto next = [&]() -> SmallVector<Value> {
          Value sum = multiplyAdd(a, acc[0], input, x, filter, w);
          failed |= !sum;
          return {sum ? sum : acc[0]};
        };
        if (!inside)
          return next();
        return k.ifElse(inside, {a.type}, next,
                        [&]() -> SmallVector<Value> { return {acc[0]}; });
      });
  if (failed)
    return {};
  return finish(a, results[0], conv.getBias(), Indices{indices[1]},
                elementOf(conv.getResult()));
}

void codegen::registerContractionElements(ElementTable &t) {
  t["fm.matmul"] = {matmul, ElementCost::Loop};
  t["fm.packed_matmul"] = {packedMatmul, ElementCost::Loop};
  t["fm.conv"] = {conv, ElementCost::Loop};
  t["fm.conv_transpose"] = {convTranspose, ElementCost::Loop};
}
