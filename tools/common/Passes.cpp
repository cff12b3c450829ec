//===- Passes.cpp - All passes of the compiler ----------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tools/common/Passes.h"

#include "lib/dispatch/Passes.h"
#include "lib/graph/Passes.h"
#include "lib/memory/Passes.h"
#include "lib/place/Passes.h"
#include "lib/schedule/Passes.h"

#include "mlir/Transforms/Passes.h"

void narae::registerAllPasses() {
  mlir::registerCanonicalizerPass();
  mlir::registerCSEPass();
  mlir::registerSymbolDCEPass();
  graph::registerGraphPasses();
  place::registerPlacePasses();
  dispatch::registerDispatchPasses();
  schedule::registerSchedulePasses();
  memory::registerMemoryPasses();
}
