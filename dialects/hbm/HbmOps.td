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
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Hbm_Dialect : Dialect {
  let name = "hbm";
  let cppNamespace = "::narae::hbm";
  let summary = "Memory spaces, buffers with lifetimes, and where they lie.";
  let useDefaultTypePrinterParser = 1;
  let dependentDialects = ["::mlir::arith::ArithDialect"];
  let hasConstantMaterializer = 1;
}

class Hbm_Op<string mnemonic, list<Trait> traits = []>
    : Op<Hbm_Dialect, mnemonic, traits>;

def Hbm_BufferType : TypeDef<Hbm_Dialect, "Buffer"> {
  let mnemonic = "buffer";
  let summary = "memory for one tensor";
}

def Hbm_SpaceOp : Hbm_Op<"space",
    [Symbol, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "a memory that a device has";
  let description = [{
    `capacity` bytes, `reserve` of which programs cannot have, handed out in
    multiples of `granule`. A space `over` another is filled from it and
    drained to it by `channels` DMA engines, each moving `fill` bytes a second
    in and `drain` out, after `startup` nanoseconds. The space that is over
    none holds weights and states.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, StrAttr:$kind,
                       I64Attr:$capacity,
                       OptionalAttr<FlatSymbolRefAttr>:$over,
                       DefaultValuedAttr<I64Attr, "0">:$reserve,
                       DefaultValuedAttr<I64Attr, "1">:$granule,
                       DefaultValuedAttr<I64Attr, "1">:$channels,
                       DefaultValuedAttr<I64Attr, "0">:$fill,
                       DefaultValuedAttr<I64Attr, "0">:$drain,
                       DefaultValuedAttr<I64Attr, "0">:$startup);
  let assemblyFormat = [{
    $sym_name $kind `capacity` $capacity (`over` $over^)? attr-dict
  }];
  let hasVerifier = 1;
}

// Not pure: two buffers that look the same are two pieces of memory.
def Hbm_BufferOp : Hbm_Op<"buffer",
    [AttrSizedOperandSegments,
     DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "memory for a tensor during a part of the program";
  let description = [{
    `tensor` is the type, `dims` its dynamic dimensions. The buffer is live
    from command `first` to before command `last` of the schedule. `space` is
    an `hbm.space` of the module, or "arena" (planned, on the one device that
    needs no description), "output" (the caller's or the session's) or
    "dynamic" (sized while the program runs).

    The `memory` phase says where it lies in its space: `at` a number, or at
    the value of index arithmetic.
  }];
  let arguments = (ins Variadic<Index>:$dims, Optional<Index>:$place,
                       TypeAttr:$tensor, StrAttr:$name, StrAttr:$space,
                       I64Attr:$first, I64Attr:$last,
                       DefaultValuedAttr<I64Attr, "64">:$align,
                       OptionalAttr<I64Attr>:$offset);
  let results = (outs Hbm_BufferType:$buffer);
  let assemblyFormat = [{
    $name `:` $tensor `[` $dims `]` `in` $space
    `live` `[` $first `,` $last `)`
    custom<Place>($place, $offset) attr-dict
  }];
  let hasVerifier = 1;
  let hasCanonicalizeMethod = 1;
}

def Hbm_AliasOp : Hbm_Op<"alias", [AttrSizedOperandSegments, Pure]> {
  let summary = "a part of a buffer's memory, or all of it as another type";
  let description = [{
    `offset` bytes from where the memory of `of` begins; 0 without. A tensor
    that is computed where another holds it is such a part: the inputs of a
    concatenation, a reshaped tensor.
  }];
  let arguments = (ins Hbm_BufferType:$of, Variadic<Index>:$dims,
                       Optional<Index>:$offset, TypeAttr:$tensor);
  let results = (outs Hbm_BufferType:$buffer);
  let assemblyFormat = [{
    $of (`from` $offset^)? `as` $tensor `[` $dims `]` attr-dict
  }];
  let hasVerifier = 1;
  let hasFolder = 1;
  let hasCanonicalizeMethod = 1;
}

def Hbm_PackOp : Hbm_Op<"pack", [Pure]> {
  let summary = "places for slices with lifetimes in one space";
  let description = [{
    Each slice has a size in bytes, is live during [first, last) and begins at
    a multiple of its alignment. The first result is the bytes that all need,
    the others where each begins; slices that live at the same time never
    overlap.

        %peak, %at:2 = hbm.pack "arena" {
          [1, 3) %a align 64,
          [2, 5) %b align 64 upto 4096
        }

    Planning happens when the op is folded: to numbers where all sizes are
    numbers. Otherwise it becomes arithmetic when it is canonicalized: who lies
    below whom is decided for the sizes after `upto`, which come from the
    bounds of dynamic dimensions, and holds for all others too.
  }];
  let arguments = (ins StrAttr:$space, Variadic<Index>:$sizes,
                       DenseI64ArrayAttr:$first, DenseI64ArrayAttr:$last,
                       DenseI64ArrayAttr:$align,
                       OptionalAttr<DenseI64ArrayAttr>:$upto);
  let results = (outs Index:$peak, Variadic<Index>:$offsets);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let hasFolder = 1;
  let hasCanonicalizer = 1;
}

def Hbm_AlignOp : Hbm_Op<"align", [Pure, SameOperandsAndResultType]> {
  let summary = "rounds up to a multiple of a power of two";
  let arguments = (ins Index:$value, I64Attr:$to);
  let results = (outs Index:$result);
  let assemblyFormat = "$value `to` $to attr-dict";
  let hasVerifier = 1;
  let hasFolder = 1;
}

/// Copies between spaces that a DMA engine makes while commands run.
class Hbm_MoveOp<string mnemonic, list<Trait> traits = []>
    : Hbm_Op<mnemonic, traits> {
  let arguments = (ins Hbm_BufferType:$from, Hbm_BufferType:$to,
                       DefaultValuedAttr<I64Attr, "0">:$channel,
                       I64Attr:$first, I64Attr:$last);
  let assemblyFormat = [{
    $from `to` $to `channel` $channel `during` `[` $first `,` $last `)`
    attr-dict
  }];
  let hasVerifier = 1;
}

def Hbm_PrefetchOp : Hbm_MoveOp<"prefetch"> {
  let summary = "brings a copy of a buffer near before it is needed";
  let description = [{
    The copy begins when command `first` could, at the earliest, and is there
    when command `last` begins; with both the same, nothing runs beside it. What
    lies in `from` stays valid.
  }];
}

def Hbm_SpillOp : Hbm_MoveOp<"spill"> {
  let summary = "saves a buffer to the space below, so that its place is free";
}

def Hbm_ReloadOp : Hbm_MoveOp<"reload"> {
  let summary = "brings back what was spilled";
}

def Hbm_PlanOp : Hbm_Op<"plan"> {
  let summary = "what the planner found for a space";
  let description = [{
    Bytes at the sizes the plan was made for: exact when all are static.
    `size` is what the space needs at the sizes of a run.
  }];
  let arguments = (ins StrAttr:$space, I64Attr:$peak, I64Attr:$lower_bound,
                       BoolAttr:$exact, Optional<Index>:$size);
  let builders = [OpBuilder<(ins "llvm::StringRef":$space, "int64_t":$peak,
                                 "int64_t":$lowerBound, "bool":$exact), [{
    build($_builder, $_state, space, peak, lowerBound, exact, mlir::Value());
  }]>];
  let assemblyFormat = [{
    $space `peak` $peak `lower_bound` $lower_bound `exact` $exact
    (`size` $size^)? attr-dict
  }];
}

#endif // NARAE_HBM_OPS
