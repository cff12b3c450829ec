//===- Passes.td - Passes of the memory phase --*- tablegen -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_MEMORY_PASSES
#define NARAE_MEMORY_PASSES

include "mlir/Pass/PassBase.td"

def PlanMemory : Pass<"narae-plan-memory", "::mlir::ModuleOp"> {
  let summary = "gives every buffer of the arena its place";
  let description = [{
    Before: `hbm.buffer`s with lifetimes. After: each in space "arena" has an
    offset: a number, or, where sizes are dynamic, index arithmetic, which the
    runtime evaluates; `hbm.plan` says peak and lower bound.
    States get offsets in the session's state memory, which the entries share,
    as they share the arena and the weights.

    Dynamic dimensions count with their upper bound where they have one, and
    with `nominal` otherwise.
  }];
  let options = [
    Option<"nominal", "nominal", "int64_t", "128",
           "size of a dimension without bounds while planning">,
    Option<"expand", "expand", "bool", "true",
           "leave no hbm.pack: numbers and arithmetic instead">,
    Option<"capacity", "capacity", "int64_t", "0",
           "bytes that weights, states and arena must fit into; 0: any">
  ];
  let dependentDialects = ["::narae::hbm::HbmDialect"];
}

def VerifyMemory : Pass<"narae-verify-memory", "::mlir::ModuleOp"> {
  let summary = "the rung after memory: every buffer has a place, none overlap";
}

#endif // NARAE_MEMORY_PASSES
