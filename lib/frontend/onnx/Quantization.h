//===- Quantization.h - What quantised ops share ----------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_FRONTEND_ONNX_QUANTIZATION_H
#define NARAE_LIB_FRONTEND_ONNX_QUANTIZATION_H

#include "lib/frontend/onnx/Compose.h"

#include <cmath>

namespace narae::onnx {

/// The least and the largest number of an integer type.
std::pair<double, double> integerRange(mlir::Type type);
/// Whole numbers in a float tensor as integers of the type, saturating.
mlir::Value saturate(const Node &n, mlir::Value value, mlir::Type type);

} // namespace narae::onnx

#endif // NARAE_LIB_FRONTEND_ONNX_QUANTIZATION_H
