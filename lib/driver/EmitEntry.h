//===- EmitEntry.h - One function of the host program as an entry -*- C++
//-*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_DRIVER_EMITENTRY_H
#define NARAE_LIB_DRIVER_EMITENTRY_H

#include "dialects/rt/RtDialect.h"
#include "lib/artifact/Artifact_generated.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringMap.h"

namespace narae::driver {

/// Where a module's symbols are in the tables of its program.
struct ProgramTables {
  llvm::StringMap<uint32_t> kernels, weights, states;
};

/// Fills in an entry: registers, buffers and commands of a planned function.
void emitEntry(mlir::func::FuncOp func, artifact::EntryT &entry,
               artifact::ProgramT &program, const ProgramTables &tables);

} // namespace narae::driver

#endif // NARAE_LIB_DRIVER_EMITENTRY_H
