//===- HostExprs.cpp - Integer expressions in the host program ===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/dispatch/HostExprs.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace narae;
using namespace narae::dispatch;
using fm::Expr;
using fm::SymbolDef;

Value dispatch::derivedSymbol(OpBuilder &b, Location loc, SymbolDef::Kind kind,
                              ValueRange v) {
  auto flag = [&](Value condition) -> Value {
    return b.create<arith::IndexCastUIOp>(loc, b.getIndexType(), condition);
  };
  auto compare = [&](arith::CmpIPredicate p, Value x, Value y) -> Value {
    return b.create<arith::CmpIOp>(loc, p, x, y);
  };
  switch (kind) {
  case SymbolDef::Max:
    return b.create<arith::MaxSIOp>(loc, v[0], v[1]);
  case SymbolDef::Min:
    return b.create<arith::MinSIOp>(loc, v[0], v[1]);
  case SymbolDef::Equal:
    return flag(compare(arith::CmpIPredicate::eq, v[0], v[1]));
  case SymbolDef::Less:
    return flag(compare(arith::CmpIPredicate::slt, v[0], v[1]));
  case SymbolDef::Select: {
    Value zero = b.create<arith::ConstantIndexOp>(loc, 0);
    Value condition = compare(arith::CmpIPredicate::ne, v[0], zero);
    return b.create<arith::SelectOp>(loc, condition, v[1], v[2]);
  }
  default:
    llvm_unreachable("not a derived symbol");
  }
}

Value dispatch::evalExpr(OpBuilder &b, Location loc, Expr expr,
                         ValueRange symbols) {
  if (auto c = fm::constantOf(expr))
    return b.create<arith::ConstantIndexOp>(loc, *c);
  if (auto s = dyn_cast<AffineSymbolExpr>(expr))
    return symbols[s.getPosition()];
  // Only the symbols that the expression uses.
  SmallVector<Value> used;
  SmallVector<AffineExpr> replacements;
  for (auto [i, value] : llvm::enumerate(symbols)) {
    if (expr.isFunctionOfSymbol(i)) {
      replacements.push_back(getAffineSymbolExpr(used.size(), b.getContext()));
      used.push_back(value);
    } else {
      replacements.push_back(getAffineConstantExpr(0, b.getContext()));
    }
  }
  Expr local = expr.replaceSymbols(replacements);
  return b.create<rt::EvalOp>(
      loc, b.getIndexType(),
      AffineMapAttr::get(AffineMap::get(0, used.size(), local)), used);
}

Value dispatch::bytesOf(OpBuilder &b, Location loc, RankedTensorType type,
                        ArrayRef<Value> dims) {
  MLIRContext *context = b.getContext();
  auto [elements, unit] = fm::storageUnit(type.getElementType());
  Expr size = getAffineConstantExpr(unit, context);
  for (unsigned i = 0; i < dims.size(); ++i) {
    Expr dim = type.isDynamicDim(i)
                   ? getAffineSymbolExpr(i, context)
                   : getAffineConstantExpr(type.getDimSize(i), context);
    size = (i + 1 == dims.size() ? dim.ceilDiv(elements) : dim) * size;
  }
  return evalExpr(b, loc, size, dims);
}

Value HostExprs::symbol(Location loc, unsigned position) {
  const SymbolDef def = scope.symbols()[position];
  switch (def.kind) {
  case SymbolDef::Item:
    return b.create<rt::ItemOp>(loc, b.getIndexType(), def.value,
                                b.getI64IntegerAttr(def.index));
  case SymbolDef::Given:
    llvm_unreachable("kernel parameters have no value in the host program");
  case SymbolDef::Max:
  case SymbolDef::Min:
  case SymbolDef::Select:
  case SymbolDef::Equal:
  case SymbolDef::Less:
    return derivedSymbol(b, loc, def.kind, get(loc, def.operands));
  default:
    // A dimension of an argument or of a branch's result.
    return b.create<tensor::DimOp>(
        loc, def.value, b.create<arith::ConstantIndexOp>(loc, def.index));
  }
}

Value HostExprs::get(Location loc, Expr expr) {
  SmallVector<Value> values(scope.symbols().size());
  for (unsigned i = 0, e = values.size(); i < e; ++i)
    if (expr.isFunctionOfSymbol(i))
      values[i] = symbol(loc, i);
  return evalExpr(b, loc, expr, values);
}

SmallVector<Value> HostExprs::get(Location loc, ArrayRef<Expr> exprs) {
  SmallVector<Value> values;
  for (Expr expr : exprs)
    values.push_back(get(loc, expr));
  return values;
}

SmallVector<Value> HostExprs::dynamicDims(Location loc, Value tensor) {
  SmallVector<Value> values;
  auto type = cast<RankedTensorType>(tensor.getType());
  for (int64_t i = 0; i < type.getRank(); ++i)
    if (type.isDynamicDim(i))
      values.push_back(get(loc, scope.dim(tensor, i)));
  return values;
}

SmallVector<Value> dispatch::symbolValues(OpBuilder &b, Location loc,
                                          ArrayAttr symbols,
                                          ValueRange params) {
  SmallVector<Value> values;
  unsigned next = 0;
  for (Attribute attr : symbols) {
    auto dict = cast<DictionaryAttr>(attr);
    auto kind = llvm::StringSwitch<std::optional<SymbolDef::Kind>>(
                    cast<StringAttr>(dict.get("kind")).getValue())
                    .Case("max", SymbolDef::Max)
                    .Case("min", SymbolDef::Min)
                    .Case("select", SymbolDef::Select)
                    .Case("equal", SymbolDef::Equal)
                    .Case("less", SymbolDef::Less)
                    .Default(std::nullopt);
    if (!kind) {
      values.push_back(params[next++]);
      continue;
    }
    SmallVector<Value> operands;
    for (Expr e : dict.getAs<AffineMapAttr>("operands").getValue().getResults())
      operands.push_back(evalExpr(b, loc, e, values));
    values.push_back(derivedSymbol(b, loc, *kind, operands));
  }
  return values;
}
