//===- DimGroups.h - Dimensions that one loop may walk ----------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Adjacent dimensions form a group when every tensor that a computation reads
// has either all of them or none: one loop then walks them, and its counter
// is the index of the group's last dimension (that is not 1), with zeros for
// the others. Row-major offsets come out right.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_CODEGEN_EMITTERS_DIMGROUPS_H
#define NARAE_LIB_CODEGEN_EMITTERS_DIMGROUPS_H

#include "lib/codegen/KernelContext.h"

namespace narae::codegen {

struct DimGroup {
  unsigned begin, end; ///< dimensions [begin, end)
  unsigned place;      ///< the one that takes the counter
  fm::Expr size;       ///< their product
};

/// The groups of dimensions [begin, end) of `dims` for computing `values`,
/// which broadcast to `dims`. Dimensions of size 1 alone form no group.
/// Elements of `leaves` do not depend on indices.
llvm::SmallVector<DimGroup> groupDims(KernelContext &k,
                                      llvm::ArrayRef<fm::Expr> dims,
                                      llvm::ArrayRef<Value> values,
                                      unsigned begin, unsigned end,
                                      llvm::ArrayRef<Value> leaves = {});

} // namespace narae::codegen

#endif // NARAE_LIB_CODEGEN_EMITTERS_DIMGROUPS_H
