//===- Anchored.h - Kernels of one anchor -----------------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A kernel with one anchor whose results are each either computed from the
// anchor's element at the same place (epilogues), or do not need the anchor
// and have the shape of its first operand (producers, such as the sum that a
// norm of a sum passes on).
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_CODEGEN_EMITTERS_ANCHORED_H
#define NARAE_LIB_CODEGEN_EMITTERS_ANCHORED_H

#include "lib/codegen/Elemental.h"
#include "lib/codegen/KernelEmitter.h"

namespace narae::codegen {

class AnchoredKernel {
public:
  /// None when the kernel is of another kind.
  static std::optional<AnchoredKernel> match(rt::KernelOp kernel);

  mlir::Operation *anchor;
  llvm::SmallVector<unsigned> epilogues, producers;

  /// Stores all epilogues at an element of the anchor's result.
  llvm::LogicalResult storeEpilogues(KernelContext &k, ValueRange indices,
                                     Value element) const;
  /// Stores all producers at indices of the anchor's first operand.
  llvm::LogicalResult storeProducers(KernelContext &k,
                                     ValueRange indices) const;
  /// Epilogues with the dimensions of the anchor's result.
  llvm::SmallVector<Value> sameShapeEpilogues(KernelContext &k) const;
  llvm::SmallVector<Value> producerValues(KernelContext &k) const;
};

} // namespace narae::codegen

#endif // NARAE_LIB_CODEGEN_EMITTERS_ANCHORED_H
