//===- ModelReader.h - From a file or bytes to an ONNX message --*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_FRONTEND_ONNX_MODELREADER_H
#define NARAE_LIB_FRONTEND_ONNX_MODELREADER_H

#include "lib/frontend/onnx/Types.h"

#include <memory>

namespace onnx {
class ModelProto;
} // namespace onnx

namespace narae::onnx {

/// Parses and checks what every model has: a graph, an IR version and operator
/// sets that the importer knows. Null after diagnostics.
std::unique_ptr<::onnx::ModelProto> readModel(llvm::StringRef bytes,
                                              EmitError emitError);

/// Versions of the default domain that are understood.
constexpr int64_t kMinOpset = 1, kMaxOpset = 28;
/// The newest version of the file format.
constexpr int64_t kMaxIrVersion = 14;

} // namespace narae::onnx

#endif // NARAE_LIB_FRONTEND_ONNX_MODELREADER_H
