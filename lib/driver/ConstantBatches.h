//===- ConstantBatches.h - What can be computed from weights alone -*- C++ -*-
//===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_DRIVER_CONSTANTBATCHES_H
#define NARAE_LIB_DRIVER_CONSTANTBATCHES_H

#include "dialects/rt/RtDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/SetVector.h"

#include <map>
#include <string>
#include <vector>

namespace narae::driver {

/// Values of a function that depend on weights alone and that others read.
llvm::SetVector<mlir::Value> constantFrontier(mlir::func::FuncOp func);

/// Bytes of a value of static shape.
int64_t bytesOf(mlir::Type type);

/// A part of the frontier that one run computes, from weights as inputs.
struct ConstantBatch {
  llvm::SmallVector<mlir::Value> results;
  llvm::SmallVector<fm::WeightOp> inputs; ///< set by extractBatches
};

/// Batches of values, in their order; results of one op stay together. Each is
/// small enough that its weights need not be in memory with those of others.
llvm::SmallVector<ConstantBatch> divide(llvm::ArrayRef<mlir::Value> values);

/// A module with an entry a batch that computes it.
mlir::OwningOpRef<mlir::ModuleOp>
extractBatches(mlir::ModuleOp module,
               llvm::MutableArrayRef<ConstantBatch> batches);

/// A computed weight's name: that of the weight it is made from.
std::string evaluatedName(mlir::Value value);

/// Numbers values so that equal computations on equal weights have one number,
/// in whichever entry they are.
class ValueNumbers {
public:
  unsigned get(mlir::Value value);

private:
  llvm::DenseMap<mlir::Value, unsigned> numbers;
  std::map<std::vector<const void *>, unsigned> table;
};

} // namespace narae::driver

#endif // NARAE_LIB_DRIVER_CONSTANTBATCHES_H
