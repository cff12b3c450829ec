//===- Registers.h - Integer arithmetic of the host program ----*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_RUNTIME_REGISTERS_H
#define NARAE_RUNTIME_REGISTERS_H

#include "lib/artifact/Artifact_generated.h"

#include <cstdint>

namespace narae::runtime {

/// Why an instruction has no result.
enum class EvalError { None, Overflow, DivisionByZero };

const char *describe(EvalError error);

/// Evaluates one instruction that needs registers only: everything but
/// InputDim and Item. Division rounds down, `Mod` has the divisor's sign.
EvalError evaluate(const artifact::RegInst &inst, int64_t *registers);

} // namespace narae::runtime

#endif // NARAE_RUNTIME_REGISTERS_H
