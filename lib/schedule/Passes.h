//===- Passes.h - Passes of the schedule phase -------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_SCHEDULE_PASSES_H
#define NARAE_LIB_SCHEDULE_PASSES_H

#include "dialects/rt/RtDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Pass/Pass.h"

namespace narae::schedule {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "lib/schedule/Passes.h.inc"

} // namespace narae::schedule

#endif // NARAE_LIB_SCHEDULE_PASSES_H
