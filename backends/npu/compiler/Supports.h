//===- Supports.h - Which ops the NPU has kernels for ---------- -*- C++
//-*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NPU_COMPILER_SUPPORTS_H
#define NARAE_BACKENDS_NPU_COMPILER_SUPPORTS_H

#include "backends/npu/machine/Machine.h"

#include "mlir/IR/Operation.h"

namespace narae::npu {

/// Fails with a diagnostic at the op that says what is not covered, and a way
/// out.
llvm::LogicalResult checkSupported(mlir::Operation *op, const Machine &machine);

} // namespace narae::npu

#endif // NARAE_BACKENDS_NPU_COMPILER_SUPPORTS_H
