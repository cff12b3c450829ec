//===- FmNN.td - Matmul, convolution, norms, attention -----*- tablegen -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_FM_NN
#define NARAE_FM_NN

include "dialects/fm/FmBase.td"

def Fm_MatmulOp : Fm_PureOp<"matmul"> {
  let summary = "batched matrix product, with an optional bias of the result";
  let description = [{
    `lhs` [..., M, K] (or [..., K, M] with `transpose_lhs`) times `rhs`
    [..., K, N] (or [..., N, K]); leading dimensions broadcast. Both have at
    least two dimensions. `bias` broadcasts to the result. Integers accumulate
    in the result's type `acc`, floats narrower than f32 in f32.
  }];
  let arguments = (ins Fm_Tensor:$lhs, Fm_Tensor:$rhs,
                       Optional<Fm_Tensor>:$bias, UnitAttr:$transpose_lhs,
                       UnitAttr:$transpose_rhs, OptionalAttr<TypeAttr>:$acc);
  let results = (outs Fm_Tensor:$result);
}
def Fm_PackedMatmulOp : Fm_PureOp<"packed_matmul"> {
  let summary = "matmul whose rhs is in panels (see fm.pack_panels)";
  let description = [{
    `lhs` [..., M, K] (or [..., K, M]), `rhs` [..., ceil(N/width), K, width],
    `n` the true N as a 1-D i64 tensor of one element.
  }];
  let arguments = (ins Fm_Tensor:$lhs, Fm_Tensor:$rhs, Fm_Tensor:$n,
                       Optional<Fm_Tensor>:$bias, UnitAttr:$transpose_lhs,
                       OptionalAttr<TypeAttr>:$acc);
  let results = (outs Fm_Tensor:$result);
}
/// Common to convolution and pooling over any number of spatial dimensions.
defvar Fm_Window = (ins DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$pads,
                        DenseI64ArrayAttr:$dilations,
                        DefaultValuedStrAttr<StrAttr, "explicit">:$auto_pad);
def Fm_ConvOp : Fm_PureOp<"conv"> {
  let summary = "convolution, [N, C, spatial...] by [O, C/groups, kernel...]";
  let description = [{
    `pads` are all begins, then all ends. `auto_pad` is explicit, same_upper,
    same_lower or valid; with the same_* ones `pads` is ignored.
  }];
  let arguments = !con((ins Fm_Tensor:$input, Fm_Tensor:$filter,
                            Optional<Fm_Tensor>:$bias),
                       Fm_Window, (ins I64Attr:$groups));
  let results = (outs Fm_Tensor:$result);
}
def Fm_ConvTransposeOp : Fm_PureOp<"conv_transpose"> {
  let summary = "transposed convolution by [C, O/groups, kernel...]";
  let description = [{
    `output_shape`, where not empty, fixes the spatial sizes and so the pads,
    as ONNX ConvTranspose says.
  }];
  let arguments = !con((ins Fm_Tensor:$input, Fm_Tensor:$filter,
                            Optional<Fm_Tensor>:$bias),
                       Fm_Window,
                       (ins I64Attr:$groups,
                            DenseI64ArrayAttr:$output_padding,
                            DenseI64ArrayAttr:$output_shape));
  let results = (outs Fm_Tensor:$result);
}
def Fm_PoolOp : Fm_PureOp<"pool"> {
  let summary = "pooling: max, average or lp over windows";
  let description = [{
    [N, C, spatial...]. `count_include_pad` counts padding in the average;
    `ceil_mode` rounds the number of windows up. `p` is the norm of lp.
  }];
  let arguments = !con((ins Fm_Tensor:$input, StrAttr:$kind,
                            DenseI64ArrayAttr:$kernel),
                       Fm_Window,
                       (ins UnitAttr:$ceil_mode, UnitAttr:$count_include_pad,
                            DefaultValuedAttr<I64Attr, "2">:$p));
  let results = (outs Fm_Tensor:$result);
}
def Fm_MaxPoolIndicesOp : Fm_PureOp<"max_pool_indices"> {
  let summary = "flat index of the maximum in the input, for each window";
  let arguments = !con((ins Fm_Tensor:$input, DenseI64ArrayAttr:$kernel),
                       Fm_Window,
                       (ins UnitAttr:$ceil_mode, UnitAttr:$column_major));
  let results = (outs Fm_Tensor:$result);
}
def Fm_SoftmaxOp : Fm_PureOp<"softmax"> {
  let summary = "softmax along an axis; with `log` its logarithm";
  let arguments = (ins Fm_Tensor:$input, I64Attr:$axis, UnitAttr:$log);
  let results = (outs Fm_Tensor:$result);
}
def Fm_LayerNormOp : Fm_PureOp<"layer_norm", [AttrSizedOperandSegments]> {
  let summary = "normalisation to mean 0 and variance 1 from an axis on";
  let description = [{
    (x - mean) / sqrt(variance + epsilon) * scale + bias over the dimensions
    [axis, rank), in f32 at least.
  }];
  let arguments = (ins Fm_Tensor:$input, Optional<Fm_Tensor>:$scale,
                       Optional<Fm_Tensor>:$bias, I64Attr:$axis,
                       F64Attr:$epsilon);
  let results = (outs Fm_Tensor:$result);
}
def Fm_RmsNormOp : Fm_PureOp<"rms_norm"> {
  let summary = "x / sqrt(mean(x^2) + epsilon) * scale from an axis on";
  let description = [{
    In f32 at least. With `zero_centred` the factor is 1 + scale.
  }];
  let arguments = (ins Fm_Tensor:$input, Optional<Fm_Tensor>:$scale,
                       I64Attr:$axis, F64Attr:$epsilon,
                       UnitAttr:$zero_centred);
  let results = (outs Fm_Tensor:$result);
}
def Fm_AttentionOp : Fm_PureOp<"attention"> {
  let summary = "softmax(scale * q k^T + mask) v";
  let description = [{
    q [B, H, S, D], k [B, G, T, D], v [B, G, T, E], H a multiple of G: result
    [B, H, S, E]. With `q_bshd`, `kv_bshd`, `out_bshd` the operands or the
    result are [B, S, H, D], [B, T, G, D], [B, S, H, E] instead (each exchanges
    its middle dimensions). `mask`
    (f32 or f64, added) broadcasts to [B, H, S, T]. `causal` hides keys behind the
    query's own position, query s being at T - S + s when `causal_end`, else s.
    `softcap` c > 0 replaces scores x by c * tanh(x / c). A query that sees no
    key (mask and `causal` leave none) gives zeros.
  }];
  let arguments = (ins Fm_Tensor:$query, Fm_Tensor:$key, Fm_Tensor:$value,
                       Optional<Fm_Tensor>:$mask, F64Attr:$scale,
                       UnitAttr:$causal, UnitAttr:$causal_end,
                       DefaultValuedAttr<F64Attr, "0.0">:$softcap,
                       UnitAttr:$q_bshd, UnitAttr:$kv_bshd,
                       UnitAttr:$out_bshd);
  let results = (outs Fm_Tensor:$result);
}
def Fm_RecurrentOp : Fm_PureOp<"recurrent", [AttrSizedOperandSegments]> {
  let summary = "LSTM, GRU or RNN over time";
  let description = [{
    `kind` lstm, gru or rnn; gates in ONNX's order (iofc, zrh). input
    [T, B, I], weights w [D, gates*H, I], r [D, gates*H, H], bias
    [D, 2*gates*H], lengths [B] i32, h0 [D, B, H], c0 [D, B, H], peepholes
    [D, 3*H]. Results: y [T, D, B, H], last h [D, B, H], last c [D, B, H] (zeros
    unless lstm). `direction` forward, reverse, bidirectional. `activations`
    as in ONNX, with `alpha` and `beta` one for each (NaN: the default).
    `clip` 0 is none.
  }];
  let arguments = (ins Fm_Tensor:$input, Fm_Tensor:$w, Fm_Tensor:$r,
                       Optional<Fm_Tensor>:$bias,
                       Optional<Fm_Tensor>:$lengths,
                       Optional<Fm_Tensor>:$h0, Optional<Fm_Tensor>:$c0,
                       Optional<Fm_Tensor>:$peepholes, StrAttr:$kind,
                       StrAttr:$direction, StrArrayAttr:$activations,
                       DenseF64ArrayAttr:$alpha, DenseF64ArrayAttr:$beta,
                       DefaultValuedAttr<F64Attr, "0.0">:$clip,
                       UnitAttr:$linear_before_reset, UnitAttr:$input_forget);
  let results = (outs Fm_Tensor:$y, Fm_Tensor:$h, Fm_Tensor:$c);
}
def Fm_ResizeOp : Fm_PureOp<"resize"> {
  let summary = "resampling of some axes: nearest, linear or cubic";
  let description = [{
    `sizes` (1-D i64, an element an axis) are the new sizes; `scales` (1-D
    f32) the factors that coordinates use; `roi` (1-D f32: starts, then ends)
    is for tf_crop_and_resize. Attributes as in ONNX Resize 19.
  }];
  let arguments = (ins Fm_Tensor:$input, Fm_Tensor:$sizes,
                       Fm_Tensor:$scales, Optional<Fm_Tensor>:$roi,
                       DenseI64ArrayAttr:$axes, StrAttr:$mode,
                       StrAttr:$coordinates, StrAttr:$nearest,
                       DefaultValuedAttr<F64Attr, "-0.75">:$cubic_coeff,
                       UnitAttr:$exclude_outside, UnitAttr:$antialias,
                       DefaultValuedAttr<F64Attr, "0.0">:$extrapolation);
  let results = (outs Fm_Tensor:$result);
}
def Fm_GridSampleOp : Fm_PureOp<"grid_sample"> {
  let summary = "ONNX GridSample over [N, C, spatial...]";
  let arguments = (ins Fm_Tensor:$input, Fm_Tensor:$grid, StrAttr:$mode,
                       StrAttr:$padding, UnitAttr:$align_corners);
  let results = (outs Fm_Tensor:$result);
}
def Fm_RoiAlignOp : Fm_PureOp<"roi_align"> {
  let summary = "ONNX RoiAlign";
  let arguments = (ins Fm_Tensor:$input, Fm_Tensor:$rois,
                       Fm_Tensor:$batch_indices, I64Attr:$output_height,
                       I64Attr:$output_width, I64Attr:$sampling_ratio,
                       F64Attr:$spatial_scale, BoolAttr:$max,
                       BoolAttr:$half_pixel);
  let results = (outs Fm_Tensor:$result);
}

#endif // NARAE_FM_NN
