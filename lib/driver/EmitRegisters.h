//===- EmitRegisters.h - Index arithmetic as registers -----*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_DRIVER_EMITREGISTERS_H
#define NARAE_LIB_DRIVER_EMITREGISTERS_H

#include "dialects/rt/RtDialect.h"
#include "lib/artifact/Artifact_generated.h"

#include "llvm/ADT/DenseMap.h"

namespace narae::driver {

/// Translates the host program's index values into instructions over the
/// register file of an entry.
class RegisterEmitter {
public:
  explicit RegisterEmitter(artifact::EntryT &entry) : entry(entry) {}

  /// The register of a value; emits what computes it where it has none yet.
  /// `bufferOf` gives the number of a buffer for rt.item.
  uint32_t get(mlir::Value value,
               llvm::function_ref<uint32_t(mlir::Value)> bufferOf);
  uint32_t constant(int64_t value);
  uint32_t variable(int64_t number);
  uint32_t binary(artifact::RegOp op, uint32_t a, uint32_t b);
  uint32_t align(uint32_t a, int64_t alignment);
  uint32_t product(llvm::ArrayRef<uint32_t> factors);
  /// Bytes of a tensor of these dimensions.
  uint32_t bytes(llvm::ArrayRef<uint32_t> dims, mlir::Type element);
  void move(uint32_t to, uint32_t from);
  /// Instructions not yet in an Eval command.
  uint32_t pending() const { return entry.instructions.size() - flushed; }
  /// Ends the current run of instructions: its first number and count.
  std::pair<uint32_t, uint32_t> flush();
  /// Values computed inside a branch are not known after it.
  using Mark = llvm::DenseMap<mlir::Value, uint32_t>;
  Mark mark() const { return registers; }
  void reset(Mark saved) { registers = std::move(saved); }

private:
  uint32_t emit(artifact::RegOp op, uint32_t a, uint32_t b, uint32_t c,
                int64_t imm);
  uint32_t expr(mlir::AffineExpr e, llvm::ArrayRef<uint32_t> symbols);
  uint32_t divisor(uint32_t reg, mlir::AffineExpr e);

  artifact::EntryT &entry;
  llvm::DenseMap<mlir::Value, uint32_t> registers;
  llvm::DenseMap<int64_t, uint32_t> variables;
  uint32_t flushed = 0;
};

} // namespace narae::driver

#endif // NARAE_LIB_DRIVER_EMITREGISTERS_H
