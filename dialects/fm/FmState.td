//===- FmState.td - Model state and attachments ------------*- tablegen -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_FM_STATE
#define NARAE_FM_STATE

include "dialects/fm/FmBase.td"
include "mlir/IR/SymbolInterfaces.td"

def Fm_StateOp : Op<Fm_Dialect, "state", [Symbol]> {
  let summary = "a tensor that a session keeps from run to run";
  let description = [{
    All entries of the module share it; it is zero when a session begins. The
    type is static. `kind` says how its size was chosen, for reports:
    "growing" (dimension `axis` holds one slot a position of the context),
    "ring" (`axis` holds the last positions only, of a window of `window`) or
    "plain" (anything else). Dimension 0 of the first two is the sequence.
    `offset` is its place in the session's state memory, set by `memory`.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttr:$type,
                       DefaultValuedStrAttr<StrAttr, "plain">:$kind,
                       DefaultValuedAttr<I64Attr, "2">:$axis,
                       OptionalAttr<I64Attr>:$window,
                       OptionalAttr<I64Attr>:$offset);
  let builders = [OpBuilder<(ins "llvm::StringRef":$name, "mlir::Type":$type,
                                 CArg<"llvm::StringRef", "\"plain\"">:$kind,
                                 CArg<"int64_t", "2">:$axis,
                                 CArg<"mlir::IntegerAttr", "{}">:$window), [{
    build($_builder, $_state, name, type, kind, axis, window,
          mlir::IntegerAttr());
  }]>];
  let assemblyFormat = "$sym_name `:` $type attr-dict";
  let hasVerifier = 1;
}

def Fm_StateReadOp : Fm_PureOp<"state_read",
    [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "a state as the run of the entry found it";
  let description = [{
    The value from before the run, wherever the op stands: writes of this run
    show in the next one. So reads are pure, and order is data flow.
  }];
  let arguments = (ins FlatSymbolRefAttr:$state);
  let results = (outs Fm_Tensor:$result);
  let assemblyFormat = "$state attr-dict `:` type($result)";
}

def Fm_StateWriteOp : Fm_Op<"state_write",
    [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "what a state is when the run of the entry has ended";
  let description = [{
    At most one an entry and state, in the entry's own block. Costs nothing
    where `schedule` could compute the value in the state's memory.
  }];
  let arguments = (ins FlatSymbolRefAttr:$state, Fm_Tensor:$value);
  let assemblyFormat = "$state `,` $value attr-dict `:` type($value)";
}

def Fm_AttachmentOp : Op<Fm_Dialect, "attachment", [Symbol]> {
  let summary = "bytes that travel in the artifact: a tokenizer, a template";
  let description = [{
    Bytes [offset, offset + length) of `file`, relative to the model; an empty
    file name means that the compiler holds them under the symbol's name.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, StrAttr:$file,
                       I64Attr:$offset, I64Attr:$length);
  let assemblyFormat = "$sym_name attr-dict";
  let hasVerifier = 1;
}

#endif // NARAE_FM_STATE
