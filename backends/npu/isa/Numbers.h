//===- Numbers.h - What the bits of elements mean ------------- -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Elements as numbers: what the bits of each type mean, and how numbers are
// rounded to them. Part of the instruction set's definition.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NPU_ISA_NUMBERS_H
#define NARAE_BACKENDS_NPU_ISA_NUMBERS_H

#include "backends/npu/isa/Instruction.h"

namespace narae::npu {

/// The value of an element; exact for all types but i32, which rounds to
/// nearest even.
float toFloat(ElementType type, uint32_t code);
/// The code of a number, rounded to nearest, ties to even. f16 overflows to
/// infinity, bf16 too; fp8 goes to its largest finite number, infinities too;
/// integers go to their ends, NaN to 0. NaNs become 0x7fc00000, 0x7e00, 0x7fc0
/// and 0x7f. The type must be one that can be stored, see `isStored`.
uint32_t fromFloat(ElementType type, float value);
/// Integer types only; what does not fit goes to the nearer end.
int32_t toInteger(ElementType type, uint32_t code);
uint32_t fromInteger(ElementType type, int32_t value);
/// Whether instructions may write the type: e2m1 and e8m0 are for weights and
/// scales that a compiler made.
inline bool isStored(ElementType type) {
  return type != ElementType::E2M1 && type != ElementType::E8M0;
}
inline bool isFloat8(ElementType type) {
  return type == ElementType::E4M3 || type == ElementType::E5M2;
}

} // namespace narae::npu

#endif // NARAE_BACKENDS_NPU_ISA_NUMBERS_H
