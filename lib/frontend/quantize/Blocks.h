//===- Blocks.h - Numbers into quantised blocks -----------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_FRONTEND_QUANTIZE_BLOCKS_H
#define NARAE_LIB_FRONTEND_QUANTIZE_BLOCKS_H

#include "lib/frontend/language/Model.h"

#include <cstdint>

namespace narae::quantize {

/// Quantises `count` numbers, a multiple of a block's, to GGUF's q8_0, q4_0
/// or q4_k:
///  - q8_0: each block of 32 has the scale max|x| / 127;
///  - q4_0: the scale of a block of 32 puts its largest number at -8;
///  - q4_k: scale and minimum of each 32 of 256 are those of the smallest
///    squared error among a few, rounded to six bits.
void quantizeBlocks(language::Storage to, const float *x, int64_t count,
                    char *bytes);

} // namespace narae::quantize

#endif // NARAE_LIB_FRONTEND_QUANTIZE_BLOCKS_H
