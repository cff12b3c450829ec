//===- FmBase.td - The fm dialect's base definitions -------*- tablegen -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_FM_BASE
#define NARAE_FM_BASE

include "mlir/IR/OpBase.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Fm_Dialect : Dialect {
  let name = "fm";
  let cppNamespace = "::narae::fm";
  let summary = "The foundation-model graph: tensors in, tensors out, no chip.";
  let description = [{
    Ops are pure, on ranked tensors, and named after the field's terms. Types
    of elements are those of the model: signless integers stand for signed
    ones, ui8..ui64 for unsigned ones, i1 for booleans.
  }];
  let hasConstantMaterializer = 0;
  let useDefaultTypePrinterParser = 1;
}

def SymbolicShapeOpInterface : OpInterface<"SymbolicShapeOpInterface"> {
  let cppNamespace = "::narae::fm";
  let description = [{
    The one place that knows the shape of an op's results. See Symbolic.h.
  }];
  let methods = [InterfaceMethod<[{
      Computes element type, dimensions and, for small integer tensors, the
      elements of every result from what the scope knows of the operands.
      Reports what is wrong through the op's diagnostics.
    }], "::llvm::LogicalResult", "inferResults",
    (ins "::narae::fm::SymbolicScope &":$scope,
         "::llvm::SmallVectorImpl<::narae::fm::SymTensor> &":$results)>];
  let verify = [{ return ::narae::fm::verifyShapes($_op); }];
}

def InPlaceOpInterface : OpInterface<"InPlaceOpInterface"> {
  let cppNamespace = "::narae::fm";
  let description = [{
    Ops whose first result is an operand with a part of it changed. Their
    kernels get the operand's own memory as the result's, already filled, and
    write what changes; `schedule` sees to it, with a copy where the operand
    is read later.
  }];
  let methods = [InterfaceMethod<[{
      The operand, of the result's type, that the op changes a part of.
    }], "::mlir::OpOperand &", "getInPlaceOperand">];
}

def Fm_Tensor : RankedTensorOf<[AnyType]>;

class Fm_Op<string mnemonic, list<Trait> traits = []>
    : Op<Fm_Dialect, mnemonic,
         !listconcat([DeclareOpInterfaceMethods<SymbolicShapeOpInterface>],
                     traits)> {
  let assemblyFormat =
    "operands attr-dict `:` functional-type(operands, results)";
}

class Fm_PureOp<string mnemonic, list<Trait> traits = []>
    : Fm_Op<mnemonic, !listconcat([Pure], traits)>;

#endif // NARAE_FM_BASE
