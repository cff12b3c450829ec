//===- OnnxImporter.h - ONNX graphs into fm ---------------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_FRONTEND_ONNX_ONNXIMPORTER_H
#define NARAE_LIB_FRONTEND_ONNX_ONNXIMPORTER_H

#include "lib/frontend/WeightStore.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace narae::onnx {

/// What the user said of dimensions: a number or bounds (max -1: none).
struct DimRange {
  int64_t min = 0;
  int64_t max = -1;
};

struct ImportOptions {
  /// By the dimension's name, or `INPUT.AXIS` ("x.2") for nameless ones.
  std::map<std::string, DimRange> dims;
  /// Forget static sizes of the inputs (a test mode), except for lengths of
  /// 1-D integer tensors, on which ranks may depend.
  bool allDynamic = false;
  /// Of tensors too large to be constants only the types are read; the files
  /// that hold them need not be there.
  bool withoutWeights = false;
};

/// Reads an ONNX file. Every problem is reported through the context's
/// diagnostics, located at the node (`NameLoc` "name (OpType)"); all of them,
/// not the first only. Null when there was any.
///
/// The result is a module with `func.func @main`, whose arguments carry
/// `fm.name`, `fm.dims` (names of dimensions, "" for none) and `fm.bounds`
/// (min, max an axis), and whose results carry `fm.name`. `fm.dims` of
/// results are hints only.
mlir::OwningOpRef<mlir::ModuleOp> importOnnx(llvm::StringRef path,
                                             mlir::MLIRContext &context,
                                             WeightStore &weights,
                                             const ImportOptions &options);
/// The same from bytes; external data is looked up in `directory`.
mlir::OwningOpRef<mlir::ModuleOp>
importOnnxBytes(llvm::StringRef bytes, llvm::StringRef name,
                llvm::StringRef directory, mlir::MLIRContext &context,
                WeightStore &weights, const ImportOptions &options);

} // namespace narae::onnx

#endif // NARAE_LIB_FRONTEND_ONNX_ONNXIMPORTER_H
