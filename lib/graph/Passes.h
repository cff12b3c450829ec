//===- Passes.h - Passes of the graph phase ----------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_GRAPH_PASSES_H
#define NARAE_LIB_GRAPH_PASSES_H

#include "dialects/fm/FmDialect.h"

#include "mlir/Pass/Pass.h"

namespace narae::graph {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "lib/graph/Passes.h.inc"

} // namespace narae::graph

#endif // NARAE_LIB_GRAPH_PASSES_H
