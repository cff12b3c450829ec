//===- Passes.h - All passes of the compiler --------------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_TOOLS_COMMON_PASSES_H
#define NARAE_TOOLS_COMMON_PASSES_H

namespace narae {

/// Makes the passes of all phases, and MLIR's that go with them, known by
/// name: for narae-opt and for pipelines given as text. Call it once.
void registerAllPasses();

} // namespace narae

#endif // NARAE_TOOLS_COMMON_PASSES_H
