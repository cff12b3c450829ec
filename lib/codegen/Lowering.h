//===- Lowering.h - From arith, scf, vector to llvm ------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_CODEGEN_LOWERING_H
#define NARAE_LIB_CODEGEN_LOWERING_H

#include "mlir/IR/BuiltinOps.h"

namespace narae::codegen {

/// Lowers a module of kernel functions to the llvm dialect. Math functions
/// become calls of the device library (device/). `expandBf16`: conversions of
/// bfloat16 are integer arithmetic, for machines that have no instruction for
/// them or one that is not exact.
llvm::LogicalResult lowerToLLVMDialect(mlir::ModuleOp module, bool expandBf16);

} // namespace narae::codegen

#endif // NARAE_LIB_CODEGEN_LOWERING_H
