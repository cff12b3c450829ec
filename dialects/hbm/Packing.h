//===- Packing.h - From hbm.pack to places ----------------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_DIALECTS_HBM_PACKING_H
#define NARAE_DIALECTS_HBM_PACKING_H

#include "dialects/hbm/HbmDialect.h"
#include "lib/memory/planner/Planner.h"

namespace narae::hbm {

/// The sizes of a pack's slices to plan for: numbers as they are, others as
/// `upto` says. False when there is one without.
bool plannedSizes(PackOp pack, llvm::SmallVectorImpl<int64_t> &sizes);

/// The pack as a problem of the planner, with those sizes.
memory::Problem problemOf(PackOp pack, llvm::ArrayRef<int64_t> sizes);

/// Replaces the pack by arithmetic on its sizes, which is folded where it can
/// be: a slice begins at the highest end of those that lie directly below it
/// in `plan`, rounded up to its alignment.
/// \param plan of `problemOf(pack, sizes)`, without defects.
void expandPack(mlir::RewriterBase &rewriter, PackOp pack,
                const memory::Problem &problem, const memory::Plan &plan);

} // namespace narae::hbm

#endif // NARAE_DIALECTS_HBM_PACKING_H
