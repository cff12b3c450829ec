//===- FmDialect.h - The foundation-model graph -----------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_DIALECTS_FM_FMDIALECT_H
#define NARAE_DIALECTS_FM_FMDIALECT_H

#include "dialects/fm/Storage.h"
#include "dialects/fm/Symbolic.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributeInterfaces.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/fm/FmDialect.h.inc"

#define GET_TYPEDEF_CLASSES
#include "dialects/fm/FmTypes.h.inc"

#include "dialects/fm/FmInterfaces.h.inc"

#define GET_OP_CLASSES
#include "dialects/fm/FmOps.h.inc"

namespace narae::fm {

/// Creates an op whose result types come from its shape function; null after
/// a diagnostic. `scope` must know the operands (SymbolicScope::add).
mlir::Operation *createInferred(mlir::OpBuilder &builder,
                                mlir::OperationState &state,
                                SymbolicScope &scope);

/// The number of results of an op class.
template <typename OpTy>
constexpr unsigned resultCount() {
  using namespace mlir::OpTrait;
  if (OpTy::template hasTrait<OneResult>())
    return 1;
  if (OpTy::template hasTrait<NResults<2>::Impl>())
    return 2;
  if (OpTy::template hasTrait<NResults<3>::Impl>())
    return 3;
  return OpTy::template hasTrait<NResults<5>::Impl>() ? 5 : 0;
}

/// The same with the usual builder arguments.
template <typename OpTy, typename... Args>
OpTy createOp(mlir::OpBuilder &builder, mlir::Location loc,
              SymbolicScope &scope, Args &&...args) {
  mlir::OperationState state(loc, OpTy::getOperationName());
  // Placeholders, until the shape function says better.
  llvm::SmallVector<mlir::Type> types(resultCount<OpTy>(),
                                      builder.getNoneType());
  OpTy::build(builder, state, mlir::TypeRange(types),
              std::forward<Args>(args)...);
  return mlir::cast_or_null<OpTy>(createInferred(builder, state, scope));
}

} // namespace narae::fm

#endif // NARAE_DIALECTS_FM_FMDIALECT_H
