//===- Numbers.h - Narrow floating-point numbers ----------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_FRONTEND_QUANTIZE_NUMBERS_H
#define NARAE_LIB_FRONTEND_QUANTIZE_NUMBERS_H

#include "lib/frontend/language/Model.h"

#include <cstdint>

namespace narae::quantize {

/// The nearest f16, ties to even; what is too large becomes infinite.
uint16_t halfOf(float value);
float fromHalf(uint16_t bits);

/// `count` numbers, little endian, that are stored as f32, f16, bf16 or
/// f8E4M3 (without its scale).
void widen(language::Storage from, const char *bytes, int64_t count, float *to);

} // namespace narae::quantize

#endif // NARAE_LIB_FRONTEND_QUANTIZE_NUMBERS_H
