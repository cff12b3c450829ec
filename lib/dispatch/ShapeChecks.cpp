//===- ShapeChecks.cpp - What must hold of sizes at run time ===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/dispatch/ShapeChecks.h"
#include "dialects/rt/RtDialect.h"
#include "lib/dispatch/HostExprs.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

using namespace mlir;
using namespace narae;
using namespace narae::dispatch;
using fm::Expr;

bool ShapeChecks::isEarly(Expr expr) {
  for (auto [i, def] : llvm::enumerate(scope.symbols())) {
    if (!expr.isFunctionOfSymbol(i))
      continue;
    auto argument = dyn_cast_or_null<BlockArgument>(def.value);
    bool early =
        def.kind == fm::SymbolDef::ArgDim
            ? argument &&
                  isa<FunctionOpInterface>(argument.getOwner()->getParentOp())
            : !def.operands.empty() && llvm::all_of(def.operands, [&](Expr e) {
                return isEarly(e);
              });
    if (!early)
      return false;
  }
  return true;
}

void ShapeChecks::require(Operation *op, Expr a, Expr b, bool orOne,
                          const Twine &what) {
  if (a == b || (orOne && fm::constantOf(a) == 1))
    return;
  auto key =
      std::make_tuple(a.getAsOpaquePointer(), b.getAsOpaquePointer(), orOne);
  if (seen.count(key))
    return;
  // What a branch checks is not known outside of it.
  if (isa<FunctionOpInterface>(op->getParentOp()))
    seen.insert(key);
  OpBuilder builder(op);
  // What sizes of inputs decide is checked before anything has run. A branch
  // may not be taken: its checks stay in it.
  if (isa<FunctionOpInterface>(op->getParentOp()) && isEarly(a) && isEarly(b)) {
    if (!firstOp)
      firstOp = &op->getBlock()->front();
    builder.setInsertionPoint(firstOp);
  }
  HostExprs host(builder, scope);
  Location loc = op->getLoc();
  Value x = host.get(loc, a), y = host.get(loc, b);
  auto same = [&](Value u, Value v) -> Value {
    return builder.create<arith::CmpIOp>(loc, arith::CmpIPredicate::eq, u, v);
  };
  Value holds = same(x, y);
  if (orOne)
    holds = builder.create<arith::OrIOp>(
        loc, holds, same(x, builder.create<arith::ConstantIndexOp>(loc, 1)));
  std::string node;
  if (auto name = loc->findInstanceOf<NameLoc>())
    node = "node '" + name.getName().str() + "': ";
  builder.create<rt::CheckOp>(loc, holds,
                              node + what.str() + " (" + scope.str(a) +
                                  " against " + scope.str(b) + ")");
}

void ShapeChecks::equal(Operation *op, Expr a, Expr b, const Twine &what) {
  require(op, a, b, /*orOne=*/false, what);
}

void ShapeChecks::broadcasts(Operation *op, ArrayRef<Expr> from,
                             ArrayRef<Expr> to) {
  if (from.size() > to.size())
    return;
  ArrayRef<Expr> aligned = to.take_back(from.size());
  for (auto [i, pair] : llvm::enumerate(llvm::zip(from, aligned)))
    require(op, std::get<0>(pair), std::get<1>(pair), /*orOne=*/true,
            "dimension " + Twine(to.size() - from.size() + i) +
                " of an operand neither is 1 nor fits the others");
}

void ShapeChecks::add(Operation *op) {
  auto dims = [&](Value v) {
    ArrayRef<Expr> d = scope.dims(v);
    return fm::Exprs(d.begin(), d.end());
  };
  if (isa<fm::AddOp, fm::SubOp, fm::MulOp, fm::DivOp, fm::ModOp, fm::PowOp,
          fm::MinOp, fm::MaxOp, fm::AndOp, fm::OrOp, fm::XorOp, fm::ShlOp,
          fm::ShrOp, fm::CmpOp, fm::SelectOp>(op)) {
    for (Value operand : op->getOperands())
      broadcasts(op, dims(operand), dims(op->getResult(0)));
  } else if (auto expand = dyn_cast<fm::BroadcastOp>(op)) {
    broadcasts(op, dims(expand.getInput()), dims(expand));
  } else if (isa<fm::ReshapeOp, fm::FlattenOp>(op)) {
    equal(op, scope.product(dims(op->getOperand(0))),
          scope.product(dims(op->getResult(0))),
          "the number of elements does not fit the shape");
  } else if (auto squeeze = dyn_cast<fm::SqueezeOp>(op)) {
    equal(op, scope.product(dims(squeeze.getInput())),
          scope.product(dims(squeeze)), "a squeezed dimension is not 1");
  } else if (auto concat = dyn_cast<fm::ConcatOp>(op)) {
    fm::Exprs result = dims(concat);
    for (Value input : concat.getInputs())
      for (auto [i, d] : llvm::enumerate(dims(input)))
        if (int64_t(i) != int64_t(concat.getAxis()))
          equal(op, d, result[i],
                "dimension " + Twine(i) + " of joined tensors differs");
  } else if (auto matmul = dyn_cast<fm::MatmulOp>(op)) {
    fm::Exprs a = dims(matmul.getLhs()), b = dims(matmul.getRhs()),
              r = dims(matmul);
    Expr inner = a[a.size() - (matmul.getTransposeLhs() ? 2 : 1)];
    Expr other = b[b.size() - (matmul.getTransposeRhs() ? 1 : 2)];
    equal(op, inner, other, "the inner dimensions differ");
    ArrayRef<Expr> batch = ArrayRef<Expr>(r).drop_back(2);
    broadcasts(op, ArrayRef<Expr>(a).drop_back(2), batch);
    broadcasts(op, ArrayRef<Expr>(b).drop_back(2), batch);
    if (matmul.getBias())
      broadcasts(op, dims(matmul.getBias()), r);
  } else if (auto conv = dyn_cast<fm::ConvOp>(op)) {
    equal(op, dims(conv.getInput())[1],
          scope.mul(dims(conv.getFilter())[1], scope.cst(conv.getGroups())),
          "the channels of input and filter differ");
  } else if (auto conv = dyn_cast<fm::ConvTransposeOp>(op)) {
    equal(op, dims(conv.getInput())[1], dims(conv.getFilter())[0],
          "the channels of input and filter differ");
  } else if (auto norm = dyn_cast<fm::LayerNormOp>(op)) {
    for (Value v : {Value(norm.getScale()), Value(norm.getBias())})
      if (v)
        broadcasts(op, dims(v), dims(norm));
  } else if (auto norm = dyn_cast<fm::RmsNormOp>(op)) {
    if (norm.getScale())
      broadcasts(op, dims(norm.getScale()), dims(norm));
  } else if (auto attention = dyn_cast<fm::AttentionOp>(op)) {
    fm::Exprs q = dims(attention.getQuery()), k = dims(attention.getKey()),
              v = dims(attention.getValue());
    equal(op, q[0], k[0], "the batches of query and key differ");
    equal(op, k[0], v[0], "the batches of key and value differ");
    equal(op, k[1], v[1], "key and value differ in dimension 1");
    equal(op, k[2], v[2], "key and value differ in dimension 2");
    equal(op, q[3], k[3], "the head sizes of query and key differ");
    if (attention.getMask()) {
      unsigned s = attention.getQBshd() ? 1 : 2;
      unsigned t = attention.getKvBshd() ? 1 : 2;
      fm::Exprs scores{q[0], q[3 - s], q[s], k[t]};
      broadcasts(op, dims(attention.getMask()), scores);
    }
  } else if (auto gather = dyn_cast<fm::GatherElementsOp>(op)) {
    fm::Exprs from = dims(gather.getInput()), at = dims(gather.getIndices());
    for (auto [i, d] : llvm::enumerate(at))
      if (int64_t(i) != int64_t(gather.getAxis()) && d != from[i])
        equal(op, scope.max(d, from[i]), from[i],
              "the indices are larger than the input in dimension " + Twine(i));
  } else if (auto scatter = dyn_cast<fm::ScatterElementsOp>(op)) {
    fm::Exprs at = dims(scatter.getIndices()),
              from = dims(scatter.getUpdates());
    for (auto [x, y] : llvm::zip(at, from))
      equal(op, x, y, "indices and updates differ in shape");
  } else if (auto recurrent = dyn_cast<fm::RecurrentOp>(op)) {
    fm::Exprs x = dims(recurrent.getInput()), y = dims(recurrent.getY());
    equal(op, x[2], dims(recurrent.getW())[2],
          "the input's and the weights' sizes differ");
    for (Value state : {Value(recurrent.getH0()), Value(recurrent.getC0())})
      if (state)
        equal(op, dims(state)[1], x[1],
              "the batches of input and state differ");
  }
}
