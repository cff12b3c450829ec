//===- OwnContext.h - Kernels in a plugin's own context ---------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A plugin that links this library has dialects of its own: their classes do
// not recognise the ops of the compiler that loaded it, since MLIR tells
// classes by addresses. A copy in the plugin's own context has its classes.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_CODEGEN_OWNCONTEXT_H
#define NARAE_LIB_CODEGEN_OWNCONTEXT_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

namespace narae::codegen {

/// Loads the dialects that kernels are made of (fm, hbm, rt and MLIR's own
/// that they need) into a context.
void loadKernelDialects(mlir::MLIRContext &context);

/// A copy in `context` of the module that `compile` and `configure` of a
/// backend receive, with its locations. Null after a diagnostic in `context`.
mlir::OwningOpRef<mlir::ModuleOp> copyModule(void *module,
                                             mlir::MLIRContext &context);

/// A copy in `context` of one op that `supports` receives: a module with a
/// function that has the op's operands as arguments. Null after a diagnostic.
mlir::OwningOpRef<mlir::ModuleOp> copyOp(void *op, mlir::MLIRContext &context);

} // namespace narae::codegen

#endif // NARAE_LIB_CODEGEN_OWNCONTEXT_H
