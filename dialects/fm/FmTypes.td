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

#endif // NARAE_FM_TYPES
