//===- Matching.cpp - Helpers to match groups of fm ops ===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/graph/Matching.h"

#include <cmath>

using namespace mlir;
using namespace narae;
using namespace narae::graph;

std::optional<double> graph::splat(Value value) {
  // A constant behind changes of shape is still one number.
  while (Operation *op = value.getDefiningOp()) {
    if (!isa<fm::UnsqueezeOp, fm::SqueezeOp, fm::ReshapeOp, fm::BroadcastOp>(
            op))
      break;
    value = op->getOperand(0);
  }
  auto constant = value.getDefiningOp<fm::ConstantOp>();
  auto dense =
      constant ? dyn_cast<DenseElementsAttr>(constant.getValue()) : nullptr;
  if (!dense || !dense.isSplat())
    return std::nullopt;
  if (isa<FloatType>(dense.getElementType())) {
    bool lossy;
    APFloat number = dense.getSplatValue<APFloat>();
    number.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &lossy);
    return number.convertToDouble();
  }
  return std::nullopt;
}

bool graph::isSplat(Value value, double number) {
  auto found = splat(value);
  return found && std::abs(*found - number) <= 1e-6 * std::abs(number);
}

Value graph::transposedBy(Value value, ArrayRef<int64_t> perm) {
  auto op = value.getDefiningOp<fm::TransposeOp>();
  return op && op.getPerm() == perm ? op.getInput() : Value();
}

std::pair<Value, double> graph::scaled(Value value) {
  if (auto product = withConstant<fm::MulOp>(value))
    return *product;
  if (auto quotient = value.getDefiningOp<fm::DivOp>())
    if (auto number = splat(quotient.getRhs()); number && *number != 0)
      return {quotient.getLhs(), 1.0 / *number};
  return {value, 1.0};
}

bool graph::isF32(Value value) {
  return cast<ShapedType>(value.getType()).getElementType().isF32();
}

int64_t graph::rankOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getRank();
}
