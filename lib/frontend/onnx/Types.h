//===- Types.h - ONNX element types -----------------------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_FRONTEND_ONNX_TYPES_H
#define NARAE_LIB_FRONTEND_ONNX_TYPES_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Diagnostics.h"

namespace narae::onnx {

using EmitError = llvm::function_ref<mlir::InFlightDiagnostic()>;

/// The element type of a TensorProto::DataType; null after a diagnostic that
/// says why there is none.
mlir::Type elementType(int dataType, mlir::MLIRContext *context,
                       EmitError emitError);
/// ONNX's name of a data type ("FLOAT16"), for messages.
std::string dataTypeName(int dataType);
/// Bits an element has in ONNX files; 0 for strings, which have no fixed size.
unsigned storedBits(int dataType);
/// Bytes an element has at run time (bool and narrow types: 1).
unsigned runtimeBytes(mlir::Type type);
/// The number of elements; none on overflow or when a size is negative.
std::optional<int64_t> elementCount(llvm::ArrayRef<int64_t> shape);

} // namespace narae::onnx

#endif // NARAE_LIB_FRONTEND_ONNX_TYPES_H
