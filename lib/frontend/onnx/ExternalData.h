//===- ExternalData.h - Tensors that lie in files of their own --*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_FRONTEND_ONNX_EXTERNALDATA_H
#define NARAE_LIB_FRONTEND_ONNX_EXTERNALDATA_H

#include "lib/frontend/onnx/Types.h"

#include <vector>

namespace onnx {
class TensorProto;
} // namespace onnx

namespace narae::onnx {

struct ExternalData {
  std::string file; ///< relative to the model's folder
  uint64_t offset = 0;
};

/// Reads a tensor's `external_data` and checks that it names `expected` bytes
/// of a file that does not lie outside of the model's folder (`directory`, or
/// `realDirectory` when the model is a symbolic link into another one).
llvm::FailureOr<ExternalData> findExternal(const ::onnx::TensorProto &proto,
                                           llvm::StringRef directory,
                                           llvm::StringRef realDirectory,
                                           uint64_t expected,
                                           EmitError emitError);
/// Reads `length` bytes.
llvm::LogicalResult readExternal(const ExternalData &external,
                                 llvm::StringRef directory, uint64_t length,
                                 std::vector<char> &bytes, EmitError emitError);

} // namespace narae::onnx

#endif // NARAE_LIB_FRONTEND_ONNX_EXTERNALDATA_H
