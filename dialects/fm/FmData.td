//===- FmData.td - Constants, weights and data movement ----*- tablegen -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_FM_DATA
#define NARAE_FM_DATA

include "dialects/fm/FmBase.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/SymbolInterfaces.td"

def Fm_ConstantOp : Fm_PureOp<"constant", [ConstantLike]> {
  let summary = "a small constant tensor";
  let arguments = (ins ElementsAttr:$value);
  let results = (outs Fm_Tensor:$result);
  let assemblyFormat = "attr-dict $value `:` type($result)";
  let hasFolder = 1;
}
def Fm_WeightDataOp : Op<Fm_Dialect, "weight_data", [Symbol]> {
  let summary = "where the bytes of a weight are";
  let description = [{
    Bytes [offset, offset + length) of `file`, relative to the model, hold the
    elements in row-major order, little endian; `hash` is their xxh3-64, or 0
    where nobody computed it. An empty file name means that the compiler holds
    the bytes in memory under the symbol's name.

    A weight of several `pieces`, each {file, offset, length}, is their bytes
    one after the other; `length` is the sum, `file` empty. An `absent` weight
    has a type only: it can be planned with, and not be run.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttr:$type,
                       StrAttr:$file, I64Attr:$offset, I64Attr:$length,
                       I64Attr:$hash, OptionalAttr<ArrayAttr>:$pieces,
                       UnitAttr:$absent);
  let builders = [OpBuilder<(ins "llvm::StringRef":$name, "mlir::Type":$type,
                                 "llvm::StringRef":$file, "int64_t":$offset,
                                 "int64_t":$length, "int64_t":$hash), [{
    build($_builder, $_state, name, type, file, offset, length, hash,
          mlir::ArrayAttr(), false);
  }]>];
  let assemblyFormat = "$sym_name `:` $type attr-dict";
  let hasVerifier = 1;
}
def Fm_WeightOp : Fm_PureOp<"weight",
    [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "a weight of the model";
  let arguments = (ins FlatSymbolRefAttr:$data);
  let results = (outs Fm_Tensor:$result);
  let assemblyFormat = "$data attr-dict `:` type($result)";
}
def Fm_ShapeOfOp : Fm_PureOp<"shape_of"> {
  let summary = "the dimensions [start, end) as a 1-D i64 tensor";
  let arguments = (ins Fm_Tensor:$input,
                       DefaultValuedAttr<I64Attr, "0">:$start,
                       OptionalAttr<I64Attr>:$end);
  let results = (outs Fm_Tensor:$result);
}
def Fm_SizeOfOp : Fm_PureOp<"size_of"> {
  let summary = "the number of elements as an i64 scalar tensor";
  let arguments = (ins Fm_Tensor:$input);
  let results = (outs Fm_Tensor:$result);
}
def Fm_ReshapeOp : Fm_PureOp<"reshape"> {
  let summary = "the same elements in another shape";
  let description = [{
    `shape` is a 1-D i64 tensor of static length; one entry may be -1, and 0
    copies the operand's dimension unless `allow_zero`.
  }];
  let arguments = (ins Fm_Tensor:$input, Fm_Tensor:$shape,
                       UnitAttr:$allow_zero);
  let results = (outs Fm_Tensor:$result);
}
def Fm_FlattenOp : Fm_PureOp<"flatten"> {
  let summary = "two dimensions: those before the axis and the rest";
  let arguments = (ins Fm_Tensor:$input, I64Attr:$axis);
  let results = (outs Fm_Tensor:$result);
}
def Fm_UnsqueezeOp : Fm_PureOp<"unsqueeze"> {
  let summary = "inserts dimensions of size 1 at the axes of the result";
  let arguments = (ins Fm_Tensor:$input, DenseI64ArrayAttr:$axes);
  let results = (outs Fm_Tensor:$result);
}
def Fm_SqueezeOp : Fm_PureOp<"squeeze"> {
  let summary = "drops dimensions of size 1";
  let arguments = (ins Fm_Tensor:$input, DenseI64ArrayAttr:$axes);
  let results = (outs Fm_Tensor:$result);
}
def Fm_TransposeOp : Fm_PureOp<"transpose"> {
  let summary = "permutes dimensions: result dimension i is perm[i]";
  let arguments = (ins Fm_Tensor:$input, DenseI64ArrayAttr:$perm);
  let results = (outs Fm_Tensor:$result);
}
def Fm_BroadcastOp : Fm_PureOp<"broadcast"> {
  let summary = "broadcasts with the shape in a 1-D i64 tensor (ONNX Expand)";
  let arguments = (ins Fm_Tensor:$input, Fm_Tensor:$shape);
  let results = (outs Fm_Tensor:$result);
}
def Fm_TileOp : Fm_PureOp<"tile"> {
  let summary = "repeats along every dimension";
  let arguments = (ins Fm_Tensor:$input, Fm_Tensor:$repeats);
  let results = (outs Fm_Tensor:$result);
}
def Fm_ConcatOp : Fm_PureOp<"concat"> {
  let summary = "joins along an axis";
  let arguments = (ins Variadic<Fm_Tensor>:$inputs, I64Attr:$axis);
  let results = (outs Fm_Tensor:$result);
}
def Fm_SliceOp : Fm_PureOp<"slice"> {
  let summary = "a strided window (ONNX Slice semantics)";
  let description = [{
    `starts` and `ends` are 1-D i64 tensors with an element an axis; negative
    ones count from the end, all are clamped. Steps are static and not 0.
  }];
  let arguments = (ins Fm_Tensor:$input, Fm_Tensor:$starts, Fm_Tensor:$ends,
                       DenseI64ArrayAttr:$axes, DenseI64ArrayAttr:$steps);
  let results = (outs Fm_Tensor:$result);
}
def Fm_PadOp : Fm_PureOp<"pad"> {
  let summary = "pads: constant, edge, reflect or wrap";
  let description = [{
    `pads` is a 1-D i64 tensor: begins, then ends, an element each axis of
    `axes`; negative ones crop. `value` is a scalar.
  }];
  let arguments = (ins Fm_Tensor:$input, Fm_Tensor:$pads, Fm_Tensor:$value,
                       DenseI64ArrayAttr:$axes,
                       DefaultValuedStrAttr<StrAttr, "constant">:$mode);
  let results = (outs Fm_Tensor:$result);
}
def Fm_GatherOp : Fm_PureOp<"gather"> {
  let summary = "slices along an axis; negative indices count from the end";
  let arguments = (ins Fm_Tensor:$input, Fm_Tensor:$indices, I64Attr:$axis);
  let results = (outs Fm_Tensor:$result);
}
def Fm_GatherElementsOp : Fm_PureOp<"gather_elements"> {
  let summary = "result[i][j] = input[index[i][j]][j] for axis 0";
  let arguments = (ins Fm_Tensor:$input, Fm_Tensor:$indices, I64Attr:$axis);
  let results = (outs Fm_Tensor:$result);
}
def Fm_GatherNdOp : Fm_PureOp<"gather_nd"> {
  let summary = "slices addressed by index tuples";
  let arguments = (ins Fm_Tensor:$input, Fm_Tensor:$indices,
                       DefaultValuedAttr<I64Attr, "0">:$batch_dims);
  let results = (outs Fm_Tensor:$result);
}
def Fm_ScatterElementsOp : Fm_PureOp<"scatter_elements"> {
  let summary = "the input with single elements replaced or combined";
  let description = [{ `reduction` is none, add, mul, max or min. }];
  let arguments = (ins Fm_Tensor:$input, Fm_Tensor:$indices,
                       Fm_Tensor:$updates, I64Attr:$axis,
                       DefaultValuedStrAttr<StrAttr, "none">:$reduction);
  let results = (outs Fm_Tensor:$result);
}
def Fm_ScatterNdOp : Fm_PureOp<"scatter_nd"> {
  let summary = "the input with slices replaced or combined";
  let arguments = (ins Fm_Tensor:$input, Fm_Tensor:$indices,
                       Fm_Tensor:$updates,
                       DefaultValuedStrAttr<StrAttr, "none">:$reduction);
  let results = (outs Fm_Tensor:$result);
}
def Fm_FillOp : Fm_PureOp<"fill"> {
  let summary = "a tensor of the shape in a 1-D i64 tensor, all one value";
  let arguments = (ins Fm_Tensor:$shape, TypedAttrInterface:$value);
  let results = (outs Fm_Tensor:$result);
}
def Fm_RangeOp : Fm_PureOp<"range"> {
  let summary = "start, start + delta, ... below limit; all scalars";
  let arguments = (ins Fm_Tensor:$start, Fm_Tensor:$limit, Fm_Tensor:$delta);
  let results = (outs Fm_Tensor:$result);
}
def Fm_IotaOp : Fm_PureOp<"iota"> {
  let summary = "each element is its index along an axis";
  let description = [{ `shape` is a 1-D i64 tensor. }];
  let arguments = (ins Fm_Tensor:$shape, I64Attr:$axis, TypeAttr:$type);
  let results = (outs Fm_Tensor:$result);
}
def Fm_TriluOp : Fm_PureOp<"trilu"> {
  let summary = "keeps the upper or lower triangle from diagonal k on";
  let arguments = (ins Fm_Tensor:$input, Fm_Tensor:$k, BoolAttr:$upper);
  let results = (outs Fm_Tensor:$result);
}
def Fm_OneHotOp : Fm_PureOp<"one_hot"> {
  let summary = "indices become vectors along a new axis";
  let description = [{ `depth` is a scalar, `values` is [off, on]. }];
  let arguments = (ins Fm_Tensor:$indices, Fm_Tensor:$depth,
                       Fm_Tensor:$values, I64Attr:$axis);
  let results = (outs Fm_Tensor:$result);
}
def Fm_ReverseSequenceOp : Fm_PureOp<"reverse_sequence"> {
  let summary = "reverses the first length[b] entries of each sequence";
  let arguments = (ins Fm_Tensor:$input, Fm_Tensor:$lengths,
                       I64Attr:$batch_axis, I64Attr:$time_axis);
  let results = (outs Fm_Tensor:$result);
}
def Fm_PackPanelsOp : Fm_PureOp<"pack_panels"> {
  let summary = "a matrix [.., K, N] as panels [.., ceil(N/width), K, width]";
  let description = [{
    The layout that matmul kernels stream: the last panel is filled with
    zeros. With `transposed` the operand is [.., N, K].
  }];
  let arguments = (ins Fm_Tensor:$input, I64Attr:$width,
                       UnitAttr:$transposed);
  let results = (outs Fm_Tensor:$result);
}

#endif // NARAE_FM_DATA
