//===- Types.cpp - ONNX element types -------------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/onnx/Types.h"

#include "dialects/fm/FmDialect.h"
#include "lib/frontend/onnx/Proto.h"

#include "mlir/IR/Builders.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace narae;
using Tensor = ::onnx::TensorProto;

std::string narae::onnx::dataTypeName(int dataType) {
  static const char *const names[] = {
      "UNDEFINED",      "FLOAT",        "UINT8",          "INT8",
      "UINT16",         "INT16",        "INT32",          "INT64",
      "STRING",         "BOOL",         "FLOAT16",        "DOUBLE",
      "UINT32",         "UINT64",       "COMPLEX64",      "COMPLEX128",
      "BFLOAT16",       "FLOAT8E4M3FN", "FLOAT8E4M3FNUZ", "FLOAT8E5M2",
      "FLOAT8E5M2FNUZ", "UINT4",        "INT4",           "FLOAT4E2M1",
      "FLOAT8E8M0",     "UINT2",        "INT2",           "FLOAT6E2M3",
      "FLOAT6E3M2"};
  if (dataType >= 0 && dataType < static_cast<int>(std::size(names)))
    return names[dataType];
  return "type " + std::to_string(dataType);
}

Type narae::onnx::elementType(int dataType, MLIRContext *context,
                              EmitError emitError) {
  Builder b(context);
  auto unsignedInt = [&](unsigned width) {
    return IntegerType::get(context, width, IntegerType::Unsigned);
  };
  switch (dataType) {
  case Tensor::FLOAT:
    return b.getF32Type();
  case Tensor::DOUBLE:
    return b.getF64Type();
  case Tensor::FLOAT16:
    return b.getF16Type();
  case Tensor::BFLOAT16:
    return b.getBF16Type();
  case Tensor::FLOAT8E4M3FN:
    return b.getFloat8E4M3FNType();
  case Tensor::FLOAT8E4M3FNUZ:
    return b.getFloat8E4M3FNUZType();
  case Tensor::FLOAT8E5M2:
    return b.getFloat8E5M2Type();
  case Tensor::FLOAT8E5M2FNUZ:
    return b.getFloat8E5M2FNUZType();
  case Tensor::BOOL:
    return b.getI1Type();
  case Tensor::INT2:
    return b.getIntegerType(2);
  case Tensor::INT4:
    return b.getIntegerType(4);
  case Tensor::INT8:
    return b.getI8Type();
  case Tensor::INT16:
    return b.getI16Type();
  case Tensor::INT32:
    return b.getI32Type();
  case Tensor::INT64:
    return b.getI64Type();
  case Tensor::UINT2:
    return unsignedInt(2);
  case Tensor::UINT4:
    return unsignedInt(4);
  case Tensor::UINT8:
    return unsignedInt(8);
  case Tensor::UINT16:
    return unsignedInt(16);
  case Tensor::UINT32:
    return unsignedInt(32);
  case Tensor::UINT64:
    return unsignedInt(64);
  case Tensor::STRING:
    return fm::StringType::get(context);
  case Tensor::FLOAT4E2M1:
    return fm::F4E2M1Type::get(context);
  case Tensor::FLOAT8E8M0:
    return fm::F8E8M0Type::get(context);
  case Tensor::COMPLEX64:
  case Tensor::COMPLEX128:
    emitError() << "complex numbers (" << dataTypeName(dataType)
                << ") are not supported; export the model with real and "
                   "imaginary parts as a last dimension of 2";
    return {};
  case Tensor::FLOAT6E2M3:
  case Tensor::FLOAT6E3M2:
    emitError()
        << "element type " << dataTypeName(dataType)
        << " is not supported; use one of the FLOAT8 types, or FLOAT4E2M1";
    return {};
  case Tensor::UNDEFINED:
    emitError() << "the element type is not given";
    return {};
  default:
    emitError() << "element type " << dataType << " is unknown";
    return {};
  }
}

unsigned narae::onnx::storedBits(int dataType) {
  switch (dataType) {
  case Tensor::INT2:
  case Tensor::UINT2:
    return 2;
  case Tensor::INT4:
  case Tensor::UINT4:
  case Tensor::FLOAT4E2M1:
    return 4;
  case Tensor::BOOL:
  case Tensor::INT8:
  case Tensor::UINT8:
  case Tensor::FLOAT8E4M3FN:
  case Tensor::FLOAT8E4M3FNUZ:
  case Tensor::FLOAT8E5M2:
  case Tensor::FLOAT8E5M2FNUZ:
  case Tensor::FLOAT8E8M0:
    return 8;
  case Tensor::INT16:
  case Tensor::UINT16:
  case Tensor::FLOAT16:
  case Tensor::BFLOAT16:
    return 16;
  case Tensor::INT32:
  case Tensor::UINT32:
  case Tensor::FLOAT:
    return 32;
  case Tensor::INT64:
  case Tensor::UINT64:
  case Tensor::DOUBLE:
    return 64;
  default:
    return 0;
  }
}

unsigned narae::onnx::runtimeBytes(Type type) {
  return fm::storageUnit(type).bytes;
}

std::optional<int64_t> narae::onnx::elementCount(ArrayRef<int64_t> shape) {
  int64_t count = 1;
  bool overflow = false;
  for (int64_t size : shape) {
    if (size < 0)
      return std::nullopt;
    if (size == 0)
      return 0;
    overflow |= llvm::MulOverflow(count, size, count);
  }
  // Room for eight bytes an element.
  if (overflow || count > INT64_MAX / 16)
    return std::nullopt;
  return count;
}
