//===- FmReduce.td - Reductions, scans, sorting ------------*- tablegen -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_FM_REDUCE
#define NARAE_FM_REDUCE

include "dialects/fm/FmBase.td"

def Fm_ReduceOp : Fm_PureOp<"reduce"> {
  let summary = "reduction: sum, mean, max, min, prod, any, all, sum_square";
  let description = [{ Axes are sorted and not negative. }];
  let arguments = (ins Fm_Tensor:$input, StrAttr:$kind,
                       DenseI64ArrayAttr:$axes, BoolAttr:$keep_dims);
  let results = (outs Fm_Tensor:$result);
}
def Fm_ArgReduceOp : Fm_PureOp<"arg_reduce"> {
  let summary = "index of the max or min along an axis, as i64";
  let arguments = (ins Fm_Tensor:$input, StrAttr:$kind, I64Attr:$axis,
                       BoolAttr:$keep_dims, UnitAttr:$last);
  let results = (outs Fm_Tensor:$result);
}
def Fm_CumulativeOp : Fm_PureOp<"cumulative"> {
  let summary = "running sum or prod along an axis";
  let arguments = (ins Fm_Tensor:$input, StrAttr:$kind, I64Attr:$axis,
                       UnitAttr:$exclusive, UnitAttr:$reverse);
  let results = (outs Fm_Tensor:$result);
}
def Fm_TopKOp : Fm_PureOp<"top_k"> {
  let summary = "the k largest or smallest along an axis, and their indices";
  let description = [{
    `k` is a 1-D i64 tensor of one element. Equal elements come in the order
    of their indices.
  }];
  let arguments = (ins Fm_Tensor:$input, Fm_Tensor:$k, I64Attr:$axis,
                       BoolAttr:$largest);
  let results = (outs Fm_Tensor:$values, Fm_Tensor:$indices);
}
def Fm_NonZeroOp : Fm_PureOp<"non_zero"> {
  let summary = "indices of the nonzero elements, padded, and their count";
  let description = [{
    [rank, numElements] i64, of which the first `count` columns are meant, in
    row-major order; a slice follows.
  }];
  let arguments = (ins Fm_Tensor:$input);
  let results = (outs Fm_Tensor:$indices, Fm_Tensor:$count);
}
def Fm_UniqueOp : Fm_PureOp<"unique"> {
  let summary = "distinct elements of a 1-D tensor, padded, with their count";
  let description = [{
    Results: values [N], first index [N], inverse [N], counts [N], and the
    number of distinct elements (scalar i64). Unsorted: in order of first
    appearance.
  }];
  let arguments = (ins Fm_Tensor:$input, BoolAttr:$sorted);
  let results = (outs Fm_Tensor:$values, Fm_Tensor:$indices,
                      Fm_Tensor:$inverse, Fm_Tensor:$counts,
                      Fm_Tensor:$count);
}
def Fm_NonMaxSuppressionOp : Fm_PureOp<"non_max_suppression"> {
  let summary = "ONNX NonMaxSuppression: [N, 3] padded, and the count";
  let arguments = (ins Fm_Tensor:$boxes, Fm_Tensor:$scores,
                       Fm_Tensor:$max_output, Fm_Tensor:$iou_threshold,
                       Fm_Tensor:$score_threshold, BoolAttr:$center_point);
  let results = (outs Fm_Tensor:$selected, Fm_Tensor:$count);
}

#endif // NARAE_FM_REDUCE
