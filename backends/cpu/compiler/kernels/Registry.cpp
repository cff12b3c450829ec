//===- Registry.cpp - The list of the CPU's code generators ---------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/cpu/compiler/kernels/CpuKernels.h"
#include "backends/cpu/compiler/kernels/Emitters.h"

using namespace mlir;
using namespace narae;

std::vector<std::unique_ptr<codegen::KernelEmitter>> cpu::cpuEmitters() {
  std::vector<std::unique_ptr<codegen::KernelEmitter>> emitters;
  emitters.push_back(createMatmulEmitter());
  emitters.push_back(createPackBlocksEmitter());
  emitters.push_back(createDepthwiseEmitter());
  emitters.push_back(createConvEmitter());
  emitters.push_back(createConvTransposeEmitter());
  emitters.push_back(createAttentionEmitter());
  emitters.push_back(createCachedAttentionEmitter());
  emitters.push_back(createExpertEmitter());
  emitters.push_back(createRecurrentEmitter());
  return emitters;
}

bool cpu::yieldsFollow(rt::KernelOp kernel, fm::SymbolicScope &scope,
                       Value anchor) {
  fm::Exprs dims(scope.dims(anchor));
  return llvm::all_of(kernel.yield()->getOperands(), [&](Value value) {
    return scope.dims(value) == ArrayRef<fm::Expr>(dims);
  });
}
