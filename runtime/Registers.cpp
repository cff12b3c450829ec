//===- Registers.cpp - Integer arithmetic of the host program ------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "runtime/Registers.h"

#include <algorithm>

using namespace narae;
using namespace narae::artifact;
using narae::runtime::EvalError;

const char *runtime::describe(EvalError error) {
  switch (error) {
  case EvalError::Overflow:
    return "a number in the shape arithmetic does not fit 64 bits";
  case EvalError::DivisionByZero:
    return "division by zero in the shape arithmetic";
  case EvalError::None:
    break;
  }
  return "no error";
}

/// The quotient rounded down and the remainder with the divisor's sign.
static EvalError divide(int64_t a, int64_t b, int64_t &quotient,
                        int64_t &remainder) {
  if (b == 0)
    return EvalError::DivisionByZero;
  if (a == INT64_MIN && b == -1)
    return EvalError::Overflow;
  quotient = a / b;
  remainder = a % b;
  if (remainder != 0 && (remainder < 0) != (b < 0)) {
    --quotient;
    remainder += b;
  }
  return EvalError::None;
}

EvalError runtime::evaluate(const RegInst &inst, int64_t *r) {
  // Operands that an instruction does not have may be out of range.
  auto a = [&] { return r[inst.a()]; };
  auto b = [&] { return r[inst.b()]; };
  int64_t &dst = r[inst.dst()];
  int64_t value = 0, rest = 0;
  EvalError error = EvalError::None;
  bool overflow = false;
  switch (inst.op()) {
  case RegOp_Const:
    value = inst.imm();
    break;
  case RegOp_Add:
    overflow = __builtin_add_overflow(a(), b(), &value);
    break;
  case RegOp_Sub:
    overflow = __builtin_sub_overflow(a(), b(), &value);
    break;
  case RegOp_Mul:
    overflow = __builtin_mul_overflow(a(), b(), &value);
    break;
  case RegOp_FloorDiv:
    error = divide(a(), b(), value, rest);
    break;
  case RegOp_CeilDiv:
    error = divide(a(), b(), value, rest);
    value += rest != 0;
    break;
  case RegOp_Mod:
    error = divide(a(), b(), rest, value);
    break;
  case RegOp_Min:
    value = std::min(a(), b());
    break;
  case RegOp_Max:
    value = std::max(a(), b());
    break;
  case RegOp_Select:
    value = r[inst.c()] ? a() : b();
    break;
  case RegOp_Eq:
    value = a() == b();
    break;
  case RegOp_Ne:
    value = a() != b();
    break;
  case RegOp_Lt:
    value = a() < b();
    break;
  case RegOp_Le:
    value = a() <= b();
    break;
  case RegOp_Align:
    // Rounded up: floor division first, so that negative values come right.
    error = divide(a(), inst.imm(), value, rest);
    overflow = __builtin_mul_overflow(value, inst.imm(), &value);
    if (rest != 0)
      overflow |= __builtin_add_overflow(value, inst.imm(), &value);
    break;
  case RegOp_Move:
    value = a();
    break;
  case RegOp_InputDim:
  case RegOp_Item:
    return EvalError::None;
  }
  if (overflow)
    return EvalError::Overflow;
  if (error == EvalError::None)
    dst = value;
  return error;
}
