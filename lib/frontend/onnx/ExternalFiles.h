//===- ExternalFiles.h - Whether files of weights are there -----*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_FRONTEND_ONNX_EXTERNALFILES_H
#define NARAE_LIB_FRONTEND_ONNX_EXTERNALFILES_H

#include "lib/frontend/onnx/Types.h"

namespace onnx {
class ModelProto;
} // namespace onnx

namespace narae::onnx {

/// Reports each file of external data that is not there or cannot be read,
/// once, with how many of the model's tensors are in it; fails when there is
/// one. Initializers that nothing uses are not counted; where a file may lie
/// and how long it must be is checked when a tensor is read (findExternal).
llvm::LogicalResult checkExternalFiles(const ::onnx::ModelProto &model,
                                       llvm::StringRef directory,
                                       EmitError emitError);

} // namespace narae::onnx

#endif // NARAE_LIB_FRONTEND_ONNX_EXTERNALFILES_H
