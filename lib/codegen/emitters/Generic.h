//===- Generic.h - Emitters that every backend may use ----------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_CODEGEN_EMITTERS_GENERIC_H
#define NARAE_LIB_CODEGEN_EMITTERS_GENERIC_H

#include "lib/codegen/KernelEmitter.h"

#include <memory>
#include <vector>

namespace narae::codegen {

/// Scatter, scans, sorting and ops with data-dependent sizes.
std::unique_ptr<KernelEmitter> createSequentialEmitter();
/// fm.cache_update, in place.
std::unique_ptr<KernelEmitter> createCacheEmitter();
/// fm.reduce with producers and an epilogue.
std::unique_ptr<KernelEmitter> createReduceEmitter();
/// softmax, layer_norm and rms_norm with producers and an epilogue.
std::unique_ptr<KernelEmitter> createRowEmitter();
/// Loops over the results' elements: any kernel without ops of cost None.
std::unique_ptr<KernelEmitter> createLoopEmitter();

/// All of them in the order in which they are to be tried.
std::vector<std::unique_ptr<KernelEmitter>> genericEmitters();

} // namespace narae::codegen

#endif // NARAE_LIB_CODEGEN_EMITTERS_GENERIC_H
