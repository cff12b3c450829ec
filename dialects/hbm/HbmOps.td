//===- HbmOps.td - Memory: spaces, buffers, placements -----*- tablegen -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_HBM_OPS
#define NARAE_HBM_OPS

include "mlir/IR/OpBase.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Hbm_Dialect : Dialect {
  let name = "hbm";
  let cppNamespace = "::narae::hbm";
  let summary = "Memory spaces, buffers with lifetimes, and where they lie.";
  let useDefaultTypePrinterParser = 1;
}

def Hbm_BufferType : TypeDef<Hbm_Dialect, "Buffer"> {
  let mnemonic = "buffer";
  let summary = "memory for one tensor";
}

// Not pure: two buffers that look the same are two pieces of memory.
def Hbm_BufferOp : Op<Hbm_Dialect, "buffer", [AttrSizedOperandSegments]> {
  let summary = "memory for a tensor during a part of the program";
  let description = [{
    `tensor` is the type, `dims` its dynamic dimensions. The buffer is live
    from command `first` to before command `last` of the schedule. `space` is
    "arena" (planned), "output" (the caller's or the session's) or "dynamic"
    (sized while the program runs).

    The `memory` phase sets `offset` when it is a number, and `above`: the
    buffers directly below in the plan, so that the offset under any sizes is
    the largest of their ends, rounded up to `align`.
  }];
  let arguments = (ins Variadic<Index>:$dims, Variadic<Hbm_BufferType>:$above,
                       TypeAttr:$tensor, StrAttr:$name, StrAttr:$space,
                       I64Attr:$first, I64Attr:$last,
                       DefaultValuedAttr<I64Attr, "64">:$align,
                       OptionalAttr<I64Attr>:$offset);
  let results = (outs Hbm_BufferType:$buffer);
  let assemblyFormat = [{
    $name `:` $tensor `[` $dims `]` `in` $space
    `live` `[` $first `,` $last `)` (`above` `(` $above^ `)`)?
    (`at` $offset^)? attr-dict
  }];
  let hasVerifier = 1;
}

def Hbm_AliasOp : Op<Hbm_Dialect, "alias", [Pure]> {
  let summary = "another tensor type for a buffer's memory";
  let arguments = (ins Hbm_BufferType:$of, Variadic<Index>:$dims,
                       TypeAttr:$tensor);
  let results = (outs Hbm_BufferType:$buffer);
  let assemblyFormat = "$of `as` $tensor `[` $dims `]` attr-dict";
}

def Hbm_PlanOp : Op<Hbm_Dialect, "plan"> {
  let summary = "what the planner found for a space";
  let description = [{
    Bytes at the sizes the plan was made for: exact when all are static.
  }];
  let arguments = (ins StrAttr:$space, I64Attr:$peak, I64Attr:$lower_bound,
                       BoolAttr:$exact);
  let assemblyFormat = [{
    $space `peak` $peak `lower_bound` $lower_bound `exact` $exact attr-dict
  }];
}

#endif // NARAE_HBM_OPS
