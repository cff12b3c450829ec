//===- ImportGenerators.cpp - Tensors made from nothing -------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/onnx/GraphImporter.h"
#include "lib/frontend/onnx/ShapeParts.h"
#include "lib/frontend/onnx/Text.h"

using namespace mlir;

namespace narae::onnx {

static DenseElementsAttr floatsAttr(Node &n, ArrayRef<double> values,
                                    bool scalar) {
  SmallVector<float> narrow(values.begin(), values.end());
  auto type = RankedTensorType::get(
      scalar ? SmallVector<int64_t>{}
             : SmallVector<int64_t>{int64_t(values.size())},
      n.b.getF32Type());
  return DenseElementsAttr::get(type, ArrayRef<float>(narrow));
}

static LogicalResult constant(Node &n) {
  if (const auto *attr = n.attr("value"); attr && attr->has_t())
    return n.setOutput(0,
                       n.graph.tensorValue(attr->t(), n.proto.name(), n.loc));
  if (const auto *attr = n.attr("sparse_value");
      attr && attr->has_sparse_tensor()) {
    const ModelState &model = n.graph.model;
    auto data =
        readSparse(attr->sparse_tensor(), n.b.getContext(), model.directory,
                   model.realDirectory, [&] { return n.error(); });
    if (failed(data))
      return failure();
    return n.setOutput(0, n.graph.tensorValue(std::move(*data), n.proto.name(),
                                              nullptr, n.loc));
  }
  if (n.has("value_int"))
    return n.setOutput(0, n.constInt(n.intAttr("value_int", 0)));
  if (n.has("value_ints"))
    return n.setOutput(0, n.constInts(n.intsAttr("value_ints")));
  DenseElementsAttr floats;
  if (n.has("value_float"))
    floats = floatsAttr(n, n.floatAttr("value_float", 0), true);
  else if (n.has("value_floats"))
    floats = floatsAttr(n, n.floatsAttr("value_floats"), false);
  if (floats)
    return n.setOutput(
        0, n.make<fm::ConstantOp>(mlir::cast<ElementsAttr>(floats)));
  for (const char *name : {"value_string", "value_strings"})
    if (const auto *attr = n.attr(name)) {
      bool isList = StringRef(name) == "value_strings";
      SmallVector<std::string> texts =
          isList ? n.strsAttr(name) : SmallVector<std::string>{attr->s()};
      for (const std::string &text : texts)
        if (text.find('\0') != std::string::npos)
          return n.error() << "a string contains a zero character, which is "
                              "not supported";
      return n.setOutput(0, isList ? constStrings(n, texts)
                                   : constString(n, texts[0]));
    }
  return n.error() << "Constant has no value";
}

static LogicalResult constantOfShape(Node &n) {
  const auto *attr = n.attr("value");
  if (!attr)
    return n.setOutput(
        0, n.make<fm::FillOp>(n.input(0),
                              mlir::cast<TypedAttr>(n.b.getF32FloatAttr(0))));
  auto data = readTensor(attr->t(), n.b.getContext(), {}, {},
                         [&] { return n.error() << "value: "; });
  if (failed(data))
    return failure();
  if (!data->file.empty() || data->type.getNumElements() != 1)
    return n.error() << "value must be one element, not " << data->type;
  if (!data->type.getElementType().isIntOrFloat()) {
    Value one =
        n.graph.tensorValue(std::move(*data), n.proto.name(), nullptr, n.loc);
    return n.setOutput(0,
                       n.make<fm::BroadcastOp>(asScalar(n, one), n.input(0)));
  }
  DenseElementsAttr dense = denseAttr(data->type, data->bytes);
  auto value = mlir::cast<TypedAttr>(*dense.getValues<Attribute>().begin());
  return n.setOutput(0, n.make<fm::FillOp>(n.input(0), value));
}

/// Ones where column = row + k.
static LogicalResult eyeLike(Node &n) {
  if (failed(checkRank(n, 0, 2, 2)))
    return failure();
  Type type = n.has("dtype") ? onnxType(n, n.intAttr("dtype", 1)) : n.elem(0);
  Value shape = n.shapeOf(n.input(0));
  TypeAttr index = TypeAttr::get(n.b.getI64Type());
  Value row = n.make<fm::IotaOp>(shape, n.b.getI64IntegerAttr(0), index);
  Value column = n.make<fm::IotaOp>(shape, n.b.getI64IntegerAttr(1), index);
  Value diagonal = n.make<fm::AddOp>(row, n.constInt(n.intAttr("k", 0)));
  return n.setOutput(0, n.cast(compare(n, column, "eq", diagonal), type));
}

/// The integer that a float scalar was converted from, as i64; null otherwise.
static Value integerOf(const Node &n, unsigned i) {
  Type index = n.b.getI64Type();
  if (auto floats = n.constantFloats(i); floats && floats->size() == 1) {
    double value = (*floats)[0];
    return std::trunc(value) == value && std::abs(value) < 1e9
               ? n.constInt(static_cast<int64_t>(value))
               : Value();
  }
  auto cast = n.input(i).getDefiningOp<fm::CastOp>();
  if (!cast || !elementOf(cast.getInput()).isSignlessInteger())
    return {};
  return n.cast(asScalar(n, cast.getInput()), index);
}

/// A range of floats that are known at run time only: start + i * delta for
/// the ceil((limit - start) / delta) indices i.
static Value floatRange(const Node &n) {
  Value start = widen(n, asScalar(n, n.input(0)));
  Value limit = widen(n, asScalar(n, n.input(1)));
  Value delta = widen(n, asScalar(n, n.input(2)));
  Value steps = n.make<fm::CeilOp>(
      n.make<fm::DivOp>(n.make<fm::SubOp>(limit, start), delta));
  Value count =
      n.make<fm::MaxOp>(n.cast(steps, n.b.getI64Type()), n.constInt(0));
  if (!count)
    return {};
  Value index = iota(n, {n.unsqueeze(count, {0})}, 0, n.b.getI64Type());
  Value offset = n.make<fm::MulOp>(n.cast(index, elementOf(delta)), delta);
  return n.cast(n.make<fm::AddOp>(start, offset), n.elem(0));
}

static LogicalResult range(Node &n) {
  // Floats that are whole numbers: only integers can be followed as sizes.
  if (isa<FloatType>(n.elem(0))) {
    Value whole[3];
    bool all = true;
    for (unsigned i = 0; i < 3 && all; ++i)
      all = bool(whole[i] = integerOf(n, i));
    if (all)
      return n.setOutput(
          0,
          n.cast(n.make<fm::RangeOp>(whole[0], whole[1], whole[2]), n.elem(0)));
  }
  bool known =
      n.constantFloats(0) && n.constantFloats(1) && n.constantFloats(2);
  if (isa<FloatType>(n.elem(0)) && !known)
    return n.setOutput(0, floatRange(n));
  return n.setOutput(0, n.make<fm::RangeOp>(asScalar(n, n.input(0)),
                                            asScalar(n, n.input(1)),
                                            asScalar(n, n.input(2))));
}

static LogicalResult trilu(Node &n) {
  if (failed(checkRank(n, 0, 2)))
    return failure();
  Value k = n.hasInput(1) ? asScalar(n, n.input(1)) : n.constInt(0);
  return n.setOutput(
      0, n.make<fm::TriluOp>(n.input(0), k, bool(n.intAttr("upper", 1))));
}

static LogicalResult oneHot(Node &n) {
  int64_t rank = n.rank(0) + 1;
  FailureOr<int64_t> axis = n.axis(n.intAttr("axis", -1), rank);
  if (failed(axis))
    return failure();
  Type index = n.b.getI64Type();
  return n.setOutput(
      0, n.make<fm::OneHotOp>(n.cast(n.input(0), index),
                              n.cast(asScalar(n, n.input(1)), index),
                              n.input(2), *axis));
}

void addGenerators(ImporterTable &table) {
  table.add("Constant", constant);
  table.add("ConstantOfShape", checked<constantOfShape, 1>);
  table.add("EyeLike", checked<eyeLike, 1>);
  table.add("Range", checked<range, 3>);
  table.add("Trilu", checked<trilu, 1>);
  table.add("OneHot", checked<oneHot, 3>);
}

} // namespace narae::onnx
