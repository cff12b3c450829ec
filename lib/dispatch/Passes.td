//===- Passes.td - Passes of the dispatch phase -*- tablegen -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_DISPATCH_PASSES
#define NARAE_DISPATCH_PASSES

include "mlir/Pass/PassBase.td"

def FormKernels : Pass<"narae-form-kernels", "::mlir::ModuleOp"> {
  let summary = "groups fm ops into kernels and dispatches";
  let description = [{
    Before: `fm` ops on tensors in func.func. After: `rt.kernel`s that hold the
    `fm` ops, and `rt.dispatch`, `rt.view`, `rt.item` and index arithmetic in the
    functions, besides `fm.weight`, `fm.if`, `fm.loop`.
  }];
  let options = [
    Option<"fuse", "fuse", "bool", "true", "fuse producers and epilogues">
  ];
  let statistics = [
    Statistic<"numKernels", "kernels", "kernels formed">,
    Statistic<"numFused", "fused", "ops fused into another's kernel">
  ];
  let dependentDialects = ["::narae::rt::RtDialect",
                           "::mlir::arith::ArithDialect",
                           "::mlir::tensor::TensorDialect"];
}

def DedupeKernels : Pass<"narae-dedupe-kernels", "::mlir::ModuleOp"> {
  let summary = "keeps one of kernels with equal bodies";
  let statistics = [Statistic<"numRemoved", "removed", "kernels removed">];
}

def VerifyDispatch : Pass<"narae-verify-dispatch", "::mlir::ModuleOp"> {
  let summary = "the rung after dispatch: nothing computes outside kernels";
}

#endif // NARAE_DISPATCH_PASSES
