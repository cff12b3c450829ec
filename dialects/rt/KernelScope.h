//===- KernelScope.h - Symbols across a kernel's boundary -------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A kernel's expressions are over its own symbols: parameters, which the
// dispatch passes, and symbols derived from them (max, min, select, equal,
// less), which the kernel computes again. The attribute `symbols` of
// rt.kernel lists their definitions, so that a scope made from it gives
// every expression the meaning it had in `main`.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_DIALECTS_RT_KERNELSCOPE_H
#define NARAE_DIALECTS_RT_KERNELSCOPE_H

#include "dialects/rt/RtDialect.h"

namespace narae::rt {

/// Translates expressions of a scope into those of a kernel that is being
/// formed, collecting the symbols they need.
class KernelSymbols {
public:
  explicit KernelSymbols(fm::SymbolicScope &outer) : outer(outer) {}

  /// The kernel's expression for an outer one.
  fm::Expr translate(fm::Expr expr);
  /// Outer leaf symbols in the order of the kernel's parameters.
  llvm::ArrayRef<fm::Expr> params() const { return leaves; }
  /// The `symbols` attribute. Final only when nothing is translated any more.
  mlir::ArrayAttr attribute() const;
  /// ()[symbols] -> (exprs) of translated expressions, over the symbols so
  /// far; make maps after the last translation.
  mlir::AffineMapAttr map(llvm::ArrayRef<fm::Expr> translated) const;

private:
  fm::SymbolicScope &outer;
  llvm::SmallVector<fm::Expr> leaves;
  llvm::SmallVector<mlir::DictionaryAttr> defs;
  llvm::DenseMap<fm::Expr, fm::Expr> translated;
};

/// The scope of a kernel: its symbols, and its arguments' dimensions.
fm::SymbolicScope scopeOf(KernelOp kernel);

/// Appends to the kernel's `symbols` those that the shape functions of its
/// body derive, so that expressions over them have a meaning outside too.
void closeSymbols(KernelOp kernel);

/// The number of parameters a dispatch must pass.
unsigned paramCount(KernelOp kernel);

} // namespace narae::rt

#endif // NARAE_DIALECTS_RT_KERNELSCOPE_H
