//===- Passes.td - Passes of the place phase ---*- tablegen -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_PLACE_PASSES
#define NARAE_PLACE_PASSES

include "mlir/Pass/PassBase.td"

def Place : Pass<"narae-place", "::mlir::ModuleOp"> {
  let summary = "gives every function its device";
  let options = [
    Option<"device", "device", "std::string", "\"cpu\"", "the backend's name">
  ];
}

#endif // NARAE_PLACE_PASSES
