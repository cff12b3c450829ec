//===- Text.h - Strings while importing -------------------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// As all helpers of importers, these return null after a diagnostic and accept
// null operands.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_FRONTEND_ONNX_TEXT_H
#define NARAE_LIB_FRONTEND_ONNX_TEXT_H

#include "lib/frontend/onnx/NodeImporter.h"

namespace narae::onnx {

/// A constant tensor of strings: a list, or a scalar of one.
mlir::Value constStrings(const Node &n, llvm::ArrayRef<std::string> values);
mlir::Value constString(const Node &n, llvm::StringRef value);
/// fm.text on operands of one shape.
mlir::Value textOf(const Node &n, llvm::StringRef function,
                   llvm::ArrayRef<mlir::Value> inputs, mlir::Type to,
                   llvm::StringRef pattern = "", int64_t limit = -1);
/// A conversion from or to strings.
mlir::Value castText(const Node &n, mlir::Value value, mlir::Type to);

} // namespace narae::onnx

#endif // NARAE_LIB_FRONTEND_ONNX_TEXT_H
