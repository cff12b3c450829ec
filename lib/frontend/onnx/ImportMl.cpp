//===- ImportMl.cpp - The numeric ops of ai.onnx.ml -----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/onnx/Compose.h"
#include "lib/frontend/onnx/GraphImporter.h"
#include "lib/frontend/onnx/Text.h"

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

/// A tensor attribute; null when it is not there, or after a diagnostic.
static Value tensorAttr(const Node &n, StringRef name) {
  const auto *attr = n.attr(name);
  return attr && attr->has_t()
             ? n.graph.tensorValue(attr->t(), n.proto.name(), n.loc)
             : Value();
}

/// The constant vector of what the attributes `name`_tensor, _strings, _int64s
/// or _floats list; `type` says which of them it was, without the ending.
static Value listed(const Node &n, const std::string &name, std::string &type) {
  for (const char *ending : {"tensor", "string", "int64", "float"}) {
    type = ending;
    if (n.has(name + "_" + type + (type == "tensor" ? "" : "s")))
      break;
    type.clear();
  }
  if (type == "tensor")
    return n.reshape(tensorAttr(n, name + "_tensor"), {-1});
  if (type == "string") {
    SmallVector<std::string> texts = n.strsAttr(name + "_strings");
    return constStrings(n, texts);
  }
  if (type == "int64")
    return n.constInts(n.intsAttr(name + "_int64s"));
  if (type.empty()) {
    n.error() << "needs one of the attributes " << name << "_tensor, " << name
              << "_strings, " << name << "_int64s and " << name << "_floats";
    return {};
  }
  SmallVector<float> values;
  for (double value : n.floatsAttr(name + "_floats"))
    values.push_back(float(value));
  auto vector =
      RankedTensorType::get({int64_t(values.size())}, n.b.getF32Type());
  return n.make<fm::ConstantOp>(cast<ElementsAttr>(
      DenseElementsAttr::get(vector, llvm::ArrayRef<float>(values))));
}

/// values[i] where x is keys[i], else the default.
static LogicalResult labelEncoder(Node &n) {
  std::string keyKind, kind;
  Value keys = listed(n, "keys", keyKind), values = listed(n, "values", kind);
  if (!keys || !values)
    return failure();
  int64_t count = staticDim(keys, 0);
  if (staticDim(values, 0) != count || count == 0)
    return n.error() << "there are " << count << " keys and "
                     << staticDim(values, 0) << " values";
  Value otherwise = asScalar(n, tensorAttr(n, "default_tensor"));
  bool isText = fm::isString(elementOf(values));
  if (!otherwise && isText)
    otherwise = constString(n, n.strAttr("default_string", "_Unused"));
  else if (!otherwise)
    otherwise = scalarLike(n,
                           elementOf(values).isInteger()
                               ? double(n.intAttr("default_int64", -1))
                               : n.floatAttr("default_float", -0.0),
                           values);
  if (fm::isString(elementOf(keys)) != fm::isString(n.elem(0)))
    return n.error() << "the keys have elements of type " << elementOf(keys)
                     << ", the input of type " << n.elem(0);
  int64_t rank = n.rank(0);
  Value x = n.cast(n.unsqueeze(n.input(0), {rank}), elementOf(keys));
  Value matches = compare(n, x, "eq", keys);
  Value found = n.reduce("any", matches, {rank}, /*keepDims=*/false);
  Value which = n.make<fm::ArgReduceOp>(n.cast(matches, n.b.getI32Type()),
                                        StringRef("max"), uint64_t(rank),
                                        /*keep_dims=*/false);
  Value picked = n.make<fm::GatherOp>(values, which, uint64_t(0));
  return n.setOutput(0, select(n, found, picked, otherwise));
}

void addMl(ImporterTable &table) {
  constexpr llvm::StringLiteral domain = "ai.onnx.ml";
  table.add("ArrayFeatureExtractor", checked<arrayFeatureExtractor, 2>, domain);
  table.add("Binarizer", checked<binarizer, 1>, domain);
  table.add("LabelEncoder", checked<labelEncoder, 1>, domain);
}

} // namespace narae::onnx
