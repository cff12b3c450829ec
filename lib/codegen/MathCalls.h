//===- MathCalls.h - Math ops as calls of the device library -- -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_CODEGEN_MATHCALLS_H
#define NARAE_LIB_CODEGEN_MATHCALLS_H

#include "mlir/IR/BuiltinOps.h"

namespace narae::codegen {

/// Replaces what processors have no instruction for (math functions, remainders
/// of floats, conversions that a run-time library would do) with calls of the
/// device library, on scalars and vectors.
void lowerMathToCalls(mlir::ModuleOp module);

} // namespace narae::codegen

#endif // NARAE_LIB_CODEGEN_MATHCALLS_H
