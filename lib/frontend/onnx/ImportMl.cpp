//===- ImportMl.cpp - The numeric ops of ai.onnx.ml -----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/onnx/Compose.h"

using namespace mlir;
using llvm::SmallVector;
using llvm::StringRef;

namespace narae::onnx {

/// Columns of the last dimension; of a vector as one row.
static LogicalResult arrayFeatureExtractor(Node &n) {
  if (failed(checkRank(n, 0, 1)))
    return failure();
  Value x = n.input(0), columns = n.reshape(n.input(1), {-1});
  Value y = n.make<fm::GatherOp>(x, columns, uint64_t(n.rank(0) - 1));
  return n.setOutput(0, n.rank(0) == 1 ? n.unsqueeze(y, {0}) : y);
}

static LogicalResult binarizer(Node &n) {
  Value above = compare(n, n.input(0), "gt", n.floatAttr("threshold", 0));
  return n.setOutput(0, n.cast(above, n.elem(0)));
}

/// A constant vector of the numbers in an attribute, i64 or f32.
static Value numbers(const Node &n, StringRef ints, StringRef floats) {
  if (n.has(ints))
    return n.constInts(n.intsAttr(ints));
  if (!n.has(floats)) {
    n.error() << "needs the attribute " << ints << " or " << floats
              << "; strings and tensors are not supported";
    return {};
  }
  SmallVector<float> values;
  for (double value : n.floatsAttr(floats))
    values.push_back(float(value));
  auto type = RankedTensorType::get({int64_t(values.size())}, n.b.getF32Type());
  return n.make<fm::ConstantOp>(cast<ElementsAttr>(
      DenseElementsAttr::get(type, llvm::ArrayRef<float>(values))));
}

/// values[i] where x is keys[i], else the default.
static LogicalResult labelEncoder(Node &n) {
  Value keys = numbers(n, "keys_int64s", "keys_floats");
  Value values = numbers(n, "values_int64s", "values_floats");
  if (!keys || !values)
    return failure();
  int64_t count = staticDim(keys, 0);
  if (staticDim(values, 0) != count || count == 0)
    return n.error() << "there are " << count << " keys and "
                     << staticDim(values, 0) << " values";
  double otherwise = n.has("values_int64s")
                         ? double(n.intAttr("default_int64", -1))
                         : n.floatAttr("default_float", -0.0);
  int64_t rank = n.rank(0);
  Value x = n.cast(n.unsqueeze(n.input(0), {rank}), elementOf(keys));
  Value matches = compare(n, x, "eq", keys);
  Value found = n.reduce("any", matches, {rank}, /*keepDims=*/false);
  Value which = n.make<fm::ArgReduceOp>(n.cast(matches, n.b.getI32Type()),
                                        StringRef("max"), uint64_t(rank),
                                        /*keep_dims=*/false);
  Value picked = n.make<fm::GatherOp>(values, which, uint64_t(0));
  return n.setOutput(
      0, select(n, found, picked, scalarLike(n, otherwise, values)));
}

void addMl(ImporterTable &table) {
  constexpr llvm::StringLiteral domain = "ai.onnx.ml";
  table.add("ArrayFeatureExtractor", checked<arrayFeatureExtractor, 2>, domain);
  table.add("Binarizer", checked<binarizer, 1>, domain);
  table.add("LabelEncoder", checked<labelEncoder, 1>, domain);
}

} // namespace narae::onnx
