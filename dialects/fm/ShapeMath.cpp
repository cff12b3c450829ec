//===- ShapeMath.cpp - Elements of element-wise results -------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Shape arithmetic in models is ordinary element-wise math on small integer
// tensors. Here it is done on expressions, and on numbers for constant
// floats. What has no exact answer is left unknown, never guessed.
//
//===----------------------------------------------------------------------===//

#include "dialects/fm/ShapeHelpers.h"

#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

using namespace mlir;
using namespace narae::fm;
using namespace narae::fm::shape;

namespace {

/// One element: an integer expression, or a number when `expr` is null.
struct Element {
  Expr expr;
  double number = 0;
};
using MaybeElement = std::optional<Element>;

MaybeElement ofExpr(Expr expr) {
  return expr ? MaybeElement(Element{expr}) : std::nullopt;
}
MaybeElement ofNumber(double number) { return Element{Expr(), number}; }

/// Element-wise integer math in one scope.
struct IntegerMath {
  SymbolicScope &scope;

  Expr negated(Expr truth) { return scope.sub(scope.cst(1), truth); }
  Expr neg(Expr a) { return scope.sub(scope.cst(0), a); }
  Expr abs(Expr a) {
    auto [low, high] = scope.range(a);
    if (low >= 0)
      return a;
    return high <= 0 ? neg(a) : scope.max(a, neg(a));
  }
  Expr sign(Expr a) {
    return scope.sub(scope.less(scope.cst(0), a), scope.less(a, scope.cst(0)));
  }
  Expr mod(Expr a, Expr b, bool fmod) {
    auto y = constantOf(b);
    if (y && *y == 0)
      return scope.cst(0);
    if (fmod) {
      Expr quotient = truncatingDiv(scope, a, b);
      bool safe = y || scope.range(b).first > 0;
      return quotient && safe ? scope.sub(a, scope.mul(quotient, b)) : Expr();
    }
    return y || scope.range(b).first > 0 ? scope.mod(a, b) : Expr();
  }
  Expr pow(Expr a, Expr b) {
    auto exponent = constantOf(b);
    if (!exponent || *exponent < 0 || *exponent > 8)
      return Expr();
    return scope.product(Exprs(*exponent, a));
  }
  Expr compare(StringRef predicate, Expr a, Expr b) {
    if (predicate == "eq")
      return scope.equal(a, b);
    if (predicate == "ne")
      return negated(scope.equal(a, b));
    if (predicate == "lt")
      return scope.less(a, b);
    if (predicate == "ge")
      return negated(scope.less(a, b));
    if (predicate == "gt")
      return scope.less(b, a);
    return negated(scope.less(b, a));
  }
  /// Logic on 0 and 1; bitwise on constants.
  Expr logic(Operation *op, Expr a, Expr b, bool isBool) {
    if (isBool) {
      if (isa<AndOp>(op))
        return a == b ? a : scope.select(a, b, scope.cst(0));
      if (isa<OrOp>(op))
        return a == b ? a : scope.select(a, scope.cst(1), b);
      return negated(scope.equal(a, b));
    }
    auto x = constantOf(a), y = constantOf(b);
    if (!x || !y)
      return Expr();
    return scope.cst(isa<AndOp>(op)  ? *x & *y
                     : isa<OrOp>(op) ? *x | *y
                                     : *x ^ *y);
  }
};

Expr foldIntegers(Operation *op, SymbolicScope &scope, ArrayRef<Element> args) {
  IntegerMath math{scope};
  Expr a = args[0].expr, b = args.size() > 1 ? args[1].expr : Expr();
  Type type = scope.get(op->getOperand(0)).elementType;
  bool isBool = type.isInteger(1);
  using Switch = llvm::TypeSwitch<Operation *, Expr>;
  return Switch(op)
      .Case<AbsOp>([&](auto) { return math.abs(a); })
      .Case<NegOp>([&](auto) { return math.neg(a); })
      .Case<SignOp>([&](auto) { return math.sign(a); })
      .Case<ReluOp>([&](auto) { return scope.max(a, scope.cst(0)); })
      .Case<NotOp>([&](auto) {
        if (isBool)
          return math.negated(a);
        return type.isUnsignedInteger() ? Expr() : scope.sub(scope.cst(-1), a);
      })
      .Case<AddOp>([&](auto) { return isBool ? Expr() : scope.add(a, b); })
      .Case<SubOp>([&](auto) { return isBool ? Expr() : scope.sub(a, b); })
      .Case<MulOp>([&](auto) { return scope.mul(a, b); })
      .Case<DivOp>([&](auto) { return truncatingDiv(scope, a, b); })
      .Case<ModOp>([&](auto m) { return math.mod(a, b, m.getFmod()); })
      .Case<PowOp>([&](auto) { return math.pow(a, b); })
      .Case<MinOp>([&](auto) { return scope.min(a, b); })
      .Case<MaxOp>([&](auto) { return scope.max(a, b); })
      .Case<AndOp, OrOp, XorOp>(
          [&](auto) { return math.logic(op, a, b, isBool); })
      .Case<CmpOp>(
          [&](auto cmp) { return math.compare(cmp.getPredicate(), a, b); })
      .Default([](auto) { return Expr(); });
}

MaybeElement foldNumbers(Operation *op, SymbolicScope &scope,
                         ArrayRef<Element> args) {
  double a = args[0].number, b = args.size() > 1 ? args[1].number : 0;
  using Switch = llvm::TypeSwitch<Operation *, MaybeElement>;
  return Switch(op)
      .Case<AbsOp>([&](auto) { return ofNumber(std::fabs(a)); })
      .Case<NegOp>([&](auto) { return ofNumber(-a); })
      .Case<SqrtOp>([&](auto) { return ofNumber(std::sqrt(a)); })
      .Case<ReciprocalOp>([&](auto) { return ofNumber(1 / a); })
      .Case<FloorOp>([&](auto) { return ofNumber(std::floor(a)); })
      .Case<CeilOp>([&](auto) { return ofNumber(std::ceil(a)); })
      .Case<TruncOp>([&](auto) { return ofNumber(std::trunc(a)); })
      .Case<RoundOp>([&](auto) { return ofNumber(std::nearbyint(a)); })
      .Case<AddOp>([&](auto) { return ofNumber(a + b); })
      .Case<SubOp>([&](auto) { return ofNumber(a - b); })
      .Case<MulOp>([&](auto) { return ofNumber(a * b); })
      .Case<DivOp>([&](auto) { return ofNumber(a / b); })
      .Case<PowOp>([&](auto) { return ofNumber(std::pow(a, b)); })
      .Case<MinOp>(
          [&](auto) { return ofNumber(std::isnan(a) || a < b ? a : b); })
      .Case<MaxOp>(
          [&](auto) { return ofNumber(std::isnan(a) || a > b ? a : b); })
      .Case<CmpOp>([&](auto cmp) {
        StringRef p = cmp.getPredicate();
        bool truth = p == "eq"   ? a == b
                     : p == "ne" ? a != b
                     : p == "lt" ? a < b
                     : p == "le" ? a <= b
                     : p == "gt" ? a > b
                                 : a >= b;
        return ofExpr(scope.cst(truth));
      })
      .Default([](auto) { return MaybeElement(); });
}

MaybeElement foldCast(CastOp op, SymbolicScope &scope, Element arg) {
  Type to = op.getTo();
  if (isCarriedFloat(to))
    return std::nullopt;
  if (arg.expr && isa<FloatType>(to)) {
    auto c = constantOf(arg.expr);
    return c ? ofNumber(static_cast<double>(*c)) : std::nullopt;
  }
  if (arg.expr && to.isInteger(1))
    return ofExpr(scope.sub(scope.cst(1), scope.equal(arg.expr, scope.cst(0))));
  if (arg.expr)
    return Element{arg.expr};
  if (isa<FloatType>(to))
    return arg;
  if (to.isInteger(1))
    return ofExpr(scope.cst(arg.number != 0));
  // What lies outside the type has no defined value.
  double whole = std::trunc(arg.number);
  unsigned width = to.isIndex() ? 64 : to.getIntOrFloatBitWidth();
  bool isUnsigned = to.isUnsignedInteger();
  double limit = std::ldexp(1.0, std::min(width, 63u) - !isUnsigned);
  if (width == 64)
    limit = std::ldexp(1.0, 63);
  if (!(whole < limit && whole >= (isUnsigned ? 0 : -limit)))
    return std::nullopt;
  return ofExpr(scope.cst(static_cast<int64_t>(whole)));
}

MaybeElement fold(Operation *op, SymbolicScope &scope, ArrayRef<Element> args) {
  if (auto cast = dyn_cast<CastOp>(op))
    return foldCast(cast, scope, args[0]);
  if (isa<SelectOp>(op)) {
    if (auto c = constantOf(args[0].expr))
      return *c ? args[1] : args[2];
    return args[1].expr
               ? ofExpr(scope.select(args[0].expr, args[1].expr, args[2].expr))
               : std::nullopt;
  }
  bool anyExpr = llvm::any_of(args, [](const Element &e) { return !!e.expr; });
  bool allExprs = llvm::all_of(args, [](const Element &e) { return !!e.expr; });
  if (allExprs)
    return ofExpr(foldIntegers(op, scope, args));
  if (!anyExpr)
    return foldNumbers(op, scope, args);
  // Only a power may mix: a number with an integer exponent.
  auto exponent = constantOf(args.back().expr);
  if (!isa<PowOp>(op) || args[0].expr || !exponent)
    return std::nullopt;
  return ofNumber(std::pow(args[0].number, static_cast<double>(*exponent)));
}

} // namespace

Expr shape::truncatingDiv(SymbolicScope &scope, Expr a, Expr b) {
  auto x = constantOf(a), y = constantOf(b);
  if (y && *y == 0)
    return scope.cst(0);
  if (x && y)
    return *y == -1 ? scope.sub(scope.cst(0), a) : scope.cst(*x / *y);
  if (scope.range(a).first >= 0 && scope.range(b).first >= 0)
    return scope.floorDiv(a, b);
  if (y) {
    Expr quotient = scope.floorDiv(a, b);
    if (scope.mul(quotient, b) == a)
      return quotient;
  }
  if (scope.range(b).first <= 0)
    return Expr();
  Expr zero = scope.cst(0);
  Expr below = scope.sub(zero, scope.floorDiv(scope.sub(zero, a), b));
  return scope.select(scope.less(a, zero), below, scope.floorDiv(a, b));
}

void shape::followElementwise(Operation *op, SymbolicScope &scope,
                              SymTensor &result) {
  std::optional<Sizes> sizes = smallSizes(result.dims);
  if (!sizes || sizes->size() > 2)
    return;
  SmallVector<SymTensor, 3> operands;
  SmallVector<Sizes, 3> operandSizes;
  for (Value operand : op->getOperands()) {
    operands.push_back(scope.get(operand));
    std::optional<Sizes> small = smallSizes(operands.back().dims);
    if (!isFollowed(operands.back()) || !small)
      return;
    operandSizes.push_back(*small);
  }
  bool isFloat = isa<FloatType>(result.elementType);
  Exprs exprs;
  SmallVector<double> numbers;
  bool known = true;
  forEachIndex(*sizes, [&](ArrayRef<int64_t> index) {
    if (!known)
      return;
    SmallVector<Element, 3> args;
    for (auto [tensor, from] : llvm::zip(operands, operandSizes)) {
      int64_t at = position(index, from);
      args.push_back(tensor.elements ? Element{(*tensor.elements)[at]}
                                     : Element{Expr(), (*tensor.floats)[at]});
    }
    MaybeElement element = fold(op, scope, args);
    known = element && (isFloat != !!element->expr);
    if (!known)
      return;
    if (isFloat) {
      std::optional<double> number =
          asFloat(result.elementType, element->number);
      known = number.has_value();
      numbers.push_back(number.value_or(0));
    } else {
      Expr expr = asInteger(scope, result.elementType, element->expr);
      known = !!expr;
      exprs.push_back(expr);
    }
  });
  if (!known)
    return;
  if (isFloat)
    result.floats = std::move(numbers);
  else
    result.elements = std::move(exprs);
}
