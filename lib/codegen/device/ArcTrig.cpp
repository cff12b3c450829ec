//===- ArcTrig.cpp - Inverse trigonometric functions, cube root -----------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Double.h"

using namespace narae;
using namespace narae::device;

#define NARAE_THROUGH_DOUBLE(name)                                             \
  template <class F>                                                           \
  static inline F name##F(F x) {                                               \
    return to<F>(name##D(to<DoubleOf<F>>(x)));                                 \
  }
NARAE_THROUGH_DOUBLE(asin)
NARAE_THROUGH_DOUBLE(acos)
NARAE_THROUGH_DOUBLE(atan)
NARAE_THROUGH_DOUBLE(cbrt)

static inline float atan2F(float y, float x) {
  return static_cast<float>(
      atan2D(static_cast<double>(y), static_cast<double>(x)));
}

NARAE_UNARY_F32(asin, asinF)
NARAE_UNARY_F32(acos, acosF)
NARAE_UNARY_F32(atan, atanF)
NARAE_UNARY_F32(cbrt, cbrtF)
NARAE_BINARY_F32(atan2, atan2F)
NARAE_UNARY_F64(asin, asinD)
NARAE_UNARY_F64(acos, acosD)
NARAE_UNARY_F64(atan, atanD)
NARAE_UNARY_F64(cbrt, cbrtD)
NARAE_BINARY_F64(atan2, atan2D)
