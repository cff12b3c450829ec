//===- FmTypes.td - Types of the fm dialect ----------------*- tablegen -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_FM_TYPES
#define NARAE_FM_TYPES

include "dialects/fm/FmBase.td"
include "mlir/IR/AttrTypeBase.td"

def Fm_BlockType : TypeDef<Fm_Dialect, "Block"> {
  let mnemonic = "block";
  let summary = "an element of a tensor that is stored in quantised blocks";
  let description = [{
    `!fm.block<q4_0>`: GGUF's block format of that name. The tensor's shape is
    the logical one; blocks run along the last dimension, and the last block of
    a row is filled up. Numbers come out with `fm.dequantize`.
  }];
  let parameters = (ins "::narae::fm::BlockFormat":$format);
  let hasCustomAssemblyFormat = 1;
}

def Fm_StringType : TypeDef<Fm_Dialect, "String"> {
  let mnemonic = "string";
  let summary = "a string";
  let description = [{
    In memory it is an i64, the number of the string in a table that the
    session keeps: equal strings have equal numbers, and 0 is the empty string.
    So moving and comparing strings is moving and comparing integers. Weights
    count in the module's attribute `fm.strings`, a list that begins at 1.
  }];
}
def Fm_F4E2M1Type : TypeDef<Fm_Dialect, "F4E2M1"> {
  let mnemonic = "f4e2m1";
  let summary = "a 4-bit float of OCP MX: 0, 0.5, 1, 1.5, 2, 3, 4, 6";
  let description = [{
    A byte in memory. There is no infinity and no NaN: what is too large
    becomes 6, and NaN 0. Only moved and cast.
  }];
}
def Fm_F8E8M0Type : TypeDef<Fm_Dialect, "F8E8M0"> {
  let mnemonic = "f8e8m0";
  let summary = "a power of two of OCP MX: 2^(bits - 127), or NaN (255)";
  let description = [{ No sign, no zero, no infinity. Only moved and cast. }];
}

#endif // NARAE_FM_TYPES
