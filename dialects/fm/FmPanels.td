//===- FmPanels.td - Packed weights, as they are stored ----*- tablegen -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Weights that kernels stream in their own type. Packing happens at compile
// time; the way back is index arithmetic inside the kernels that read them, so
// that one copy serves a matmul and, say, the gather of a tied embedding.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_FM_PANELS
#define NARAE_FM_PANELS

include "dialects/fm/FmBase.td"

def Fm_UnpackPanelsOp : Fm_PureOp<"unpack_panels"> {
  let summary = "the matrix whose panels fm.pack_panels made";
  let description = [{
    Panels [.., P, K, width] become [.., K, n], or [.., n, K] with
    `transposed`.
  }];
  let arguments = (ins Fm_Tensor:$input, I64Attr:$n, UnitAttr:$transposed);
  let results = (outs Fm_Tensor:$result);
}
def Fm_PackBlocksOp : Fm_PureOp<"pack_blocks"> {
  let summary = "rows of quantised blocks, sixteen interleaved";
  let description = [{
    [.., N, K] of `!fm.block` becomes ui8 [.., ceil(N/16), K/elements, bytes]:
    the blocks of 16 rows at one place of K, in the order in which dot products
    take them (lib/codegen/BlockPanels.h). Rows that do not exist are 0. K is
    a multiple of the block's elements.
  }];
  let arguments = (ins Fm_Tensor:$input);
  let results = (outs Fm_Tensor:$result);
}
def Fm_BlockPanelsOp : Fm_PureOp<"block_panels"> {
  let summary = "the numbers in what fm.pack_blocks made, f32 [.., n, K]";
  let arguments = (ins Fm_Tensor:$input, StrAttr:$format, I64Attr:$n);
  let results = (outs Fm_Tensor:$result);
}

#endif // NARAE_FM_PANELS
