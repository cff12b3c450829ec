//===- RtOps.td - The host program -------------------------*- tablegen -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_RT_OPS
#define NARAE_RT_OPS

include "dialects/fm/FmBase.td"
include "dialects/hbm/HbmOps.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"

def Rt_Dialect : Dialect {
  let name = "rt";
  let cppNamespace = "::narae::rt";
  let summary = "The host program: kernels, dispatches, host arithmetic.";
  let dependentDialects = ["::narae::fm::FmDialect", "::narae::hbm::HbmDialect"];
}

class Rt_Op<string mnemonic, list<Trait> traits = []>
    : Op<Rt_Dialect, mnemonic, traits>;

def Rt_KernelOp : Rt_Op<"kernel", [Symbol, IsolatedFromAbove, SingleBlock]> {
  let summary = "work that one dispatch does";
  let description = [{
    The body's arguments are tensors; it holds fm ops and yields the results.

    `symbols` defines the symbols of the kernel's expressions in order, each a
    dictionary: {kind = "param", min, max}, whose value the dispatch gives (in
    order of the params), or a derived one (see rt/KernelScope.h).
    `arg_dims` and `result_dims` hold an affine map ()[symbols] -> (dims) for
    each tensor. `nodes` names the model nodes that the kernel covers.
    `config` is what the backend has chosen; `scratch` the bytes of scratch
    memory a part needs and `work` an estimate of scalar operations, both maps
    with one result over the symbols.
    `inplace` has an entry a result: the argument whose memory the result is
    given, already filled, so that the kernel writes only what changes; or -1.
    `shares` are arguments whose memory the only result may take when nobody
    reads them afterwards: the backend promises that the kernel reads an element
    of them before it writes the result's element at the same place, and never
    again.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, ArrayAttr:$symbols,
                       ArrayAttr:$arg_dims, ArrayAttr:$result_dims,
                       ArrayAttr:$nodes, StrAttr:$device,
                       OptionalAttr<DictionaryAttr>:$config,
                       OptionalAttr<AffineMapAttr>:$scratch,
                       OptionalAttr<AffineMapAttr>:$work,
                       OptionalAttr<FlatSymbolRefAttr>:$object,
                       OptionalAttr<DenseI64ArrayAttr>:$inplace,
                       OptionalAttr<DenseI64ArrayAttr>:$shares);
  let regions = (region AnyRegion:$body);
  let assemblyFormat = "$sym_name attr-dict-with-keyword $body";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    mlir::Block &block() { return getBody().front(); }
    mlir::Operation *yield() { return block().getTerminator(); }
  }];
}

def Rt_DispatchOp : Rt_Op<"dispatch",
    [AttrSizedOperandSegments, Pure,
     DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "runs a kernel on tensors";
  let description = [{
    `params` are the values of the kernel's parameter symbols.
  }];
  let arguments = (ins FlatSymbolRefAttr:$kernel,
                       Variadic<AnyRankedTensor>:$inputs,
                       Variadic<Index>:$params);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    $kernel `(` $inputs `)` `[` $params `]` attr-dict
    `:` functional-type($inputs, $results)
  }];
}

def Rt_ViewOp : Rt_Op<"view", [Pure]> {
  let summary = "the same elements under another shape; costs nothing";
  let arguments = (ins AnyRankedTensor:$input, Variadic<Index>:$dims);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    $input `[` $dims `]` attr-dict `:` type($input) `->` type($result)
  }];
}

def Rt_ItemOp : Rt_Op<"item", [Pure]> {
  let summary = "an element of an integer tensor, read on the host";
  let arguments = (ins AnyType:$tensor, I64Attr:$index);
  let results = (outs Index:$result);
  let assemblyFormat =
    "$tensor `[` $index `]` attr-dict `:` type($tensor)";
}

def Rt_EvalOp : Rt_Op<"eval", [Pure]> {
  let summary = "an integer expression of dimensions";
  let arguments = (ins AffineMapAttr:$map, Variadic<Index>:$symbols);
  let results = (outs Index:$result);
  let assemblyFormat = "$map `[` $symbols `]` attr-dict";
  let hasFolder = 1;
  let hasVerifier = 1;
}

def Rt_CheckOp : Rt_Op<"check"> {
  let summary = "fails the run with a message unless the condition holds";
  let arguments = (ins I1:$condition, StrAttr:$message);
  let assemblyFormat = "$condition `,` $message attr-dict";
}

def Rt_CallOp : Rt_Op<"call", [AttrSizedOperandSegments, Pure]> {
  let summary = "a function that the host computes on tensors";
  let description = [{
    `function`, `pattern` and `limit` are those of `fm.text`, or the function
    is "split" (`fm.text_split`); `dims` are the result's dynamic dimensions.
  }];
  let arguments = (ins Variadic<AnyRankedTensor>:$inputs,
                       Variadic<Index>:$dims, StrAttr:$function,
                       StrAttr:$pattern, I64Attr:$limit);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    $function `(` $inputs `)` `[` $dims `]` `pattern` $pattern
    `limit` $limit attr-dict `:` functional-type($inputs, $result)
  }];
}

def Rt_ShapeValueOp : Rt_Op<"shape_value",
    [Pure, DeclareOpInterfaceMethods<SymbolicShapeOpInterface>]> {
  let summary = "a small integer tensor of expressions over kernel symbols";
  let arguments = (ins AffineMapAttr:$elements);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$elements attr-dict `:` type($result)";
}

// After `schedule`: tensors are buffers.

// Not pure: an input stays a part of the signature when nothing reads it.
def Rt_ArgOp : Rt_Op<"arg"> {
  let summary = "the buffer of an entry's input; its dims are rt.arg_dim";
  let arguments = (ins I64Attr:$index, TypeAttr:$tensor, StrAttr:$name,
                       ArrayAttr:$dims, DenseI64ArrayAttr:$bounds);
  let results = (outs Hbm_BufferType:$buffer);
  let assemblyFormat = "$index $name `:` $tensor attr-dict";
}
def Rt_ArgDimOp : Rt_Op<"arg_dim", [Pure]> {
  let summary = "a dimension of an entry's input";
  let arguments = (ins I64Attr:$arg, I64Attr:$axis);
  let results = (outs Index:$result);
  let assemblyFormat = "$arg `,` $axis attr-dict";
}
def Rt_WeightOp : Rt_Op<"weight", [Pure]> {
  let summary = "the buffer of a weight";
  let arguments = (ins FlatSymbolRefAttr:$data);
  let results = (outs Hbm_BufferType:$buffer);
  let assemblyFormat = "$data attr-dict";
}
def Rt_StateOp : Rt_Op<"state", [Pure]> {
  let summary = "the buffer of a state: what the session keeps";
  let arguments = (ins FlatSymbolRefAttr:$data);
  let results = (outs Hbm_BufferType:$buffer);
  let assemblyFormat = "$data attr-dict";
}
def Rt_LaunchOp : Rt_Op<"launch", [AttrSizedOperandSegments]> {
  let summary = "runs a kernel on buffers";
  let arguments = (ins FlatSymbolRefAttr:$kernel,
                       Variadic<Hbm_BufferType>:$inputs,
                       Variadic<Hbm_BufferType>:$outputs,
                       Variadic<Index>:$params,
                       Optional<Index>:$scratch, Optional<Index>:$work);
  let assemblyFormat = [{
    $kernel `(` $inputs `)` `->` `(` $outputs `)` `[` $params `]`
    (`scratch` `(` $scratch^ `)`)? (`work` `(` $work^ `)`)? attr-dict
  }];
}
def Rt_InvokeOp : Rt_Op<"invoke"> {
  let summary = "rt.call on buffers";
  let arguments = (ins Variadic<Hbm_BufferType>:$inputs,
                       Hbm_BufferType:$output, StrAttr:$function,
                       StrAttr:$pattern, I64Attr:$limit);
  let assemblyFormat = [{
    $function `(` $inputs `)` `->` $output `pattern` $pattern `limit` $limit
    attr-dict
  }];
}
def Rt_CopyOp : Rt_Op<"copy"> {
  let summary = "copies a buffer's bytes to another";
  let arguments = (ins Hbm_BufferType:$from, Hbm_BufferType:$to,
                       Index:$bytes);
  let assemblyFormat = "$from `to` $to `,` $bytes attr-dict";
}
def Rt_AllocateOp : Rt_Op<"allocate"> {
  let summary = "gives a buffer of the dynamic space its memory";
  let arguments = (ins Hbm_BufferType:$buffer);
  let assemblyFormat = "$buffer attr-dict";
}
def Rt_SetOp : Rt_Op<"set"> {
  let summary = "assigns a host variable (results of branches and loops)";
  let arguments = (ins I64Attr:$variable, Index:$value);
  let assemblyFormat = "$variable `,` $value attr-dict";
}
def Rt_VarOp : Rt_Op<"var"> {
  let summary = "reads a host variable";
  let arguments = (ins I64Attr:$variable);
  let results = (outs Index:$result);
  let assemblyFormat = "$variable attr-dict";
}
def Rt_IfOp : Rt_Op<"if", [SingleBlock, NoTerminator, NoRegionArguments]> {
  let summary = "runs one of two lists of commands";
  let arguments = (ins Index:$condition);
  let regions = (region SizedRegion<1>:$then_region,
                        SizedRegion<1>:$else_region);
  let assemblyFormat =
    "$condition $then_region `else` $else_region attr-dict";
}
def Rt_WhileOp : Rt_Op<"while", [SingleBlock, NoTerminator,
                                 NoRegionArguments]> {
  let summary = "repeats commands while a host variable is not 0";
  let arguments = (ins I64Attr:$variable);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$variable $body attr-dict";
}
def Rt_OutputOp : Rt_Op<"output"> {
  let summary = "names a buffer as a result of the entry";
  let arguments = (ins I64Attr:$index, Hbm_BufferType:$buffer,
                       StrAttr:$name);
  let assemblyFormat = "$index $name `,` $buffer attr-dict";
}
def Rt_ObjectOp : Rt_Op<"object", [Symbol]> {
  let summary = "code for a device: ELF, PTX, ...";
  let arguments = (ins SymbolNameAttr:$sym_name, StrAttr:$format,
                       StrAttr:$data);
  let assemblyFormat = "$sym_name $format $data attr-dict";
}

#endif // NARAE_RT_OPS
