//===- ShapePanels.cpp - Shapes of packed weights -------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/fm/ShapeHelpers.h"

using namespace mlir;
using namespace narae::fm;
using namespace narae::fm::shape;

/// Rows of a panel and their blocks at one place of K.
static constexpr int64_t kPanelRows = 16;

LogicalResult
UnpackPanelsOp::inferResults(SymbolicScope &scope,
                             SmallVectorImpl<SymTensor> &results) {
  if (failed(checkMinRank(*this, scope, getInput(), 3, "input")))
    return failure();
  Exprs dims = dimsOf(scope, getInput());
  Expr width = dims.pop_back_val(), depth = dims.pop_back_val();
  Expr panels = dims.pop_back_val(), n = scope.cst(getN());
  auto given = constantOf(panels), needed = constantOf(scope.ceilDiv(n, width));
  if (getN() < 0 || (given && needed && *given != *needed))
    return emitOpError("cannot make ")
           << getN() << " columns of " << scope.str(panels) << " panels of "
           << scope.str(width);
  if (getTransposed())
    dims.append({n, depth});
  else
    dims.append({depth, n});
  results.push_back({scope.get(getInput()).elementType, dims});
  return success();
}

LogicalResult PackBlocksOp::inferResults(SymbolicScope &scope,
                                         SmallVectorImpl<SymTensor> &results) {
  auto format = blockFormatOf(scope.get(getInput()).elementType);
  if (!format)
    return emitOpError("takes elements of type !fm.block, not ")
           << scope.get(getInput()).elementType;
  if (failed(checkMinRank(*this, scope, getInput(), 2, "input")))
    return failure();
  Exprs dims = dimsOf(scope, getInput());
  auto depth = constantOf(dims.back());
  const BlockInfo &info = blockInfo(*format);
  if (!depth || *depth % info.elements)
    return emitOpError("takes rows of whole blocks of ")
           << info.elements << " elements, not of " << scope.str(dims.back());
  Expr &rows = dims[dims.size() - 2];
  rows = scope.ceilDiv(rows, scope.cst(kPanelRows));
  dims.back() = scope.cst(*depth / info.elements);
  dims.push_back(scope.cst(panelBlockBytes(*format)));
  results.push_back(
      {IntegerType::get(getContext(), 8, IntegerType::Unsigned), dims});
  return success();
}

LogicalResult BlockPanelsOp::inferResults(SymbolicScope &scope,
                                          SmallVectorImpl<SymTensor> &results) {
  auto format = findBlockFormat(getFormat());
  if (!format)
    return emitOpError("has the unknown block format '") << getFormat() << "'";
  Type byte = IntegerType::get(getContext(), 8, IntegerType::Unsigned);
  if (failed(
          checkType(*this, scope.get(getInput()).elementType, byte, "input")) ||
      failed(checkMinRank(*this, scope, getInput(), 3, "input")))
    return failure();
  Exprs dims = dimsOf(scope, getInput());
  Expr bytes = dims.pop_back_val(), blocks = dims.pop_back_val();
  Expr panels = dims.pop_back_val();
  if (constantOf(bytes) != panelBlockBytes(*format) || getN() < 0 ||
      constantOf(panels) != llvm::divideCeil(getN(), kPanelRows))
    return emitOpError("has a shape that is not of ")
           << getN() << " rows of " << getFormat();
  dims.push_back(scope.cst(getN()));
  dims.push_back(scope.mul(blocks, scope.cst(blockInfo(*format).elements)));
  results.push_back({Float32Type::get(getContext()), dims});
  return success();
}
