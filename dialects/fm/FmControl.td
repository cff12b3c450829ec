//===- FmControl.td - Control flow -------------------------*- tablegen -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_FM_CONTROL
#define NARAE_FM_CONTROL

include "dialects/fm/FmBase.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"

def Fm_IfOp : Fm_Op<"if", [RecursiveMemoryEffects, SingleBlock,
                           NoRegionArguments]> {
  let summary = "one of two graphs, which may use values from outside";
  let arguments = (ins Fm_Tensor:$condition);
  let results = (outs Variadic<Fm_Tensor>:$results);
  let regions = (region SizedRegion<1>:$then_region,
                        SizedRegion<1>:$else_region);
  let assemblyFormat = [{
    $condition `:` functional-type($condition, $results)
    $then_region `else` $else_region attr-dict
  }];
}
def Fm_LoopOp : Fm_Op<"loop", [RecursiveMemoryEffects, SingleBlock]> {
  let summary = "repeats a graph (ONNX Loop without scan outputs)";
  let description = [{
    At most `trips` (scalar i64) times while `condition` (scalar i1) holds.
    The body's arguments are the iteration number (scalar i64) and the carried
    values; it yields the next condition and the next carried values. The
    shapes of carried values do not change.
  }];
  let arguments = (ins Fm_Tensor:$trips, Fm_Tensor:$condition,
                       Variadic<Fm_Tensor>:$carried);
  let results = (outs Variadic<Fm_Tensor>:$results);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    operands `:` functional-type(operands, $results) $body attr-dict
  }];
}
def Fm_YieldOp : Op<Fm_Dialect, "yield", [Pure, Terminator, ReturnLike]> {
  let summary = "ends a region";
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
}

#endif // NARAE_FM_CONTROL
