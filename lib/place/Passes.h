//===- Passes.h - Passes of the place phase ----------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_PLACE_PASSES_H
#define NARAE_LIB_PLACE_PASSES_H

#include "dialects/fm/FmDialect.h"

#include "mlir/Pass/Pass.h"

namespace narae::place {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "lib/place/Passes.h.inc"

/// Asks `supports` of every op that computes; reports all that it refuses
/// and returns whether there was none.
bool checkSupport(mlir::ModuleOp module,
                  llvm::function_ref<bool(mlir::Operation *)> supports);

} // namespace narae::place

#endif // NARAE_LIB_PLACE_PASSES_H
