//===- Generic.cpp - Emitters that every backend may use ------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/codegen/emitters/Generic.h"

using namespace narae::codegen;

std::vector<std::unique_ptr<KernelEmitter>> narae::codegen::genericEmitters() {
  std::vector<std::unique_ptr<KernelEmitter>> emitters;
  emitters.push_back(createSequentialEmitter());
  emitters.push_back(createCacheEmitter());
  emitters.push_back(createReduceEmitter());
  emitters.push_back(createRowEmitter());
  emitters.push_back(createLoopEmitter());
  return emitters;
}
