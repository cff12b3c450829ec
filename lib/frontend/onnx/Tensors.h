//===- Tensors.h - The elements of ONNX tensors -----------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_FRONTEND_ONNX_TENSORS_H
#define NARAE_LIB_FRONTEND_ONNX_TENSORS_H

#include "lib/frontend/onnx/Types.h"

#include "mlir/IR/BuiltinAttributes.h"

#include <vector>

namespace onnx {
class SparseTensorProto;
class TensorProto;
} // namespace onnx

namespace narae::onnx {

/// A tensor's type and elements, either here or in a file.
struct TensorData {
  mlir::RankedTensorType type;
  /// In the runtime's layout: little endian, row-major, narrow types a byte.
  std::vector<char> bytes;
  /// The elements instead of bytes, where they are strings.
  std::vector<std::string> strings;
  /// Where the bytes are instead; relative to the model's folder.
  std::string file;
  uint64_t offset = 0, length = 0;
  bool isAbsent = false; ///< a type only
};

/// The type of a tensor, from its declaration; failure after a message.
llvm::FailureOr<mlir::RankedTensorType>
tensorType(const ::onnx::TensorProto &proto, mlir::MLIRContext *context,
           EmitError emitError);

/// Reads a tensor. External data stays where it is, except for types that
/// files pack tighter than the runtime. `directory` is the model's folder and
/// `realDirectory` that of the file behind a symbolic link.
llvm::FailureOr<TensorData> readTensor(const ::onnx::TensorProto &proto,
                                       mlir::MLIRContext *context,
                                       llvm::StringRef directory,
                                       llvm::StringRef realDirectory,
                                       EmitError emitError);
/// The same, made dense.
llvm::FailureOr<TensorData> readSparse(const ::onnx::SparseTensorProto &proto,
                                       mlir::MLIRContext *context,
                                       llvm::StringRef directory,
                                       llvm::StringRef realDirectory,
                                       EmitError emitError);

/// An attribute from bytes in the runtime's layout.
mlir::DenseElementsAttr denseAttr(mlir::RankedTensorType type,
                                  llvm::ArrayRef<char> bytes);
/// The elements of an integer (or boolean) or of any tensor.
llvm::SmallVector<int64_t> intElements(mlir::RankedTensorType type,
                                       llvm::ArrayRef<char> bytes);
llvm::SmallVector<double> floatElements(mlir::RankedTensorType type,
                                        llvm::ArrayRef<char> bytes);

} // namespace narae::onnx

#endif // NARAE_LIB_FRONTEND_ONNX_TENSORS_H
