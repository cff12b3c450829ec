//===- Compose.cpp - Helpers to compose fm ops ----------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/onnx/Compose.h"

#include "lib/frontend/onnx/Types.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using llvm::ArrayRef;
using llvm::SmallVector;
using llvm::StringRef;

namespace narae::onnx {

LogicalResult checkInputs(const Node &n, unsigned count) {
  for (unsigned i = 0; i < std::max(count, n.numInputs()); ++i) {
    Value input = n.input(i);
    if (!input) {
      if (i < count)
        return n.error() << "input " << i << " is missing";
      continue;
    }
    if (!isa<RankedTensorType>(input.getType()))
      return n.error() << "input " << i << " is " << input.getType()
                       << "; only tensors can be used here";
  }
  return success();
}

LogicalResult checkRank(const Node &n, unsigned input, int64_t low,
                        int64_t high) {
  int64_t rank = n.rank(input);
  if (rank >= low && rank <= high)
    return success();
  auto diag = n.error() << "input " << input << " has rank " << rank;
  if (low == high)
    return diag << "; it must have rank " << low;
  if (high == INT64_MAX)
    return diag << "; it must have at least rank " << low;
  return diag << "; it must have rank " << low << " to " << high;
}

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

RankedTensorType tensorType(Value value) {
  return cast<RankedTensorType>(value.getType());
}
Type elementOf(Value value) { return tensorType(value).getElementType(); }
int64_t rankOf(Value value) { return tensorType(value).getRank(); }

int64_t staticDim(Value value, int64_t axis) {
  if (axis >= rankOf(value))
    return -1;
  int64_t size = tensorType(value).getDimSize(axis);
  return ShapedType::isDynamic(size) ? -1 : size;
}

Type wideType(Type type) {
  if (fm::isCarriedFloat(type))
    return Float32Type::get(type.getContext());
  if (isa<FloatType>(type) && type.getIntOrFloatBitWidth() < 32)
    return Float32Type::get(type.getContext());
  return type;
}

Value widen(const Node &n, Value value) {
  return value ? n.cast(value, wideType(elementOf(value))) : Value();
}

Type onnxType(const Node &n, int64_t dataType) {
  return elementType(dataType, n.b.getContext(), [&] { return n.error(); });
}

//===----------------------------------------------------------------------===//
// Dimensions and shapes
//===----------------------------------------------------------------------===//

Value constDim(const Node &n, int64_t value) { return n.constInts({value}); }

Value dimsOf(const Node &n, Value value, int64_t start, int64_t end) {
  if (!value)
    return {};
  ArrayRef<int64_t> shape = tensorType(value).getShape();
  if (start < 0 || end > int64_t(shape.size())) {
    n.error() << "dimension " << (start < 0 ? start : end - 1)
              << " is needed of a tensor of rank " << shape.size();
    return {};
  }
  ArrayRef<int64_t> part = shape.slice(start, end - start);
  if (!ShapedType::isDynamicShape(part))
    return n.constInts(part);
  return n.make<fm::ShapeOfOp>(value, uint64_t(start),
                               n.b.getI64IntegerAttr(end));
}

Value dimOf(const Node &n, Value value, int64_t axis) {
  return dimsOf(n, value, axis, axis + 1);
}

/// The operation on two known numbers.
static int64_t fold(DimOp op, int64_t a, int64_t b) {
  switch (op) {
  case DimOp::Add:
    return a + b;
  case DimOp::Sub:
    return a - b;
  case DimOp::Mul:
    return a * b;
  case DimOp::Div:
    return b ? a / b : 0;
  case DimOp::Max:
    return std::max(a, b);
  case DimOp::Min:
    return std::min(a, b);
  }
  llvm_unreachable("a DimOp");
}

Value dimArith(const Node &n, DimOp op, Value a, Value b) {
  if (!a || !b)
    return {};
  auto x = n.scope.constants(a), y = n.scope.constants(b);
  if (x && y && x->size() == y->size()) {
    SmallVector<int64_t> result;
    for (auto [p, q] : llvm::zip(*x, *y))
      result.push_back(fold(op, p, q));
    return n.constInts(result);
  }
  bool neutral = op == DimOp::Mul || op == DimOp::Div;
  if (y && llvm::all_of(*y, [&](int64_t v) { return v == neutral; }) &&
      op != DimOp::Max && op != DimOp::Min)
    return a;
  switch (op) {
  case DimOp::Add:
    return n.make<fm::AddOp>(a, b);
  case DimOp::Sub:
    return n.make<fm::SubOp>(a, b);
  case DimOp::Mul:
    return n.make<fm::MulOp>(a, b);
  case DimOp::Div:
    return n.make<fm::DivOp>(a, b);
  case DimOp::Max:
    return n.make<fm::MaxOp>(a, b);
  case DimOp::Min:
    return n.make<fm::MinOp>(a, b);
  }
  llvm_unreachable("a DimOp");
}

Value dimArith(const Node &n, DimOp op, Value a, int64_t b) {
  return a ? dimArith(n, op, a, constDim(n, b)) : Value();
}

Value dimProduct(const Node &n, Value value, int64_t start, int64_t end) {
  if (!value)
    return {};
  Value product = constDim(n, 1);
  for (int64_t i = start; i < end; ++i)
    product = dimArith(n, DimOp::Mul, dimOf(n, value, i), product);
  return product;
}

Value shapeOfDims(const Node &n, ArrayRef<Value> dims) {
  SmallVector<int64_t> known;
  bool allKnown = true;
  for (Value dim : dims) {
    if (!dim)
      return {};
    auto constants = n.scope.constants(dim);
    allKnown &= constants.has_value();
    if (allKnown)
      llvm::append_range(known, *constants);
  }
  if (allKnown)
    return n.constInts(known);
  return dims.size() == 1 ? dims[0] : concat(n, dims, 0);
}

Value reshapeTo(const Node &n, Value value, ArrayRef<Value> dims) {
  return n.make<fm::ReshapeOp>(value, shapeOfDims(n, dims),
                               /*allow_zero=*/true);
}

Value reshapeLike(const Node &n, Value value, Value like) {
  return like ? reshapeTo(n, value, {dimsOf(n, like, 0, rankOf(like))})
              : Value();
}

Value asDim(const Node &n, Value scalar) {
  if (!scalar)
    return {};
  Value i64 = n.cast(scalar, n.b.getI64Type());
  if (!i64 || (rankOf(i64) == 1 && staticDim(i64, 0) == 1))
    return i64;
  return n.reshape(i64, {1});
}

Value asScalar(const Node &n, Value value) {
  if (!value || rankOf(value) == 0)
    return value;
  return n.reshape(value, {});
}

Value alongAxis(const Node &n, Value vector, int64_t axis, int64_t rank) {
  if (!vector)
    return {};
  SmallVector<int64_t> axes;
  for (int64_t i = 0; i < rank; ++i)
    if (i != axis)
      axes.push_back(i);
  return axes.empty() ? vector : n.unsqueeze(vector, axes);
}

bool sameDim(const Node &n, Value a, int64_t i, Value b, int64_t j) {
  return n.scope.dim(a, i) == n.scope.dim(b, j);
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

Value concat(const Node &n, ArrayRef<Value> values, int64_t axis) {
  if (llvm::is_contained(values, Value()))
    return {};
  return n.make<fm::ConcatOp>(ValueRange(values), uint64_t(axis));
}

Value sliceDims(const Node &n, Value value, int64_t axis, Value start,
                Value end) {
  return n.make<fm::SliceOp>(value, start, end, SmallVector<int64_t>{axis},
                             SmallVector<int64_t>{1});
}

Value sliceStep(const Node &n, Value value, int64_t axis, int64_t start,
                int64_t step) {
  return n.make<fm::SliceOp>(value, constDim(n, start), constDim(n, INT64_MAX),
                             SmallVector<int64_t>{axis},
                             SmallVector<int64_t>{step});
}

Value padAxis(const Node &n, Value value, int64_t axis, Value before,
              Value after, double filler) {
  Value pads = shapeOfDims(n, {before, after});
  if (!value || !pads)
    return {};
  if (auto known = n.scope.constants(pads);
      known && (*known)[0] == 0 && (*known)[1] == 0)
    return value;
  return n.make<fm::PadOp>(value, pads, scalarLike(n, filler, value),
                           SmallVector<int64_t>{axis});
}

Value iota(const Node &n, ArrayRef<Value> dims, int64_t axis, Type type) {
  return n.make<fm::IotaOp>(shapeOfDims(n, dims), uint64_t(axis), type);
}

Value filled(const Node &n, ArrayRef<Value> dims, double value, Type type) {
  if (!type.isIntOrFloat())
    return broadcastTo(n, n.constScalar(value, type), dims);
  TypedAttr attr;
  if (isa<FloatType>(type))
    attr = n.b.getFloatAttr(type, value);
  else
    attr = n.b.getIntegerAttr(type, int64_t(value));
  return n.make<fm::FillOp>(shapeOfDims(n, dims), attr);
}

Value broadcastTo(const Node &n, Value value, ArrayRef<Value> dims) {
  return n.make<fm::BroadcastOp>(value, shapeOfDims(n, dims));
}

Value compare(const Node &n, Value a, StringRef predicate, Value b) {
  return n.make<fm::CmpOp>(a, b, predicate);
}
Value compare(const Node &n, Value a, StringRef predicate, double b) {
  return compare(n, a, predicate, scalarLike(n, b, a));
}
Value select(const Node &n, Value condition, Value a, Value b) {
  return n.make<fm::SelectOp>(condition, a, b);
}

Value scalarLike(const Node &n, double constant, Value like) {
  return like ? n.constScalar(constant, elementOf(like)) : Value();
}
Value addConst(const Node &n, Value value, double constant) {
  return constant == 0
             ? value
             : n.make<fm::AddOp>(value, scalarLike(n, constant, value));
}
Value mulConst(const Node &n, Value value, double constant) {
  return constant == 1
             ? value
             : n.make<fm::MulOp>(value, scalarLike(n, constant, value));
}
Value clamp(const Node &n, Value value, double low, double high) {
  Value above = n.make<fm::MaxOp>(value, scalarLike(n, low, value));
  return n.make<fm::MinOp>(above, scalarLike(n, high, above));
}

SmallVector<int64_t> axesFrom(int64_t from, int64_t rank) {
  return llvm::to_vector(llvm::seq<int64_t>(from, rank));
}

Value matmul(const Node &n, Value a, Value b, bool transposeA, bool transposeB,
             Type acc) {
  return n.make<fm::MatmulOp>(a, b, Maybe{}, transposeA, transposeB,
                              acc ? TypeAttr::get(acc) : TypeAttr());
}

} // namespace narae::onnx
