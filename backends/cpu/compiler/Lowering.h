//===- Lowering.h - From arith, scf, vector to the llvm dialect  -*- C++
//-*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_CPU_COMPILER_LOWERING_H
#define NARAE_BACKENDS_CPU_COMPILER_LOWERING_H

#include "backends/cpu/compiler/Targets.h"

#include "mlir/IR/BuiltinOps.h"

namespace narae::cpu {

/// Lowers a module of kernel functions to the llvm dialect, for a target.
llvm::LogicalResult lowerToLLVMDialect(mlir::ModuleOp module,
                                       const CpuTarget &target, bool exact);

} // namespace narae::cpu

#endif // NARAE_BACKENDS_CPU_COMPILER_LOWERING_H
