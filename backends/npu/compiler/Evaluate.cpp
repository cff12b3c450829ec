//===- Evaluate.cpp - From results back to operands -----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/compiler/Registry.h"

using namespace mlir;
using namespace narae;
using namespace narae::npu;

OpEntry narae::npu::findOp(StringRef name) {
  static const OpTable table = [] {
    OpTable t;
    registerElementwiseOps(t);
    registerMathOps(t);
    registerMovementOps(t);
    registerReduceOps(t);
    registerNormOps(t);
    registerGatherOps(t);
    registerMatmulOps(t);
    registerAttentionOps(t);
    registerWindowOps(t);
    registerLanguageOps(t);
    return t;
  }();
  return table.lookup(name);
}

TileBuilder::Key TileBuilder::keyOf(Value value, const Access &access) {
  Key key = {uint64_t(uintptr_t(value.getAsOpaquePointer()))};
  for (const Index &index : access) {
    key.push_back(index.offset);
    key.push_back(index.terms.size());
    for (auto [axis, factor] : index.terms) {
      key.push_back(axis);
      key.push_back(uint64_t(uintptr_t(factor.getAsOpaquePointer())));
    }
  }
  return key;
}

void TileBuilder::remember(Value value, const Access &access, Tile tile) {
  known.back()[keyOf(value, access)] = std::move(tile);
}

FailureOr<Tile> TileBuilder::evaluate(Value value, const Access &access) {
  Key key = keyOf(value, access);
  for (auto &scopeOfLoop : known)
    if (auto it = scopeOfLoop.find(key); it != scopeOfLoop.end())
      return it->second;
  FailureOr<Tile> result = failure();
  Operation *op = value.getDefiningOp();
  if (!op) {
    auto argument = cast<BlockArgument>(value);
    result = loadBuffer(argument.getArgNumber(),
                        cast<ShapedType>(value.getType()).getElementType(),
                        dims(value), access);
  } else if (isa<fm::ConstantOp, rt::ShapeValueOp>(op)) {
    result = constantTile(value, access);
  } else if (OpEntry entry = findOp(op->getName().getStringRef());
             entry.evaluate) {
    result = entry.evaluate(*this, op, cast<OpResult>(value).getResultNumber(),
                            access);
  } else {
    return op->emitError() << op->getName()
                           << " cannot be computed tile by tile";
  }
  if (succeeded(result))
    known.back()[key] = *result;
  return result;
}

Index TileBuilder::broadcast(Expr own, Expr outer, Index index) {
  if (own == outer || fm::constantOf(outer) == 1)
    return index;
  if (fm::constantOf(own) == 1)
    return fixed(scalars.constant(0));
  if (fm::constantOf(own))
    return index;
  // It may be 1 when the kernel runs.
  Expr one = scope.cst(1), zero = scope.cst(0);
  Expr factor = scope.select(scope.equal(own, one), zero, one);
  index.offset = scalars.mul(index.offset, scalars.host(factor));
  for (auto &[axis, by] : index.terms)
    by = scope.mul(by, factor);
  return index;
}

Access TileBuilder::broadcast(Value operand, ArrayRef<Expr> resultDims,
                              const Access &access) {
  ArrayRef<Expr> own = dims(operand);
  Access result;
  size_t skip = resultDims.size() - own.size();
  for (size_t i = 0; i < own.size(); ++i)
    result.push_back(broadcast(own[i], resultDims[skip + i], access[skip + i]));
  return result;
}

std::optional<fm::Exprs> TileBuilder::list(Value value) {
  return scope.get(value).elements;
}

std::optional<double> TileBuilder::scalarConstant(Value value) {
  auto constant = value.getDefiningOp<fm::ConstantOp>();
  if (!constant)
    return std::nullopt;
  auto dense = dyn_cast<DenseElementsAttr>(constant.getValue());
  if (!dense || !dense.isSplat())
    return std::nullopt;
  if (isa<FloatType>(dense.getElementType()))
    return dense.getSplatValue<APFloat>().convertToDouble();
  if (auto type = dyn_cast<IntegerType>(dense.getElementType())) {
    APInt bits = dense.getSplatValue<APInt>();
    return type.getWidth() == 1 || type.isUnsigned()
               ? double(bits.getZExtValue())
               : double(bits.getSExtValue());
  }
  return std::nullopt;
}

/// The bytes of a dense constant as a buffer of the launch has them.
static bool appendBytes(DenseElementsAttr dense, std::vector<uint8_t> &bytes) {
  Type element = dense.getElementType();
  int64_t width = storedBytes(element);
  auto append = [&](uint64_t bits) {
    for (int64_t i = 0; i < width; ++i)
      bytes.push_back(uint8_t(bits >> (8 * i)));
  };
  if (isa<FloatType>(element)) {
    for (APFloat value : dense.getValues<APFloat>())
      append(value.bitcastToAPInt().getZExtValue());
    return true;
  }
  if (!isa<IntegerType>(element))
    return false;
  for (APInt value : dense.getValues<APInt>())
    append(element.isInteger(1)
               ? value.getZExtValue()
               : uint64_t(value.sextOrTrunc(64).getSExtValue()));
  return true;
}

/// Where the next constant begins.
static int64_t alignConstants(std::vector<uint8_t> &constants) {
  while (constants.size() % bufferAlignment)
    constants.push_back(0);
  return int64_t(constants.size());
}

Tile TileBuilder::constantNumbers(ArrayRef<float> numbers, const Index &index) {
  int64_t shift = alignConstants(constants);
  auto *bytes = reinterpret_cast<const uint8_t *>(numbers.data());
  constants.insert(constants.end(), bytes, bytes + numbers.size() * 4);
  uint32_t buffer =
      kernel.block().getNumArguments() + kernel.yield()->getNumOperands() + 1;
  return loadBuffer(buffer, Float32Type::get(kernel.getContext()),
                    {scope.cst(int64_t(numbers.size()))}, {index}, shift);
}

FailureOr<Tile> TileBuilder::constantTile(Value value, const Access &access) {
  Type element = cast<ShapedType>(value.getType()).getElementType();
  std::optional<ElementType> type = scratchpadType(element);
  if (!type)
    return emitError(value.getLoc())
           << "a constant of " << element << " is not held on an NPU";
  const fm::SymTensor &known = scope.get(value);
  if (auto constant = value.getDefiningOp<fm::ConstantOp>()) {
    auto dense = dyn_cast<DenseElementsAttr>(constant.getValue());
    if (!dense)
      return constant.emitError("a constant that is not dense");
    if (dense.isSplat() || dense.getNumElements() == 1) {
      if (isa<FloatType>(element)) {
        Tile tile =
            number((*dense.getValues<APFloat>().begin()).convertToDouble());
        tile.type = *type;
        return tile;
      }
      APInt bits = *dense.getValues<APInt>().begin();
      Tile tile = integer(
          scalars.constant(element.isInteger(1) || element.isUnsignedInteger()
                               ? int64_t(bits.getZExtValue())
                               : bits.getSExtValue()));
      tile.type = *type;
      return tile;
    }
    int64_t shift = alignConstants(constants);
    if (!appendBytes(dense, constants))
      return constant.emitError("a constant of ")
             << element << " is not held on an NPU";
    uint32_t buffer =
        kernel.block().getNumArguments() + kernel.yield()->getNumOperands() + 1;
    return loadBuffer(buffer, element, known.dims, access, shift);
  }
  if (!known.elements)
    return emitError(value.getLoc())
           << "integers that are not known when the kernel is launched";
  fm::Exprs elements = *known.elements;
  if (llvm::all_equal(elements) && !elements.empty()) {
    Tile tile = integer(scalars.host(elements.front()));
    tile.type = *type;
    return tile;
  }
  // Few numbers, one after the other in memory.
  Tile tile;
  tile.type = ElementType::I32;
  tile.buffer = schedule.allocate(Space::Scratchpad,
                                  std::max<size_t>(1, elements.size()) * 4);
  for (auto [i, e] : llvm::enumerate(elements)) {
    Tile one = tile;
    one.offset = scalars.constant(int64_t(i));
    vectorInto(one, Opcode::VConvert, {integer(scalars.host(e))}, {});
  }
  Scalar stride = scalars.constant(1);
  for (size_t i = known.dims.size(); i-- > 0;) {
    const Index &index = access[i];
    tile.offset = scalars.add(tile.offset, scalars.mul(index.offset, stride));
    for (auto [axis, factor] : index.terms)
      tile.strides.push_back({axis, scalars.mul(stride, scalars.host(factor))});
    stride = scalars.mul(stride, scalars.host(known.dims[i]));
  }
  return *type == ElementType::I32 ? tile : convert(tile, *type);
}
