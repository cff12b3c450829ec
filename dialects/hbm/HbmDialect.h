//===- HbmDialect.h - Memory as IR ------------------------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_DIALECTS_HBM_HBMDIALECT_H
#define NARAE_DIALECTS_HBM_HBMDIALECT_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/hbm/HbmDialect.h.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/hbm/HbmTypes.h.inc"
#define GET_OP_CLASSES
#include "dialects/hbm/HbmOps.h.inc"

#endif // NARAE_DIALECTS_HBM_HBMDIALECT_H
