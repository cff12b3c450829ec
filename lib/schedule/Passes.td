//===- Passes.td - Passes of the schedule phase -*- tablegen -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_SCHEDULE_PASSES
#define NARAE_SCHEDULE_PASSES

include "mlir/Pass/PassBase.td"

def Schedule : Pass<"narae-schedule", "::mlir::ModuleOp"> {
  let summary = "tensors become buffers with lifetimes";
  let description = [{
    Before: `rt.dispatch` on tensors. After: functions without arguments and
    results, of `rt.launch` on `hbm.buffer`s, in the order of execution.
  }];
  let options = [
    Option<"reuse", "reuse", "bool", "true",
           "results take memory of operands, and inputs of concatenations are "
           "computed where they belong">
  ];
  let statistics = [
    Statistic<"numShared", "shared", "results in an operand's memory">,
    Statistic<"numPieces", "pieces", "inputs computed in a concatenation">
  ];
  let dependentDialects = ["::narae::rt::RtDialect",
                           "::mlir::arith::ArithDialect"];
}

def VerifySchedule : Pass<"narae-verify-schedule", "::mlir::ModuleOp"> {
  let summary = "the rung after schedule: no tensors, lifetimes hold";
}

#endif // NARAE_SCHEDULE_PASSES
