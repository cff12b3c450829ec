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

def PlanSpaces : Pass<"narae-plan-spaces", "::mlir::ModuleOp"> {
  let summary = "decides what lies in fast memory when, and what moves";
  let description = [{
    Before: commands on `hbm.buffer`s, weights and states, all at home: the
    final schedule. After: kernels use buffers of the space over home where that
    is faster. Each such buffer has its place and lives as long as its memory is
    its own; `hbm.prefetch` brings what home has, `hbm.spill` saves what home
    lacks, `hbm.reload` brings that back; what is computed again is a second
    `rt.launch`. Buffers that never go home are there no more, and lifetimes
    count the commands of the function from 1. `hbm.plan` says the peak, with
    `time` and `time_at_home` in picoseconds.

    A module without an `hbm.space` over another stays as it is. Functions with
    branches or loops, tensors of dynamic size and what the host reads stay at
    home. Run it before `narae-plan-memory`.
  }];
  let options = [
    Option<"space", "space", "std::string", "",
           "the space to fill; the one that is over home, if empty">,
    Option<"operations", "operations", "int64_t", "1000000000000",
           "a second, for kernels whose backend does not say how long they "
           "take">,
    Option<"target", "target", "std::string", "",
           "a target file whose memories to add, one pool of each, to a module "
           "that names none">,
    Option<"budget", "budget", "int64_t", "-1",
           "plans to try; -1: fewer for longer schedules">
  ];
  let statistics = [
    Statistic<"numNear", "near", "tensors that come near">,
    Statistic<"numPrefetches", "prefetches", "copies of what home has">,
    Statistic<"numSpills", "spills", "copies home">,
    Statistic<"numReloads", "reloads", "copies of what was spilled">,
    Statistic<"numRecomputed", "recomputed", "kernels that run again">,
    Statistic<"numSkipped", "skipped", "functions with branches or loops">
  ];
  let dependentDialects = ["::narae::hbm::HbmDialect"];
}

def VerifyMemory : Pass<"narae-verify-memory", "::mlir::ModuleOp"> {
  let summary = "the rung after memory: every buffer has a place, none overlap";
  let description = [{
    Where a space over another is used, it also follows values: every command
    finds the last value of what it reads, copies disturb nobody, and results
    and states are at home in the end.
  }];
}

#endif // NARAE_MEMORY_PASSES
