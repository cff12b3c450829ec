//===- GraphWork.cpp - The arithmetic of operators ------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/driver/GraphWork.h"
#include "dialects/fm/FmDialect.h"

using namespace mlir;
using namespace narae;
using namespace narae::driver;

std::optional<double> driver::elementsOf(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || !type.hasStaticShape())
    return std::nullopt;
  double count = 1;
  for (int64_t size : type.getShape())
    count *= double(size);
  return count;
}

double driver::operationsOf(Operation *op) {
  double results = 0;
  for (Value result : op->getResults())
    results += elementsOf(result).value_or(0);
  auto shape = [](Value value) {
    return cast<RankedTensorType>(value.getType()).getShape();
  };
  auto known = [](ArrayRef<int64_t> sizes) {
    double product = 1;
    for (int64_t size : sizes)
      product *= ShapedType::isDynamic(size) ? 0 : double(size);
    return product;
  };
  if (auto matmul = dyn_cast<fm::MatmulOp>(op)) {
    ArrayRef<int64_t> lhs = shape(matmul.getLhs());
    size_t depth = lhs.size() - (matmul.getTransposeLhs() ? 2 : 1);
    return 2 * results * known(lhs.slice(depth, 1));
  }
  // Each result is a sum over input channels of a group and the kernel.
  if (auto conv = dyn_cast<fm::ConvOp>(op))
    return 2 * results * known(shape(conv.getFilter()).drop_front());
  // Each input adds to a kernel of each output channel of its group.
  if (auto conv = dyn_cast<fm::ConvTransposeOp>(op))
    return 2 * elementsOf(conv.getInput()).value_or(0) *
           known(shape(conv.getFilter()).drop_front());
  if (auto attention = dyn_cast<fm::AttentionOp>(op)) {
    ArrayRef<int64_t> query = shape(attention.getQuery()),
                      key = shape(attention.getKey()),
                      value = shape(attention.getValue());
    double keys = known(key.slice(attention.getKvBshd() ? 1 : 2, 1));
    // Scores from the query's elements, sums into the result's.
    double pairs = known(query.drop_back()) * keys;
    return 2 * pairs * (known(query.take_back()) + known(value.take_back()));
  }
  if (auto recurrent = dyn_cast<fm::RecurrentOp>(op)) {
    // For each element of a batch and a step, both weight matrices.
    ArrayRef<int64_t> input = shape(recurrent.getInput());
    return 2 * known(input.take_front(2)) *
           (elementsOf(recurrent.getW()).value_or(0) +
            elementsOf(recurrent.getR()).value_or(0));
  }
  double most = results;
  for (Value operand : op->getOperands())
    most = std::max(most, elementsOf(operand).value_or(0));
  return isa<fm::TransposeOp, fm::SliceOp, fm::ConcatOp, fm::GatherOp>(op)
             ? 0
             : most;
}
