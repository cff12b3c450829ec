//===- NearSchedule.h - A function as a problem of spaces ------- -*- C++
//-*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_MEMORY_NEARSCHEDULE_H
#define NARAE_LIB_MEMORY_NEARSCHEDULE_H

#include "lib/memory/Commands.h"
#include "lib/memory/spaces/Home.h"

#include "llvm/ADT/MapVector.h"

#include <functional>

namespace narae::memory {

/// Picoseconds that a kernel computes, near its tensors.
using KernelTime = std::function<Ticks(const Work &)>;

/// The commands of a function as steps, and the memory that they touch as
/// tensors, in the order of their first use.
struct NearSchedule {
  SpacesProblem problem;
  std::vector<bool> mustStay; ///< by tensor: others see it, or its size varies
  std::vector<mlir::Operation *> commands;         ///< by step
  std::vector<mlir::Operation *> roots;            ///< by tensor, its first one
  llvm::MapVector<const void *, uint32_t> numbers; ///< of tensors, by memory
};

/// \param func of straight commands (`isStraight`).
NearSchedule nearSchedule(mlir::func::FuncOp func, hbm::SpaceOp space,
                          mlir::SymbolTable &symbols,
                          const KernelTime &kernelTime);

} // namespace narae::memory

#endif // NARAE_LIB_MEMORY_NEARSCHEDULE_H
