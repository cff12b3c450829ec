//===- GraphWork.h - The arithmetic of operators --------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_DRIVER_GRAPHWORK_H
#define NARAE_LIB_DRIVER_GRAPHWORK_H

#include "mlir/IR/Operation.h"

#include <optional>

namespace narae::driver {

/// Elements of a tensor; none where only a run knows its size.
std::optional<double> elementsOf(mlir::Value value);

/// Multiplications and additions of an op of the graph; one for each element
/// where it has no sums, and none where it only moves data.
double operationsOf(mlir::Operation *op);

} // namespace narae::driver

#endif // NARAE_LIB_DRIVER_GRAPHWORK_H
