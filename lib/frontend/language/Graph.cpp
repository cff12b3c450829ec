//===- Graph.cpp - One entry of a language model while it is built --------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/language/Graph.h"

#include "lib/frontend/language/Storage.h"

using namespace mlir;
using namespace narae;
using namespace narae::language;

std::string language::blockName(const Weight &weight) {
  StringRef name = weight.name;
  name.consume_back(".weight");
  return name.str();
}

std::string language::parentName(const Weight &weight) {
  std::string name = blockName(weight);
  size_t dot = name.rfind('.');
  return dot == std::string::npos ? name : name.substr(0, dot);
}

Graph::At::At(Graph &g, const std::string &name, StringRef kind)
    : g(g), before(g.loc) {
  g.loc = NameLoc::get(g.b.getStringAttr(Twine(name) + " (" + kind + ")"));
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

Value Graph::ints(ArrayRef<int64_t> values) {
  auto type = RankedTensorType::get({int64_t(values.size())}, b.getI64Type());
  return make<fm::ConstantOp>(
      mlir::cast<ElementsAttr>(DenseElementsAttr::get(type, values)));
}

Value Graph::scalar(double value) {
  auto type = RankedTensorType::get({}, b.getF32Type());
  return make<fm::ConstantOp>(
      mlir::cast<ElementsAttr>(DenseElementsAttr::get(type, float(value))));
}

Value Graph::cast(Value value, Type type) {
  if (!value || getElementTypeOrSelf(value.getType()) == type)
    return value;
  return make<fm::CastOp>(value, type);
}

Value Graph::times(Value value, double factor) {
  return factor == 1 ? value : product(value, scalar(factor));
}

Value Graph::sum(Value a, Value b) { return make<fm::AddOp>(a, b); }
Value Graph::product(Value a, Value b) { return make<fm::MulOp>(a, b); }

Value Graph::slice(Value value, int64_t axis, int64_t start, int64_t end) {
  return make<fm::SliceOp>(value, ints({start}), ints({end}),
                           SmallVector<int64_t>{axis}, SmallVector<int64_t>{1});
}

Value Graph::join(Value a, Value b, int64_t axis) {
  if (!a || !b)
    return {};
  return make<fm::ConcatOp>(ValueRange{a, b}, uint64_t(axis));
}

Value Graph::transpose(Value value, ArrayRef<int64_t> perm) {
  return make<fm::TransposeOp>(value, perm);
}

Value Graph::unsqueeze(Value value, int64_t axis) {
  return make<fm::UnsqueezeOp>(value, SmallVector<int64_t>{axis});
}

/// The value as [before.., dim, after..].
Value Graph::reshape(Value value, Value dim, ArrayRef<int64_t> before,
                     ArrayRef<int64_t> after) {
  if (!value || !dim)
    return {};
  Value shape;
  if (auto known = scope.constants(dim)) {
    SmallVector<int64_t> sizes(before);
    llvm::append_range(sizes, *known);
    llvm::append_range(sizes, after);
    shape = ints(sizes);
  } else {
    SmallVector<Value> parts;
    if (!before.empty())
      parts.push_back(ints(before));
    parts.push_back(dim);
    if (!after.empty())
      parts.push_back(ints(after));
    shape = make<fm::ConcatOp>(ValueRange(parts), uint64_t(0));
  }
  return make<fm::ReshapeOp>(value, shape, /*allow_zero=*/true);
}

Value Graph::split(Value rows, ArrayRef<int64_t> sizes) {
  return reshape(rows, tokenDim, {batch}, sizes);
}

Value Graph::merge(Value value, ArrayRef<int64_t> sizes) {
  return reshape(value, rowDim, {}, sizes);
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

Value Graph::raw(const Weight &weight) {
  fm::WeightDataOp data = weights.symbol(weight);
  if (!data)
    return {};
  auto type = mlir::cast<RankedTensorType>(data.getType());
  auto op = b.create<fm::WeightOp>(
      loc, type, FlatSymbolRefAttr::get(data.getSymNameAttr()));
  fm::SymTensor tensor;
  tensor.elementType = type.getElementType();
  for (int64_t size : type.getShape())
    tensor.dims.push_back(scope.cst(size));
  scope.set(op.getResult(), std::move(tensor));
  return op.getResult();
}

Value Graph::weight(const Weight &weight) {
  Value value = raw(weight);
  switch (weight.storage) {
  case Storage::F32:
  case Storage::F16:
  case Storage::BF16:
    return cast(value, b.getF32Type());
  case Storage::F8E4M3: {
    Value scale = raw(*weight.scale);
    return make<fm::DequantizeOp>(value, scale, uint64_t(weight.scaleRows),
                                  uint64_t(weight.scaleColumns));
  }
  default:
    return make<fm::DequantizeOp>(value, Maybe{});
  }
}

Value Graph::linear(Value x, const Weight &matrix,
                    const std::optional<Weight> &bias) {
  At at(*this, blockName(matrix), "linear");
  Maybe added;
  if (bias && !(added.value = weight(*bias)))
    return {};
  return make<fm::MatmulOp>(x, weight(matrix), added,
                            /*transpose_lhs=*/false, /*transpose_rhs=*/true,
                            TypeAttr());
}

Value Graph::ropeTable(const Rope &rope) {
  for (auto &[other, table] : tables)
    if (other.inverseFrequencies == rope.inverseFrequencies &&
        other.factor == rope.factor)
      return table;
  At at(*this, "positions", "rope");
  Value table = make<fm::RopeTableOp>(positions,
                                      ArrayRef<double>(rope.inverseFrequencies),
                                      llvm::APFloat(rope.factor));
  tables.push_back({rope, table});
  return table;
}
