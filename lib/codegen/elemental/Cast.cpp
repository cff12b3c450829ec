//===- Cast.cpp - Elements of conversions ---------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/codegen/elemental/Helpers.h"

using namespace mlir;
using namespace narae;
using namespace narae::codegen;

static Value castElement(KernelContext &k, Operation *op, unsigned,
                         ValueRange indices) {
  auto cast = llvm::cast<fm::CastOp>(op);
  Value x = k.element(cast.getInput(), indices);
  if (!x)
    return {};
  return convert(k, x, elementOf(cast.getInput()), elementOf(cast.getResult()),
                 {cast.getSaturate(), cast.getRound()});
}

static Value bitcastElement(KernelContext &k, Operation *op, unsigned,
                            ValueRange indices) {
  Value x = k.element(op->getOperand(0), indices);
  if (!x)
    return {};
  Type to = KernelContext::registerType(elementOf(op->getResult(0)));
  if (x.getType() == to)
    return x;
  return k.b.create<arith::BitcastOp>(k.loc, to, x);
}

void codegen::registerCastElements(ElementTable &t) {
  t["fm.cast"] = {castElement, ElementCost::Cheap};
  t["fm.bitcast"] = {bitcastElement, ElementCost::Free};
}
