//===- Math.cpp - Elements of transcendental functions --------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Functions are ops of the math dialect on f32 or f64; backends lower them
// to their own library.
//
//===----------------------------------------------------------------------===//

#include "lib/codegen/elemental/Helpers.h"

using namespace mlir;
using namespace narae;
using namespace narae::codegen;

using UnaryFn = Value (*)(const Arith &a, Operation *op, Value x);

/// `fn` in f32 or f64; integers go through f64.
template <UnaryFn fn>
static Value real(KernelContext &k, Operation *op, unsigned,
                  ValueRange indices) {
  Value input = op->getOperand(0);
  Value x = k.broadcastElement(input, k.dims(op->getResult(0)), indices);
  if (!x)
    return {};
  Type element = elementOf(input);
  Type type = isa<FloatType>(element) ? element : Type(k.b.getF64Type());
  Arith a(k, type);
  Value y = fn(a, op, convert(k, x, element, a.type));
  return convert(k, y, a.type, element, {/*saturate=*/false});
}

/// The identity on integers.
template <UnaryFn fn>
static Value rounding(KernelContext &k, Operation *op, unsigned result,
                      ValueRange indices) {
  if (!isa<FloatType>(elementOf(op->getOperand(0))))
    return k.broadcastElement(op->getOperand(0), k.dims(op->getResult(0)),
                              indices);
  return real<fn>(k, op, result, indices);
}

template <typename OpTy>
static Value plain(const Arith &a, Operation *, Value x) {
  return a.unary<OpTy>(x);
}

static Value reciprocal(const Arith &a, Operation *, Value x) {
  return a.div(a.one(), x);
}

static Value rsqrt(const Arith &a, Operation *, Value x) {
  return a.div(a.one(), a.sqrt(x));
}

static Value sigmoidOf(const Arith &a, Value x) {
  return a.div(a.one(), a.add(a.one(), a.exp(a.neg(x))));
}

static Value sigmoid(const Arith &a, Operation *, Value x) {
  return sigmoidOf(a, x);
}

static Value silu(const Arith &a, Operation *, Value x) {
  return a.mul(x, sigmoidOf(a, x));
}

static Value gelu(const Arith &a, Operation *op, Value x) {
  Value half = a.mul(x, a.cst(0.5));
  if (!cast<fm::GeluOp>(op).getTanh()) {
    Value scaled = a.mul(x, a.cst(0.70710678118654752440));
    return a.mul(half, a.add(a.one(), a.unary<math::ErfOp>(scaled)));
  }
  // tanh(sqrt(2 / pi) * (x + 0.044715 x^3))
  Value cube = a.mul(a.mul(x, x), a.mul(x, a.cst(0.044715)));
  Value inner = a.mul(a.add(x, cube), a.cst(0.79788456080286535588));
  return a.mul(half, a.add(a.one(), a.unary<math::TanhOp>(inner)));
}

void codegen::registerMathElements(ElementTable &t) {
  auto once = [&](StringRef name, ElementFn fn) {
    t[name] = {fn, ElementCost::Once};
  };
  auto cheap = [&](StringRef name, ElementFn fn) {
    t[name] = {fn, ElementCost::Cheap};
  };
  once("fm.exp", real<plain<math::ExpOp>>);
  once("fm.log", real<plain<math::LogOp>>);
  once("fm.log1p", real<plain<math::Log1pOp>>);
  once("fm.expm1", real<plain<math::ExpM1Op>>);
  once("fm.sin", real<plain<math::SinOp>>);
  once("fm.cos", real<plain<math::CosOp>>);
  once("fm.tan", real<plain<math::TanOp>>);
  once("fm.asin", real<plain<math::AsinOp>>);
  once("fm.acos", real<plain<math::AcosOp>>);
  once("fm.atan", real<plain<math::AtanOp>>);
  once("fm.sinh", real<plain<math::SinhOp>>);
  once("fm.cosh", real<plain<math::CoshOp>>);
  once("fm.tanh", real<plain<math::TanhOp>>);
  once("fm.asinh", real<plain<math::AsinhOp>>);
  once("fm.acosh", real<plain<math::AcoshOp>>);
  once("fm.atanh", real<plain<math::AtanhOp>>);
  once("fm.erf", real<plain<math::ErfOp>>);
  once("fm.sigmoid", real<sigmoid>);
  once("fm.silu", real<silu>);
  once("fm.gelu", real<gelu>);
  cheap("fm.sqrt", real<plain<math::SqrtOp>>);
  cheap("fm.rsqrt", real<rsqrt>);
  cheap("fm.reciprocal", real<reciprocal>);
  cheap("fm.floor", rounding<plain<math::FloorOp>>);
  cheap("fm.ceil", rounding<plain<math::CeilOp>>);
  cheap("fm.round", rounding<plain<math::RoundEvenOp>>);
  cheap("fm.trunc", rounding<plain<math::TruncOp>>);
}
