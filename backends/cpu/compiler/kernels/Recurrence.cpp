//===- Recurrence.cpp - Activations and products of recurrent cells -------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/cpu/compiler/kernels/Recurrence.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/StringSwitch.h"

#include <cmath>

using namespace mlir;
using namespace narae;
using namespace narae::cpu;
using fm::Expr;

std::optional<Recurrence> Recurrence::of(fm::SymbolicScope &scope,
                                         Operation *op) {
  auto recurrent = dyn_cast_or_null<fm::RecurrentOp>(op);
  if (!recurrent)
    return std::nullopt;
  Recurrence r;
  r.op = recurrent;
  r.kind = llvm::StringSwitch<CellKind>(recurrent.getKind())
               .Case("lstm", CellKind::Lstm)
               .Case("gru", CellKind::Gru)
               .Default(CellKind::Rnn);
  r.gates = r.kind == CellKind::Lstm ? 4 : r.kind == CellKind::Gru ? 3 : 1;
  r.directions = recurrent.getDirection() == "bidirectional" ? 2 : 1;
  ArrayRef<Expr> input = scope.dims(recurrent.getInput());
  r.steps = input[0], r.batch = input[1], r.inputs = input[2];
  r.hidden = scope.dim(recurrent.getR(), 2);
  return r;
}

//===----------------------------------------------------------------------===//
// Activations
//===----------------------------------------------------------------------===//

namespace {

/// Scalar float arithmetic, spelled shortly.
struct Floats {
  KernelContext &k;
  Type type;
  OpBuilder &b = k.b;

  Value cst(double x) { return k.constant(type, x); }
  Value add(Value x, Value y) { return b.create<arith::AddFOp>(k.loc, x, y); }
  Value sub(Value x, Value y) { return b.create<arith::SubFOp>(k.loc, x, y); }
  Value mul(Value x, Value y) { return b.create<arith::MulFOp>(k.loc, x, y); }
  Value div(Value x, Value y) { return b.create<arith::DivFOp>(k.loc, x, y); }
  Value exp(Value x) { return b.create<math::ExpOp>(k.loc, x); }
  Value tanh(Value x) { return b.create<math::TanhOp>(k.loc, x); }
  Value abs(Value x) { return b.create<math::AbsFOp>(k.loc, x); }
  Value greater(Value x, Value y) {
    return b.create<arith::CmpFOp>(k.loc, arith::CmpFPredicate::OGT, x, y);
  }
  Value select(Value condition, Value x, Value y) {
    return k.selectV(condition, x, y);
  }
};

} // namespace

Value cpu::activate(KernelContext &k, const Recurrence &r, int64_t d,
                    int64_t index, Value x) {
  fm::RecurrentOp op = r.op;
  int64_t perDirection = op.getActivations().size() / r.directions;
  int64_t at = d * perDirection + index;
  StringRef name = cast<StringAttr>(op.getActivations()[at]).getValue();
  auto parameter = [&](ArrayRef<double> values, double standard) {
    bool given = at < int64_t(values.size()) && !std::isnan(values[at]);
    return given ? values[at] : standard;
  };
  auto alpha = [&](double v) { return parameter(op.getAlpha(), v); };
  auto beta = [&](double v) { return parameter(op.getBeta(), v); };
  Floats f{k, x.getType()};
  Value zero = f.cst(0), one = f.cst(1);
  if (name == "Sigmoid")
    return f.div(one, f.add(one, f.exp(f.sub(zero, x))));
  if (name == "Tanh")
    return f.tanh(x);
  if (name == "Relu")
    return f.select(f.greater(zero, x), zero, x);
  if (name == "Affine")
    return f.add(f.mul(f.cst(alpha(1)), x), f.cst(beta(0)));
  if (name == "LeakyRelu")
    return f.select(f.greater(zero, x), f.mul(f.cst(alpha(0.01)), x), x);
  if (name == "ThresholdedRelu")
    return f.select(f.greater(x, f.cst(alpha(1))), x, zero);
  if (name == "ScaledTanh")
    return f.mul(f.cst(alpha(1)), f.tanh(f.mul(f.cst(beta(1)), x)));
  if (name == "HardSigmoid") {
    Value y = f.add(f.mul(f.cst(alpha(0.2)), x), f.cst(beta(0.5)));
    y = f.select(f.greater(zero, y), zero, y);
    return f.select(f.greater(y, one), one, y);
  }
  if (name == "Elu") {
    Value low = f.mul(f.cst(alpha(1)), f.sub(f.exp(x), one));
    return f.select(f.greater(zero, x), low, x);
  }
  if (name == "Softsign")
    return f.div(x, f.add(one, f.abs(x)));
  if (name == "Softplus") {
    // log(1 + e^x) without overflow.
    Value positive = f.select(f.greater(x, zero), x, zero);
    Value rest = f.exp(f.sub(zero, f.abs(x)));
    return f.add(positive, k.b.create<math::Log1pOp>(k.loc, rest));
  }
  k.error(op) << "unknown activation " << name;
  return x;
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

/// A vector whose lane i is the sum of the lanes of vector i. In step d, lanes
/// whose bit d is set work for the odd one of two vectors.
static Value sumEach(VectorBuilder &v, SmallVector<Value> sums) {
  int64_t lanes = v.lanes;
  for (int64_t d = 1; d < lanes; d *= 2) {
    SmallVector<int64_t> own(lanes), other(lanes);
    for (int64_t l = 0; l < lanes; ++l) {
      int64_t from = l & d ? lanes : 0;
      own[l] = from + l;
      other[l] = from + (l ^ d);
    }
    SmallVector<Value> next;
    for (size_t i = 0; i < sums.size(); i += 2)
      next.push_back(v.add(v.shuffle(sums[i], sums[i + 1], own),
                           v.shuffle(sums[i], sums[i + 1], other)));
    sums = std::move(next);
  }
  return sums.front();
}

/// sums[i] += row i . vector for rows at `rows`.
static SmallVector<Value> addDots(KernelContext &k, VectorBuilder &v,
                                  ArrayRef<Value> rows, const MatrixVector &m,
                                  SmallVector<Value> sums) {
  Value zero = k.index(0), lanes = k.index(v.lanes);
  Value whole = k.mulI(k.divI(m.width, lanes), lanes);
  auto step = [&](Value i, ValueRange acc, Value mask) {
    auto load = [&](Value from) {
      return mask ? v.load(v.at(from, i), mask) : v.load(v.at(from, i));
    };
    Value x = load(m.vector);
    SmallVector<Value> next;
    for (auto [row, sum] : llvm::zip(rows, acc))
      next.push_back(v.fma(load(row), x, sum));
    return next;
  };
  sums = k.forLoop(zero, whole, lanes, sums, [&](Value i, ValueRange acc) {
    return step(i, acc, Value());
  });
  Value rest = k.subI(m.width, whole);
  if (v.masks)
    return k.ifElse(
        k.lessI(zero, rest), SmallVector<Type>(sums.size(), v.type),
        [&] { return step(whole, sums, v.maskBelow(rest)); },
        [&] { return sums; });
  // Lane 0 takes the rest.
  Value first = v.maskBelow(k.index(1));
  return k.forLoop(whole, m.width, k.index(1), sums,
                   [&](Value i, ValueRange acc) {
                     auto scalar = [&](Value from) {
                       return v.broadcast(v.loadScalar(v.at(from, i)));
                     };
                     Value x = k.selectV(first, scalar(m.vector), v.zero());
                     SmallVector<Value> next;
                     for (auto [row, sum] : llvm::zip(rows, acc))
                       next.push_back(v.fma(scalar(row), x, sum));
                     return next;
                   });
}

void cpu::emitDots(KernelContext &k, VectorBuilder &v,
                   ArrayRef<MatrixVector> terms, Value rows, Value out) {
  Value last = k.subI(rows, k.index(1));
  k.forLoop(k.index(0), rows, k.index(v.lanes), [&](Value row) {
    SmallVector<Value> sums(v.lanes, v.zero());
    for (const MatrixVector &term : terms) {
      // Rows past the end repeat the last one.
      SmallVector<Value> pointers;
      for (unsigned i = 0; i < v.lanes; ++i)
        pointers.push_back(
            v.at(term.matrix,
                 k.mulI(k.minI(k.addI(row, k.index(i)), last), term.width)));
      sums = addDots(k, v, pointers, term, sums);
    }
    v.store(sumEach(v, sums), v.at(out, row));
  });
}
