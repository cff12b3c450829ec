//===- Emitters.h - What the CPU's emitters share ---------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_CPU_COMPILER_KERNELS_EMITTERS_H
#define NARAE_BACKENDS_CPU_COMPILER_KERNELS_EMITTERS_H

#include "lib/codegen/KernelEmitter.h"

namespace narae::cpu {

std::unique_ptr<codegen::KernelEmitter> createMatmulEmitter();
std::unique_ptr<codegen::KernelEmitter> createPackBlocksEmitter();
std::unique_ptr<codegen::KernelEmitter> createConvEmitter();
std::unique_ptr<codegen::KernelEmitter> createDepthwiseEmitter();
std::unique_ptr<codegen::KernelEmitter> createConvTransposeEmitter();
std::unique_ptr<codegen::KernelEmitter> createAttentionEmitter();
std::unique_ptr<codegen::KernelEmitter> createCachedAttentionEmitter();
std::unique_ptr<codegen::KernelEmitter> createExpertEmitter();
std::unique_ptr<codegen::KernelEmitter> createRecurrentEmitter();

inline bool isF32(mlir::Value tensor) {
  return llvm::cast<mlir::ShapedType>(tensor.getType())
      .getElementType()
      .isF32();
}

/// Whether all yielded values have the dimensions of `anchor`, whose elements
/// they then need at their own indices only.
bool yieldsFollow(rt::KernelOp kernel, fm::SymbolicScope &scope,
                  mlir::Value anchor);

} // namespace narae::cpu

#endif // NARAE_BACKENDS_CPU_COMPILER_KERNELS_EMITTERS_H
