//===- SymbolicTest.cpp - Tests of symbolic shapes ------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/fm/FmDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace narae::fm;

namespace {

class Algebra : public ::testing::Test {
protected:
  MLIRContext context;
  SymbolicScope scope{&context};
  Expr a = scope.given("a"), b = scope.given("b"), c = scope.given("c", 1);
  Expr k(int64_t v) { return scope.cst(v); }
};

TEST_F(Algebra, EqualPolynomialsAreTheSameExpression) {
  EXPECT_EQ(scope.add(a, b), scope.add(b, a));
  Expr square = scope.mul(scope.add(a, b), scope.add(a, b));
  Expr terms = scope.add(scope.add(scope.mul(a, a), scope.mul(b, b)),
                         scope.mul(k(2), scope.mul(b, a)));
  EXPECT_EQ(square, terms);
  EXPECT_EQ(scope.sub(square, terms), k(0));
  EXPECT_EQ(scope.product({a, k(12), b, k(32)}),
            scope.mul(scope.mul(b, a), k(384)));
}

TEST_F(Algebra, DivisionIsExactWherePossible) {
  EXPECT_EQ(
      scope.floorDiv(scope.product({a, b, k(384)}), scope.product({b, k(12)})),
      scope.mul(a, k(32)));
  Expr sum = scope.add(a, b);
  EXPECT_EQ(
      scope.floorDiv(scope.mul(sum, scope.mul(c, k(8))), scope.mul(sum, k(2))),
      scope.mul(c, k(4)));
  EXPECT_EQ(scope.floorDiv(sum, sum), k(1));
  EXPECT_EQ(scope.floorDiv(a, k(0)), k(0));
  EXPECT_EQ(scope.floorDiv(k(-7), k(2)), k(-4));
  // Euclid: a = (a / 4) * 4 + a % 4, whichever way AffineExpr writes it.
  EXPECT_EQ(
      scope.add(scope.mul(scope.floorDiv(a, k(4)), k(4)), scope.mod(a, k(4))),
      a);
  EXPECT_EQ(scope.ceilDiv(scope.mul(a, k(16)), k(16)), a);
}

TEST_F(Algebra, MinAndMaxUseRanges) {
  EXPECT_EQ(scope.max(a, k(0)), a);
  EXPECT_EQ(scope.max(c, k(1)), c);
  EXPECT_EQ(scope.min(scope.add(a, b), a), a);
  EXPECT_EQ(scope.max(a, b), scope.max(b, a));
  EXPECT_EQ(scope.max(scope.min(a, b), a), a);
  EXPECT_EQ(scope.min(scope.max(a, b), a), a);
  EXPECT_TRUE(scope.lessEqual(scope.min(a, b), scope.max(a, c)));
  EXPECT_EQ(scope.range(scope.floorDiv(a, b)).first, 0);
}

TEST_F(Algebra, ComparisonsAndSelect) {
  EXPECT_EQ(scope.equal(a, a), k(1));
  EXPECT_EQ(scope.equal(a, b), scope.equal(b, a));
  EXPECT_EQ(scope.less(a, k(0)), k(0));
  EXPECT_EQ(scope.less(a, scope.add(a, c)), k(1));
  EXPECT_EQ(scope.select(k(1), a, b), a);
  EXPECT_EQ(scope.select(scope.equal(a, b), c, c), c);
}

TEST_F(Algebra, Broadcasting) {
  EXPECT_EQ(scope.broadcast(a, k(1)), a);
  EXPECT_EQ(scope.broadcast(k(7), a), k(7));
  EXPECT_EQ(scope.broadcast(a, a), a);
  EXPECT_FALSE(scope.broadcast(k(2), k(3)));
  EXPECT_EQ(scope.broadcast(a, b), scope.broadcast(b, a));
  EXPECT_EQ(scope.broadcast(k(0), k(1)), k(0));
}

/// Parses a function `f` and infers the shapes of what it returns.
class Inference : public ::testing::Test {
protected:
  MLIRContext context;
  std::unique_ptr<SymbolicScope> scope;
  OwningOpRef<ModuleOp> module;
  Operation *returned = nullptr;

  void parse(StringRef arguments, StringRef body) {
    context.loadDialect<FmDialect, func::FuncDialect>();
    std::string text =
        ("func.func @f(" + arguments + ") {\n" + body + "\n}").str();
    module = parseSourceString<ModuleOp>(text, &context);
    ASSERT_TRUE(module);
    auto func = *module->getOps<func::FuncOp>().begin();
    scope = std::make_unique<SymbolicScope>(&context);
    for (Operation &op : func.getBody().front())
      ASSERT_TRUE(succeeded(scope->add(&op)));
    for (Operation &op : func.getBody().front())
      if (op.getNumResults())
        returned = &op;
  }
  Value last() { return returned->getResult(0); }
  Value arg(unsigned i) {
    return (*module->getOps<func::FuncOp>().begin()).getArgument(i);
  }
  /// Dimensions of the last value as text.
  std::string dims() {
    std::string text;
    for (Expr e : scope->dims(last()))
      text += (text.empty() ? "" : " ") + scope->str(e);
    return text;
  }
  std::string elements() {
    std::string text;
    auto exprs = scope->elements(last());
    if (!exprs)
      return "unknown";
    for (Expr e : *exprs)
      text += (text.empty() ? "" : " ") + scope->str(e);
    return text;
  }
};

constexpr char kTokens[] = "%x: tensor<?x?x384xf32> {fm.dims = [\"batch\", "
                           "\"seq\", \"\"]}";

TEST_F(Inference, HeadsByShapeGatherConcat) {
  parse(kTokens, R"(
    %s = fm.shape_of %x : (tensor<?x?x384xf32>) -> tensor<3xi64>
    %i0 = fm.constant dense<0> : tensor<i64> : tensor<i64>
    %i1 = fm.constant dense<-2> : tensor<i64> : tensor<i64>
    %b = fm.gather %s, %i0 {axis = 0 : i64} : (tensor<3xi64>, tensor<i64>) -> tensor<i64>
    %q = fm.gather %s, %i1 {axis = 0 : i64} : (tensor<3xi64>, tensor<i64>) -> tensor<i64>
    %b1 = fm.unsqueeze %b {axes = array<i64: 0>} : (tensor<i64>) -> tensor<1xi64>
    %q1 = fm.unsqueeze %q {axes = array<i64: 0>} : (tensor<i64>) -> tensor<1xi64>
    %h = fm.constant dense<[12, -1]> : tensor<2xi64> : tensor<2xi64>
    %t = fm.concat %b1, %q1, %h {axis = 0 : i64} : (tensor<1xi64>, tensor<1xi64>, tensor<2xi64>) -> tensor<4xi64>
    %r = fm.reshape %x, %t : (tensor<?x?x384xf32>, tensor<4xi64>) -> tensor<?x?x12x32xf32>
    return)");
  EXPECT_EQ(dims(), "batch seq 12 32");
}

TEST_F(Inference, HeadSizeByDivision) {
  parse(kTokens, R"(
    %s = fm.shape_of %x {start = 2 : i64} : (tensor<?x?x384xf32>) -> tensor<1xi64>
    %n = fm.constant dense<12> : tensor<1xi64> : tensor<1xi64>
    %d = fm.div %s, %n : (tensor<1xi64>, tensor<1xi64>) -> tensor<1xi64>
    %t = fm.constant dense<[0, -1, 12]> : tensor<3xi64> : tensor<3xi64>
    %u = fm.concat %t, %d {axis = 0 : i64} : (tensor<3xi64>, tensor<1xi64>) -> tensor<4xi64>
    %r = fm.reshape %x, %u : (tensor<?x?x384xf32>, tensor<4xi64>) -> tensor<?x?x12x32xf32>
    return)");
  EXPECT_EQ(dims(), "batch seq 12 32");
}

TEST_F(Inference, UnknownReshapeIsExact) {
  parse("%x: tensor<6x?xf32>, %s: tensor<2xi64>", R"(
    %r = fm.reshape %x, %s : (tensor<6x?xf32>, tensor<2xi64>) -> tensor<?x?xf32>
    return)");
  Expr d = scope->dim(last(), 0);
  const SymbolDef &def =
      scope->symbols()[cast<AffineSymbolExpr>(d).getPosition()];
  EXPECT_EQ(def.kind, SymbolDef::Select);
}

TEST_F(Inference, DroppingEitherEndIsTheSameSize) {
  parse("%x: tensor<?xf32> {fm.dims = [\"n\"], fm.bounds = [1, -1]}", R"(
    %0 = fm.constant dense<0> : tensor<1xi64> : tensor<1xi64>
    %1 = fm.constant dense<1> : tensor<1xi64> : tensor<1xi64>
    %m = fm.constant dense<-1> : tensor<1xi64> : tensor<1xi64>
    %z = fm.constant dense<9223372036854775807> : tensor<1xi64> : tensor<1xi64>
    %a = fm.slice %x, %0, %m {axes = array<i64: 0>, steps = array<i64: 1>} : (tensor<?xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<?xf32>
    %b = fm.slice %x, %1, %z {axes = array<i64: 0>, steps = array<i64: 1>} : (tensor<?xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<?xf32>
    %c = fm.slice %x, %m, %z {axes = array<i64: 0>, steps = array<i64: 1>} : (tensor<?xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<1xf32>
    %d = fm.add %a, %b : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
    %e = fm.concat %d, %c {axis = 0 : i64} : (tensor<?xf32>, tensor<1xf32>) -> tensor<?xf32>
    return)");
  EXPECT_EQ(dims(), "n");
}

TEST_F(Inference, ReversedSlice) {
  parse("%x: tensor<2xf32>", R"(
    %s = fm.constant dense<[1, 2, 3, 4, 5]> : tensor<5xi64> : tensor<5xi64>
    %a = fm.constant dense<-1> : tensor<1xi64> : tensor<1xi64>
    %b = fm.constant dense<-9223372036854775808> : tensor<1xi64> : tensor<1xi64>
    %r = fm.slice %s, %a, %b {axes = array<i64: 0>, steps = array<i64: -2>} : (tensor<5xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<3xi64>
    return)");
  EXPECT_EQ(elements(), "5 3 1");
}

TEST_F(Inference, IntegerDivisionTruncates) {
  parse("%x: tensor<?xf32>", R"(
    %a = fm.constant dense<[-7, 7, -7, 5]> : tensor<4xi64> : tensor<4xi64>
    %b = fm.constant dense<[2, -2, -2, 0]> : tensor<4xi64> : tensor<4xi64>
    %r = fm.div %a, %b : (tensor<4xi64>, tensor<4xi64>) -> tensor<4xi64>
    return)");
  EXPECT_EQ(elements(), "-3 -3 3 0");
}

TEST_F(Inference, NarrowCastsOfUnknownSizesAreNotFollowed) {
  parse("%x: tensor<?xf32>", R"(
    %s = fm.shape_of %x : (tensor<?xf32>) -> tensor<1xi64>
    %r = fm.cast %s {to = i8} : (tensor<1xi64>) -> tensor<1xi8>
    return)");
  EXPECT_EQ(elements(), "unknown");
}

TEST_F(Inference, FloatScalesAreFollowed) {
  parse("%x: tensor<1x3x20x30xf32>", R"(
    %s = fm.shape_of %x {start = 2 : i64} : (tensor<1x3x20x30xf32>) -> tensor<2xi64>
    %f = fm.cast %s {to = f32} : (tensor<2xi64>) -> tensor<2xf32>
    %h = fm.constant dense<[0.5, 1.7]> : tensor<2xf32> : tensor<2xf32>
    %m = fm.mul %f, %h : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
    %l = fm.floor %m : (tensor<2xf32>) -> tensor<2xf32>
    %r = fm.cast %l {to = i64} : (tensor<2xf32>) -> tensor<2xi64>
    return)");
  EXPECT_EQ(elements(), "10 51");
}

TEST_F(Inference, ExpandShapeByWhere) {
  parse(kTokens, R"(
    %s = fm.shape_of %x : (tensor<?x?x384xf32>) -> tensor<3xi64>
    %m = fm.constant dense<[-1, -1, 384]> : tensor<3xi64> : tensor<3xi64>
    %n = fm.constant dense<-1> : tensor<i64> : tensor<i64>
    %e = fm.cmp %m, %n {predicate = "eq"} : (tensor<3xi64>, tensor<i64>) -> tensor<3xi1>
    %r = fm.select %e, %s, %m : (tensor<3xi1>, tensor<3xi64>, tensor<3xi64>) -> tensor<3xi64>
    return)");
  EXPECT_EQ(elements(), "batch seq 384");
}

TEST_F(Inference, PoolWithCeilMode) {
  parse("%x: tensor<1x1x4x4xf32>", R"(
    %r = fm.pool %x {kind = "max", kernel = array<i64: 1, 1>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, ceil_mode} : (tensor<1x1x4x4xf32>) -> tensor<1x1x2x2xf32>
    return)");
  EXPECT_EQ(dims(), "1 1 2 2");
}

TEST_F(Inference, BranchesOfDifferentSizes) {
  parse("%c: tensor<i1>, %x: tensor<?xf32>, %y: tensor<?xf32>", R"(
    %r = fm.if %c : (tensor<i1>) -> tensor<?xf32> {
      fm.yield %x : tensor<?xf32>
    } else {
      fm.yield %y : tensor<?xf32>
    }
    return)");
  auto symbol = cast<AffineSymbolExpr>(scope->dim(last(), 0));
  EXPECT_EQ(scope->symbols()[symbol.getPosition()].kind, SymbolDef::Result);
}

TEST_F(Inference, LoopKeepsShapes) {
  parse("%n: tensor<i64>, %c: tensor<i1>, %x: tensor<?xf32>", R"(
    %r = fm.loop %n, %c, %x : (tensor<i64>, tensor<i1>, tensor<?xf32>) -> tensor<?xf32> {
    ^bb0(%i: tensor<i64>, %v: tensor<?xf32>):
      %w = fm.add %v, %v : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
      fm.yield %c, %w : tensor<i1>, tensor<?xf32>
    }
    return)");
  EXPECT_EQ(scope->dim(last(), 0), scope->dim(arg(2), 0));
}

} // namespace
