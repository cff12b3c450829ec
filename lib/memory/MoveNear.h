//===- MoveNear.h - A plan of spaces as IR ---------------------- -*- C++
//-*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_MEMORY_MOVENEAR_H
#define NARAE_LIB_MEMORY_MOVENEAR_H

#include "lib/memory/NearSchedule.h"

namespace narae::memory {

struct MoveCounts {
  unsigned prefetches = 0, spills = 0, reloads = 0, recomputed = 0;
};

/// Carries a plan out: buffers of the space, copies between it and home,
/// kernels on them. All lifetimes then count commands from 1.
MoveCounts moveNear(mlir::func::FuncOp func, hbm::SpaceOp space,
                    mlir::SymbolTable &symbols, const NearSchedule &schedule,
                    const HomePlan &plan);

} // namespace narae::memory

#endif // NARAE_LIB_MEMORY_MOVENEAR_H
