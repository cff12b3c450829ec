//===- Commands.h - A schedule's commands and the memory they touch --*- C++
//-*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_MEMORY_COMMANDS_H
#define NARAE_LIB_MEMORY_COMMANDS_H

#include "dialects/rt/RtDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace narae::memory {

/// Whether an op takes a place in the order of a schedule: it uses buffers and
/// neither is a part of one nor moves one between spaces.
bool isCommand(mlir::Operation *op);

/// What has the memory that a buffer is a part of: an `hbm.buffer`, `rt.arg`,
/// `rt.weight` or `rt.state`.
mlir::Operation *rootOf(mlir::Value buffer);

/// The same for all ops that name one memory, as those of a state.
const void *memoryOf(mlir::Value buffer);

/// The tensor that a root holds; null for one that names nothing.
mlir::RankedTensorType tensorOf(mlir::Operation *root,
                                mlir::SymbolTable &symbols);

/// What a command does with a buffer.
struct Access {
  mlir::Value buffer;
  bool reads = false, writes = false;
  bool isPart = false; ///< writes less than all of the memory
};

/// Accesses of a kernel or a copy, one a buffer operand. A kernel that updates
/// an operand in place reads what it writes.
llvm::SmallVector<Access> accessesOf(mlir::Operation *command,
                                     mlir::SymbolTable &symbols);

/// Whether the commands are one list: neither branches nor loops.
bool isStraight(mlir::func::FuncOp func);

} // namespace narae::memory

#endif // NARAE_LIB_MEMORY_COMMANDS_H
