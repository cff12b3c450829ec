//===- CpuKernels.h - The CPU's own code generators -------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Kernels whose speed needs registers and caches in mind (matmul, convolution,
// attention, recurrences). They stand before the generic emitters.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_CPU_COMPILER_KERNELS_CPUKERNELS_H
#define NARAE_BACKENDS_CPU_COMPILER_KERNELS_CPUKERNELS_H

#include "lib/codegen/KernelEmitter.h"

#include "mlir/IR/BuiltinOps.h"

namespace narae::cpu {

/// The special emitters, the most special first.
std::vector<std::unique_ptr<codegen::KernelEmitter>> cpuEmitters();

/// Rewrites contractions of a module before its kernels are configured: packs
/// operands that stay the same over runs into the layout that kernels stream.
llvm::LogicalResult prepareContractions(mlir::ModuleOp module,
                                        const codegen::MachineModel &machine);
/// The part of it for weights that stay in fewer bits than f32.
llvm::LogicalResult packNarrowWeights(mlir::ModuleOp module,
                                      const codegen::MachineModel &machine);

} // namespace narae::cpu

#endif // NARAE_BACKENDS_CPU_COMPILER_KERNELS_CPUKERNELS_H
