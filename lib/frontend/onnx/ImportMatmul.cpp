//===- ImportMatmul.cpp - MatMul and Gemm ---------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/onnx/Compose.h"

#include <cmath>

using namespace mlir;

namespace narae::onnx {

/// NumPy's matmul: a vector on the left is a row, on the right a column, and
/// the result loses that dimension again.
static LogicalResult matMul(Node &n) {
  if (failed(checkRank(n, 0, 1)) || failed(checkRank(n, 1, 1)))
    return failure();
  bool row = n.rank(0) == 1, column = n.rank(1) == 1;
  Value a = row ? n.unsqueeze(n.input(0), {0}) : n.input(0);
  Value b = column ? n.unsqueeze(n.input(1), {1}) : n.input(1);
  Value product = matmul(n, a, b);
  if (!product)
    return failure();
  int64_t rank = rankOf(product);
  llvm::SmallVector<int64_t> dropped;
  if (row)
    dropped.push_back(rank - 2);
  if (column)
    dropped.push_back(rank - 1);
  return n.setOutput(0,
                     dropped.empty() ? product : n.squeeze(product, dropped));
}

/// alpha * A' * B' + beta * C. The common case, both factors 1, is one op.
static LogicalResult gemm(Node &n) {
  if (failed(checkRank(n, 0, 2, 2)) || failed(checkRank(n, 1, 2, 2)))
    return failure();
  double alpha = n.floatAttr("alpha", 1), beta = n.floatAttr("beta", 1);
  bool transA = n.intAttr("transA", 0), transB = n.intAttr("transB", 0);
  if (!isa<FloatType>(n.elem(0)) &&
      (alpha != std::floor(alpha) || beta != std::floor(beta)))
    return n.error() << "alpha and beta must be whole numbers for "
                     << n.elem(0);
  Maybe c = beta == 0 ? Maybe{} : maybeInput(n, 2);
  if (alpha == 1) {
    if (c.value && beta != 1) {
      c.value = mulConst(n, c.value, beta);
      if (!c.value)
        return failure();
    }
    return n.setOutput(0, n.make<fm::MatmulOp>(n.input(0), n.input(1), c,
                                               transA, transB, TypeAttr()));
  }
  Value y =
      mulConst(n, matmul(n, n.input(0), n.input(1), transA, transB), alpha);
  if (c.value)
    y = n.make<fm::AddOp>(y, mulConst(n, c.value, beta));
  return n.setOutput(0, y);
}

/// com.microsoft's matmul with transposes of the last two dimensions.
static LogicalResult fusedMatMul(Node &n) {
  if (failed(checkRank(n, 0, 2)) || failed(checkRank(n, 1, 2)))
    return failure();
  if (n.intAttr("transBatchA", 0) || n.intAttr("transBatchB", 0))
    return n.error() << "transBatchA and transBatchB are not supported; "
                        "transpose before the node";
  Value y = matmul(n, n.input(0), n.input(1), n.intAttr("transA", 0),
                   n.intAttr("transB", 0));
  return n.setOutput(0, mulConst(n, y, n.floatAttr("alpha", 1)));
}

void registerMatmul(ImporterTable &table) {
  table.add("MatMul", checked<matMul, 2>);
  table.add("Gemm", checked<gemm, 2>);
  table.add("FusedMatMul", checked<fusedMatMul, 2>, "com.microsoft");
  addEinsum(table);
  addDet(table);
}

} // namespace narae::onnx
