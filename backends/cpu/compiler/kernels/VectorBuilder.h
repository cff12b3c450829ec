//===- VectorBuilder.h - Vectors on bare pointers ---------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Short names for the few vector operations that f32 kernels are made of, at
// the width of the machine. Offsets count elements. Masks are used only where
// the machine has them; kernels pad or loop over the rest elsewhere.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_CPU_COMPILER_KERNELS_VECTORBUILDER_H
#define NARAE_BACKENDS_CPU_COMPILER_KERNELS_VECTORBUILDER_H

#include "lib/codegen/KernelEmitter.h"

namespace narae::cpu {

using codegen::KernelContext;
using codegen::MachineModel;
using mlir::Value;
using mlir::ValueRange;

class VectorBuilder {
public:
  VectorBuilder(mlir::OpBuilder &b, mlir::Location loc,
                const MachineModel &machine);

  mlir::OpBuilder &b;
  mlir::Location loc;
  const MachineModel &machine;
  const unsigned lanes; ///< floats of a vector
  const bool masks;     ///< masked loads and stores are free
  const mlir::VectorType type;

  //--- Addresses -----------------------------------------------------------
  Value at(Value pointer, Value offset);
  Value at(Value pointer, int64_t offset);

  //--- Memory: unaligned vectors of f32 ------------------------------------
  Value load(Value pointer);
  /// Lanes that the mask leaves out are 0, and their memory is not read.
  Value load(Value pointer, Value mask);
  void store(Value vector, Value pointer);
  void store(Value vector, Value pointer, Value mask);
  Value loadScalar(Value pointer);
  void storeScalar(Value scalar, Value pointer);

  //--- Values --------------------------------------------------------------
  Value index(int64_t value);
  Value zero() { return splat(0); }
  Value splat(double value);
  Value broadcast(Value scalar);
  /// a * b + c, fused where the machine can.
  Value fma(Value a, Value b, Value c);
  Value add(Value a, Value b);
  Value mul(Value a, Value b);
  /// The larger; a number where one is NaN.
  Value max(Value a, Value b);
  /// Lanes below `count`, an index of any sign.
  Value maskBelow(Value count);
  /// Lanes in [begin, end).
  Value maskBetween(Value begin, Value end);
  Value both(Value maskA, Value maskB);
  /// Sum (or maximum) of all lanes, always in the same order.
  Value sum(Value vector);
  Value maximum(Value vector);
  Value shuffle(Value a, Value b, llvm::ArrayRef<int64_t> lanes);

private:
  Value reduce(Value vector, llvm::function_ref<Value(Value, Value)> combine);
  Value laneNumbers();
  Value toI32(Value index);
};

/// Copies `count` floats from `from` to `to` in whole vectors where the
/// machine has masks: then up to lanes - 1 floats behind the end of `to`
/// become 0.
void copyFloats(KernelContext &k, VectorBuilder &v, Value from, Value to,
                Value count);
/// Sets `count` floats to `value`.
void fillFloats(KernelContext &k, VectorBuilder &v, Value to, Value count,
                double value);

} // namespace narae::cpu

#endif // NARAE_BACKENDS_CPU_COMPILER_KERNELS_VECTORBUILDER_H
