//===- Passes.h - Passes of the memory phase ---------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_MEMORY_PASSES_H
#define NARAE_LIB_MEMORY_PASSES_H

#include "dialects/rt/RtDialect.h"
#include "narae/backend.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"

namespace narae::memory {

/// Fails, with need, have, the largest buffers and what would help, unless
/// the planned module's weights, states and largest arena fit into `capacity`
/// bytes.
llvm::LogicalResult checkCapacity(mlir::ModuleOp module, int64_t capacity);

/// Adds the memories of a target description as `hbm.space`s, one pool of each:
/// none where it has no fast memory that software fills.
/// \param name of the target, for messages.
llvm::LogicalResult addSpaces(mlir::ModuleOp module, const std::string &json,
                              llvm::StringRef name);

/// Checks the use of spaces over home (`narae-verify-memory`).
llvm::LogicalResult verifyNear(mlir::func::FuncOp func,
                               mlir::SymbolTable &symbols);

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "lib/memory/Passes.h.inc"

/// `narae-plan-spaces` with a backend's own times of kernels.
/// \param backend may be null; outlives the pass.
std::unique_ptr<mlir::Pass>
createPlanSpaces(PlanSpacesOptions options, const NaraeBackendCompiler *backend,
                 std::string target);

} // namespace narae::memory

#endif // NARAE_LIB_MEMORY_PASSES_H
