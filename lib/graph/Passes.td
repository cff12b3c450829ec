//===- Passes.td - Passes of the graph phase ---*- tablegen -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_GRAPH_PASSES
#define NARAE_GRAPH_PASSES

include "mlir/Pass/PassBase.td"

def SimplifyGraph : Pass<"narae-simplify-graph", "::mlir::ModuleOp"> {
  let summary = "removes ops that do nothing, inlines decided branches";
  let description = [{
    `fm` in, `fm` out. Identity casts, transposes, reshapes and slices vanish,
    chains of them join, and an `fm.if` whose condition is known becomes its
    branch.
  }];
}

def RecognizeOps : Pass<"narae-recognize-ops", "::mlir::ModuleOp"> {
  let summary = "finds attention, norms, activations and biases";
  let description = [{
    `fm` in, `fm` out: groups of small ops become the op that the field knows
    them by, where the result is the same in exact arithmetic.
  }];
  let statistics = [
    Statistic<"numAttention", "attention", "attention ops found">,
    Statistic<"numNorms", "norms", "norms found">
  ];
}

def ApplyPrecision : Pass<"narae-apply-precision", "::mlir::ModuleOp"> {
  let summary = "rounds matrices and tables of weights to a narrower type";
  let description = [{
    `fm` in, `fm` out. Weights that products and lookups read are rounded to
    `type` (bf16 or f16) and widened where they are read; everything else
    keeps its type.
  }];
  let options = [
    Option<"type", "type", "std::string", "\"bf16\"", "bf16 or f16">
  ];
  let statistics = [
    Statistic<"numWeights", "weights", "weights rounded">
  ];
}

def VerifyGraph : Pass<"narae-verify-graph", "::mlir::ModuleOp"> {
  let summary = "the rung after graph: all shapes can be computed";
}

#endif // NARAE_GRAPH_PASSES
