//===- Reduction.h - What fm.reduce does to its elements --------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_CODEGEN_ELEMENTAL_REDUCTION_H
#define NARAE_LIB_CODEGEN_ELEMENTAL_REDUCTION_H

#include "lib/codegen/elemental/Helpers.h"

namespace narae::codegen {

/// The steps of a reduction: what it starts from, how an element is added,
/// and what becomes of the sum. Narrow floats are summed in f32, means of
/// integers in 64 bits.
class Reduction {
public:
  Reduction(KernelContext &k, fm::ReduceOp op);

  Value init() const;
  /// `x` is a register of the operand's element type.
  Value combine(Value accumulator, Value x) const;
  /// The same for a loop over one output, in a form that LLVM vectorises.
  llvm::SmallVector<Value> start() const;
  llvm::SmallVector<Value> step(ValueRange carried, Value x) const;
  Value end(ValueRange carried) const;
  /// A register of the result's element type.
  Value finish(Value accumulator) const;
  mlir::Type accumulatorType() const { return sum.type; }

private:
  bool isExtremum() const { return kind == "max" || kind == "min"; }
  KernelContext &k;
  mutable fm::ReduceOp op; // op accessors are not const
  llvm::StringRef kind;
  mlir::Type input, result;
  Arith sum;
};

} // namespace narae::codegen

#endif // NARAE_LIB_CODEGEN_ELEMENTAL_REDUCTION_H
