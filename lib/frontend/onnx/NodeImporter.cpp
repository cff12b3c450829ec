//===- NodeImporter.cpp - What one ONNX op's importer sees ----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/onnx/NodeImporter.h"

#include "lib/frontend/onnx/GraphImporter.h"
#include "lib/frontend/onnx/Text.h"

using namespace mlir;
using namespace narae;
using namespace narae::onnx;
using Proto = ::onnx::AttributeProto;

/// Constants of at most this many elements are read while importing.
static constexpr int64_t kMaxRead = 1 << 16;

Node::Node(GraphImporter &graph, const ::onnx::NodeProto &proto, Location loc,
           int64_t opset)
    : graph(graph), proto(proto), loc(loc), opset(opset),
      b(graph.model.builder), scope(graph.model.scope) {}

InFlightDiagnostic Node::error() const { return emitError(loc); }

StringRef Node::opType() const { return proto.op_type(); }
unsigned Node::numInputs() const { return proto.input_size(); }
unsigned Node::numOutputs() const { return proto.output_size(); }

//===----------------------------------------------------------------------===//
// Inputs and outputs
//===----------------------------------------------------------------------===//

const Binding *Node::binding(unsigned i) const {
  if (i >= numInputs() || proto.input(i).empty())
    return nullptr;
  return graph.lookup(proto.input(i));
}

Value Node::input(unsigned i) const {
  const Binding *binding = this->binding(i);
  if (!binding)
    return {};
  if (binding->kind == Binding::List)
    error() << "input " << i << " ('" << proto.input(i)
            << "') is a sequence where a tensor is needed";
  return binding->kind == Binding::Tensor ? binding->value : Value();
}

bool Node::hasOutput(unsigned i) const {
  return i < numOutputs() && !proto.output(i).empty();
}

RankedTensorType Node::type(unsigned i) const {
  if (Value value = input(i))
    return mlir::cast<RankedTensorType>(value.getType());
  error() << "input " << i << " of " << opType() << " is missing";
  return RankedTensorType::get({}, b.getF32Type());
}

int64_t Node::rank(unsigned i) const { return type(i).getRank(); }
Type Node::elem(unsigned i) const { return type(i).getElementType(); }

LogicalResult Node::setOutput(unsigned i, Value value) {
  if (!value)
    return failure();
  if (hasOutput(i))
    graph.bindTensor(proto.output(i), value);
  return success();
}

LogicalResult Node::setBinding(unsigned i, Binding binding) {
  if (hasOutput(i))
    graph.bind(proto.output(i), std::move(binding));
  return success();
}

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

const Proto *Node::attr(StringRef name) const {
  for (const Proto &attribute : proto.attribute())
    if (attribute.name() == name)
      return &attribute;
  return nullptr;
}

bool Node::has(StringRef name) const { return attr(name) != nullptr; }

/// The attribute when it has the wanted type; null, after a diagnostic when it
/// has another one. Attributes of old files have no type.
static const Proto *typed(const Node &n, StringRef name,
                          Proto::AttributeType type) {
  const Proto *attribute = n.attr(name);
  if (!attribute || attribute->type() == type ||
      attribute->type() == Proto::UNDEFINED)
    return attribute;
  n.error() << "attribute '" << name << "' of " << n.opType()
            << " has another type than it should (AttributeType "
            << static_cast<int>(attribute->type()) << " instead of "
            << static_cast<int>(type) << ")";
  return nullptr;
}

int64_t Node::intAttr(StringRef name, int64_t otherwise) const {
  const Proto *attribute = typed(*this, name, Proto::INT);
  return attribute ? attribute->i() : otherwise;
}

double Node::floatAttr(StringRef name, double otherwise) const {
  const Proto *attribute = typed(*this, name, Proto::FLOAT);
  return attribute ? attribute->f() : otherwise;
}

std::string Node::strAttr(StringRef name, StringRef otherwise) const {
  const Proto *attribute = typed(*this, name, Proto::STRING);
  return attribute ? attribute->s() : otherwise.str();
}

SmallVector<int64_t> Node::intsAttr(StringRef name) const {
  if (const Proto *attribute = typed(*this, name, Proto::INTS))
    return {attribute->ints().begin(), attribute->ints().end()};
  return {};
}

SmallVector<double> Node::floatsAttr(StringRef name) const {
  if (const Proto *attribute = typed(*this, name, Proto::FLOATS))
    return {attribute->floats().begin(), attribute->floats().end()};
  return {};
}

SmallVector<std::string> Node::strsAttr(StringRef name) const {
  if (const Proto *attribute = typed(*this, name, Proto::STRINGS))
    return {attribute->strings().begin(), attribute->strings().end()};
  return {};
}

FailureOr<int64_t> Node::axis(int64_t value, int64_t rank) const {
  if (value < -rank || value >= rank)
    return error() << "axis " << value << " is not in [" << -rank << ", "
                   << rank - 1 << "], the axes of a tensor of rank " << rank,
           failure();
  return value < 0 ? value + rank : value;
}

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

/// The bytes of a weight that is small enough to be read.
static std::optional<ArrayRef<char>> weightBytes(const Node &n, Value value) {
  auto weight = value.getDefiningOp<fm::WeightOp>();
  auto type = mlir::cast<RankedTensorType>(value.getType());
  if (!weight || !type.hasStaticShape() || type.getNumElements() > kMaxRead)
    return std::nullopt;
  return n.graph.model.weights.find(weight.getData());
}

static DenseElementsAttr constantAttr(Value value) {
  DenseElementsAttr attr;
  if (auto constant = value.getDefiningOp<fm::ConstantOp>())
    attr = dyn_cast<DenseElementsAttr>(constant.getValue());
  return attr && attr.getNumElements() <= kMaxRead ? attr : DenseElementsAttr();
}

std::optional<SmallVector<int64_t>> Node::constantInts(unsigned i) const {
  Value value = input(i);
  if (!value)
    return std::nullopt;
  auto type = mlir::cast<RankedTensorType>(value.getType());
  if (!type.getElementType().isInteger())
    return std::nullopt;
  if (auto elements = scope.constants(value))
    return elements;
  if (auto bytes = weightBytes(*this, value))
    return intElements(type, *bytes);
  if (DenseElementsAttr attr = constantAttr(value)) {
    SmallVector<int64_t> values;
    bool isUnsigned = type.getElementType().isUnsignedInteger() ||
                      type.getElementType().isInteger(1);
    for (const APInt &v : attr.getValues<APInt>())
      values.push_back(isUnsigned ? v.getZExtValue() : v.getSExtValue());
    return values;
  }
  return std::nullopt;
}

std::optional<SmallVector<double>> Node::constantFloats(unsigned i) const {
  Value value = input(i);
  if (!value)
    return std::nullopt;
  auto type = mlir::cast<RankedTensorType>(value.getType());
  if (!type.getElementType().isIntOrFloat())
    return std::nullopt;
  if (type.getElementType().isInteger()) {
    auto ints = constantInts(i);
    if (!ints)
      return std::nullopt;
    return SmallVector<double>(ints->begin(), ints->end());
  }
  if (const auto &floats = scope.get(value).floats)
    return floats;
  if (auto bytes = weightBytes(*this, value))
    return floatElements(type, *bytes);
  if (DenseElementsAttr attr = constantAttr(value)) {
    SmallVector<double> values;
    for (APFloat v : attr.getValues<APFloat>()) {
      bool loses;
      v.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &loses);
      values.push_back(v.convertToDouble());
    }
    return values;
  }
  return std::nullopt;
}

Value Node::constInts(ArrayRef<int64_t> values) const {
  auto type = RankedTensorType::get({int64_t(values.size())}, b.getI64Type());
  return make<fm::ConstantOp>(
      mlir::cast<ElementsAttr>(DenseElementsAttr::get(type, values)));
}

Value Node::constInt(int64_t value) const {
  auto type = RankedTensorType::get({}, b.getI64Type());
  return make<fm::ConstantOp>(
      mlir::cast<ElementsAttr>(DenseElementsAttr::get(type, ArrayRef(value))));
}

Value Node::constScalar(double value, Type type) const {
  if (fm::isString(type) && value == 0)
    return constString(*this, "");
  if (fm::isCarriedFloat(type))
    return cast(constScalar(value, b.getF32Type()), type);
  if (!type.isIntOrFloat()) {
    error() << opType() << " does not work on elements of type " << type;
    return {};
  }
  auto tensor = RankedTensorType::get({}, type);
  DenseElementsAttr attr;
  if (auto floatType = dyn_cast<FloatType>(type)) {
    APFloat number(value);
    bool loses;
    number.convert(floatType.getFloatSemantics(), APFloat::rmNearestTiesToEven,
                   &loses);
    attr = DenseElementsAttr::get(tensor, ArrayRef(number));
  } else {
    // Saturating, since casts from doubles beyond the range are undefined.
    unsigned width = type.getIntOrFloatBitWidth();
    APSInt number(width, type.isUnsignedInteger() || width == 1);
    bool exact;
    if (APFloat(value).convertToInteger(number, APFloat::rmTowardZero,
                                        &exact) == APFloat::opInvalidOp &&
        std::isnan(value))
      number = 0;
    attr = DenseElementsAttr::get(tensor, ArrayRef<APInt>(number));
  }
  return make<fm::ConstantOp>(mlir::cast<ElementsAttr>(attr));
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

Value Node::cast(Value value, Type type) const {
  if (!value || !type)
    return {};
  if (mlir::cast<RankedTensorType>(value.getType()).getElementType() == type)
    return value;
  return make<fm::CastOp>(value, type);
}

Value Node::reshape(Value value, ArrayRef<int64_t> shape) const {
  return make<fm::ReshapeOp>(value, constInts(shape), UnitAttr());
}

Value Node::shapeOf(Value value) const {
  if (!value)
    return {};
  auto type = mlir::cast<RankedTensorType>(value.getType());
  if (type.hasStaticShape())
    return constInts(type.getShape());
  return make<fm::ShapeOfOp>(value, b.getI64IntegerAttr(0), IntegerAttr());
}

Value Node::transpose(Value value, ArrayRef<int64_t> perm) const {
  bool identity = true;
  for (auto [i, axis] : llvm::enumerate(perm))
    identity &= axis == int64_t(i);
  return identity ? value : make<fm::TransposeOp>(value, perm);
}

Value Node::unsqueeze(Value value, ArrayRef<int64_t> axes) const {
  return axes.empty() ? value : make<fm::UnsqueezeOp>(value, axes);
}

Value Node::squeeze(Value value, ArrayRef<int64_t> axes) const {
  return axes.empty() ? value : make<fm::SqueezeOp>(value, axes);
}

Value Node::reduce(StringRef kind, Value value, ArrayRef<int64_t> axes,
                   bool keepDims) const {
  return make<fm::ReduceOp>(value, kind, axes, keepDims);
}

Value Node::slice(Value value, int64_t axis, int64_t start, int64_t end) const {
  int64_t step = 1;
  return make<fm::SliceOp>(value, constInts(start), constInts(end),
                           ArrayRef<int64_t>(axis), ArrayRef<int64_t>(step));
}
