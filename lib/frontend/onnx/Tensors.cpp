//===- Tensors.cpp - The elements of ONNX tensors -------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/onnx/Tensors.h"

#include "dialects/fm/FmDialect.h"
#include "lib/frontend/onnx/ExternalData.h"
#include "lib/frontend/onnx/Proto.h"

using namespace mlir;
using namespace narae;
using namespace narae::onnx;
using Tensor = ::onnx::TensorProto;

/// Most elements of a sparse tensor that is made dense.
static constexpr int64_t kMaxDense = int64_t(1) << 28;

/// Elements of `bits` bits, the first in the lowest bits of a byte, become a
/// byte each; signed ones are sign extended.
static std::vector<char> unpack(ArrayRef<char> packed, int64_t count,
                                unsigned bits, bool isSigned) {
  std::vector<char> bytes(count);
  unsigned perByte = 8 / bits;
  for (int64_t i = 0; i < count; ++i) {
    unsigned value = static_cast<unsigned char>(packed[i / perByte]);
    value = (value >> (bits * (i % perByte))) & ((1u << bits) - 1);
    if (isSigned && (value >> (bits - 1)))
      value |= ~0u << bits;
    bytes[i] = static_cast<char>(value);
  }
  return bytes;
}

/// Copies the low `size` bytes of every value of a typed field.
template <typename Field>
static void append(const Field &field, size_t size, std::vector<char> &bytes) {
  bytes.reserve(field.size() * size);
  for (auto value : field) {
    const char *p = reinterpret_cast<const char *>(&value);
    bytes.insert(bytes.end(), p, p + size);
  }
}

/// The bytes of the data fields, as a file would have them.
static std::vector<char> storedBytes(const Tensor &proto) {
  std::vector<char> bytes;
  if (proto.has_raw_data()) {
    bytes.assign(proto.raw_data().begin(), proto.raw_data().end());
    return bytes;
  }
  size_t size = std::max(1u, storedBits(proto.data_type()) / 8);
  switch (proto.data_type()) {
  case Tensor::FLOAT:
    append(proto.float_data(), 4, bytes);
    break;
  case Tensor::DOUBLE:
    append(proto.double_data(), 8, bytes);
    break;
  case Tensor::INT64:
    append(proto.int64_data(), 8, bytes);
    break;
  case Tensor::UINT32:
  case Tensor::UINT64:
    append(proto.uint64_data(), size, bytes);
    break;
  default:
    append(proto.int32_data(), size, bytes);
  }
  return bytes;
}

FailureOr<RankedTensorType> narae::onnx::tensorType(const Tensor &proto,
                                                    MLIRContext *context,
                                                    EmitError emitError) {
  Type element = elementType(proto.data_type(), context, emitError);
  if (!element)
    return failure();
  SmallVector<int64_t> shape(proto.dims().begin(), proto.dims().end());
  if (!elementCount(shape)) {
    emitError() << "the shape [" << llvm::iterator_range(shape)
                << "] has a negative size or too many elements";
    return failure();
  }
  return RankedTensorType::get(shape, element);
}

/// Strings have a field of their own, and no other place.
static LogicalResult readStrings(const Tensor &proto, int64_t count,
                                 TensorData &data, EmitError emitError) {
  if (proto.data_location() == Tensor::EXTERNAL || proto.has_raw_data())
    return emitError() << "strings must be in the tensor's string_data";
  if (proto.string_data_size() != count)
    return emitError() << "the data has " << proto.string_data_size()
                       << " strings, but " << data.type << " needs " << count;
  for (const std::string &text : proto.string_data()) {
    if (text.find('\0') != std::string::npos)
      return emitError() << "string " << data.strings.size()
                         << " contains a zero character, which is not "
                            "supported";
    data.strings.push_back(text);
  }
  return success();
}

FailureOr<TensorData> narae::onnx::readTensor(const Tensor &proto,
                                              MLIRContext *context,
                                              StringRef directory,
                                              StringRef realDirectory,
                                              EmitError emitError) {
  FailureOr<RankedTensorType> type = tensorType(proto, context, emitError);
  if (failed(type))
    return failure();
  TensorData data;
  data.type = *type;
  int64_t count = *elementCount(type->getShape());
  unsigned bits = storedBits(proto.data_type());
  uint64_t expected = llvm::divideCeil(uint64_t(count) * bits, 8);
  bool isSigned = type->getElementType().isSignlessInteger();
  if (proto.has_segment())
    return emitError() << "tensors in segments are not supported", failure();

  if (proto.data_type() == Tensor::STRING) {
    if (failed(readStrings(proto, count, data, emitError)))
      return failure();
    return data;
  }
  if (proto.data_location() == Tensor::EXTERNAL) {
    FailureOr<ExternalData> external =
        findExternal(proto, directory, realDirectory, expected, emitError);
    if (failed(external))
      return failure();
    data.file = external->file;
    data.offset = external->offset;
    data.length = expected;
    if (bits >= 8)
      return data;
    std::vector<char> packed;
    if (failed(readExternal(*external, directory, expected, packed, emitError)))
      return failure();
    data.bytes = unpack(packed, count, bits, isSigned);
    data.file.clear();
    data.offset = data.length = 0;
    return data;
  }

  data.bytes = storedBytes(proto);
  if (data.bytes.size() != expected) {
    emitError() << "the data has " << data.bytes.size() << " bytes, but "
                << *type << " needs " << expected;
    return failure();
  }
  if (bits < 8)
    data.bytes = unpack(data.bytes, count, bits, isSigned);
  if (proto.data_type() == Tensor::BOOL)
    for (char &byte : data.bytes)
      byte = byte != 0;
  return data;
}

FailureOr<TensorData>
narae::onnx::readSparse(const ::onnx::SparseTensorProto &proto,
                        MLIRContext *context, StringRef directory,
                        StringRef realDirectory, EmitError emitError) {
  auto values =
      readTensor(proto.values(), context, directory, realDirectory, emitError);
  auto indices =
      readTensor(proto.indices(), context, directory, realDirectory, emitError);
  if (failed(values) || failed(indices))
    return failure();
  SmallVector<int64_t> shape(proto.dims().begin(), proto.dims().end());
  std::optional<int64_t> count = elementCount(shape);
  if (values->type.getElementType() ==
      fm::StringType::get(values->type.getContext()))
    return emitError() << "sparse tensors of strings are not supported",
           failure();
  int64_t rank = shape.size(), stored = values->type.getNumElements();
  bool linear = indices->type.getRank() == 1;
  if (!count || *count > kMaxDense || values->type.getRank() != 1 ||
      !indices->type.getElementType().isInteger(64) || !values->file.empty() ||
      !indices->file.empty() ||
      indices->type.getNumElements() != stored * (linear ? 1 : rank))
    return emitError() << "the sparse tensor is malformed or too large",
           failure();
  SmallVector<int64_t> at = intElements(indices->type, indices->bytes);
  size_t width = runtimeBytes(values->type.getElementType());
  TensorData data;
  data.type = RankedTensorType::get(shape, values->type.getElementType());
  data.bytes.resize(*count * width);
  for (int64_t i = 0; i < stored; ++i) {
    int64_t position = linear ? at[i] : 0;
    for (int64_t d = 0; !linear && d < rank; ++d) {
      int64_t index = at[i * rank + d];
      if (index < 0 || index >= shape[d])
        return emitError() << "a sparse index lies outside of the shape",
               failure();
      position = position * shape[d] + index;
    }
    if (position < 0 || position >= *count)
      return emitError() << "a sparse index lies outside of the shape",
             failure();
    std::copy_n(values->bytes.begin() + i * width, width,
                data.bytes.begin() + position * width);
  }
  return data;
}

DenseElementsAttr narae::onnx::denseAttr(RankedTensorType type,
                                         ArrayRef<char> bytes) {
  if (type.getElementType().isInteger(1)) {
    SmallVector<bool> values;
    for (char byte : bytes)
      values.push_back(byte != 0);
    return DenseElementsAttr::get(type, values);
  }
  return DenseElementsAttr::getFromRawBuffer(type, bytes);
}

SmallVector<int64_t> narae::onnx::intElements(RankedTensorType type,
                                              ArrayRef<char> bytes) {
  SmallVector<int64_t> values;
  Type element = type.getElementType();
  bool isUnsigned = element.isUnsignedInteger() || element.isInteger(1);
  size_t width = runtimeBytes(element);
  for (size_t i = 0; i + width <= bytes.size(); i += width) {
    uint64_t value = 0;
    memcpy(&value, bytes.data() + i, width);
    unsigned shift = 64 - 8 * width;
    values.push_back(isUnsigned
                         ? static_cast<int64_t>(value)
                         : static_cast<int64_t>(value << shift) >> shift);
  }
  return values;
}

SmallVector<double> narae::onnx::floatElements(RankedTensorType type,
                                               ArrayRef<char> bytes) {
  SmallVector<double> values;
  auto floatType = dyn_cast<FloatType>(type.getElementType());
  if (!floatType) {
    for (int64_t value : intElements(type, bytes))
      values.push_back(type.getElementType().isUnsignedInteger()
                           ? static_cast<double>(static_cast<uint64_t>(value))
                           : static_cast<double>(value));
    return values;
  }
  size_t width = runtimeBytes(floatType);
  for (size_t i = 0; i + width <= bytes.size(); i += width) {
    uint64_t bits = 0;
    memcpy(&bits, bytes.data() + i, width);
    llvm::APFloat value(floatType.getFloatSemantics(),
                        llvm::APInt(8 * width, bits));
    bool loses;
    value.convert(llvm::APFloat::IEEEdouble(),
                  llvm::APFloat::rmNearestTiesToEven, &loses);
    values.push_back(value.convertToDouble());
  }
  return values;
}
