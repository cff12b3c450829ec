//===- KernelScope.cpp - Symbols across a kernel's boundary ---------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/rt/KernelScope.h"

using namespace mlir;
using namespace narae;
using namespace narae::rt;
using fm::Expr;
using fm::SymbolDef;

static StringRef kindName(SymbolDef::Kind kind) {
  switch (kind) {
  case SymbolDef::Max:
    return "max";
  case SymbolDef::Min:
    return "min";
  case SymbolDef::Select:
    return "select";
  case SymbolDef::Equal:
    return "equal";
  case SymbolDef::Less:
    return "less";
  default:
    return "param";
  }
}

/// A definition as an entry of the attribute `symbols`; `operands` are those
/// of a derived one, over `count` symbols.
static DictionaryAttr entryOf(MLIRContext *context, const SymbolDef &def,
                              ArrayRef<Expr> operands, unsigned count) {
  Builder b(context);
  NamedAttrList attrs;
  attrs.set("kind", b.getStringAttr(kindName(def.kind)));
  attrs.set("min", b.getI64IntegerAttr(def.min));
  attrs.set("max", b.getI64IntegerAttr(def.max));
  if (!operands.empty())
    attrs.set("operands",
              AffineMapAttr::get(AffineMap::get(0, count, operands, context)));
  return attrs.getDictionary(context);
}

Expr KernelSymbols::translate(Expr expr) {
  if (isa<AffineConstantExpr>(expr))
    return expr;
  auto it = translated.find(expr);
  if (it != translated.end())
    return it->second;
  Expr result;
  if (auto binary = dyn_cast<AffineBinaryOpExpr>(expr)) {
    Expr lhs = translate(binary.getLHS()), rhs = translate(binary.getRHS());
    result = getAffineBinaryOpExpr(expr.getKind(), lhs, rhs);
  } else {
    const SymbolDef def =
        outer.symbols()[cast<AffineSymbolExpr>(expr).getPosition()];
    MLIRContext *context = outer.getContext();
    SmallVector<Expr> operands;
    if (kindName(def.kind) == "param")
      leaves.push_back(expr);
    else
      for (Expr operand : def.operands)
        operands.push_back(translate(operand));
    defs.push_back(entryOf(context, def, operands, defs.size()));
    result = getAffineSymbolExpr(defs.size() - 1, context);
  }
  translated[expr] = result;
  return result;
}

ArrayAttr KernelSymbols::attribute() const {
  SmallVector<Attribute> attrs(defs.begin(), defs.end());
  return ArrayAttr::get(outer.getContext(), attrs);
}

AffineMapAttr KernelSymbols::map(ArrayRef<Expr> exprs) const {
  return AffineMapAttr::get(
      AffineMap::get(0, defs.size(), exprs, outer.getContext()));
}

void rt::closeSymbols(KernelOp kernel) {
  fm::SymbolicScope scope = scopeOf(kernel);
  for (Operation &op : kernel.block().without_terminator())
    if (failed(scope.add(&op)))
      return; // the verifier says why
  SmallVector<Attribute> symbols(kernel.getSymbols().getValue());
  for (const SymbolDef &def : scope.symbols().drop_front(symbols.size())) {
    // What is read from memory is the kernel's own affair, and so is what
    // derives from it.
    if (kindName(def.kind) == "param")
      break;
    symbols.push_back(
        entryOf(kernel.getContext(), def, def.operands, symbols.size()));
  }
  kernel.setSymbolsAttr(ArrayAttr::get(kernel.getContext(), symbols));
}

unsigned rt::paramCount(KernelOp kernel) {
  return llvm::count_if(kernel.getSymbols(), [](Attribute a) {
    return cast<StringAttr>(cast<DictionaryAttr>(a).get("kind")) == "param";
  });
}

fm::SymbolicScope rt::scopeOf(KernelOp kernel) {
  fm::SymbolicScope scope(kernel.getContext());
  for (Attribute attr : kernel.getSymbols()) {
    auto dict = cast<DictionaryAttr>(attr);
    SymbolDef def;
    def.kind = llvm::StringSwitch<SymbolDef::Kind>(
                   cast<StringAttr>(dict.get("kind")).getValue())
                   .Case("max", SymbolDef::Max)
                   .Case("min", SymbolDef::Min)
                   .Case("select", SymbolDef::Select)
                   .Case("equal", SymbolDef::Equal)
                   .Case("less", SymbolDef::Less)
                   .Default(SymbolDef::Given);
    def.min = cast<IntegerAttr>(dict.get("min")).getInt();
    def.max = cast<IntegerAttr>(dict.get("max")).getInt();
    if (auto map = dict.getAs<AffineMapAttr>("operands"))
      def.operands.assign(map.getValue().getResults().begin(),
                          map.getValue().getResults().end());
    scope.symbol(def);
  }
  for (auto [arg, dims] :
       llvm::zip(kernel.block().getArguments(), kernel.getArgDims())) {
    fm::SymTensor tensor;
    tensor.elementType = cast<ShapedType>(arg.getType()).getElementType();
    auto results = cast<AffineMapAttr>(dims).getValue().getResults();
    tensor.dims.assign(results.begin(), results.end());
    scope.set(arg, std::move(tensor));
  }
  return scope;
}
