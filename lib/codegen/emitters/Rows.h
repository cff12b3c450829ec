//===- Rows.h - Loops along rows that end where formulas change -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A rotation computes the parts of a row by different formulas. A loop over
// one part has constant bounds, from which LLVM sees which formula it is, and
// so can vectorise it.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_CODEGEN_EMITTERS_ROWS_H
#define NARAE_LIB_CODEGEN_EMITTERS_ROWS_H

#include "lib/codegen/KernelContext.h"

namespace narae::codegen {

/// Places inside of the last dimension where the formula of `tensor`, which a
/// kernel computes or reads, changes.
llvm::SmallVector<int64_t> rowPieces(KernelContext &k, Value tensor);

/// body(begin, end) for the pieces of [0, size).
void overPieces(KernelContext &k, llvm::ArrayRef<int64_t> pieces, Value size,
                llvm::function_ref<void(Value begin, Value end)> body);

} // namespace narae::codegen

#endif // NARAE_LIB_CODEGEN_EMITTERS_ROWS_H
