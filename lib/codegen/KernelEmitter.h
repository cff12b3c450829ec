//===- KernelEmitter.h - Code generators by anchor --------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Emitters turn a whole kernel into code on a KernelContext. A backend has a
// list of them, the most special first; the first that matches is used. The
// last of the list computes any kernel of elemental ops (loops over the
// results' elements).
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_CODEGEN_KERNELEMITTER_H
#define NARAE_LIB_CODEGEN_KERNELEMITTER_H

#include "lib/codegen/KernelContext.h"

namespace narae::codegen {

/// What emitters may use of the machine.
struct MachineModel {
  unsigned vectorBytes = 32; ///< widest vector register
  unsigned vectorRegisters = 16;
  bool hasMaskedMemory = false; ///< masks are free (AVX-512)
  /// Sums of four products of unsigned and signed bytes (VNNI) in vectors of
  /// this width.
  bool hasByteDot = false;
  int64_t l1Bytes = 32768, l2Bytes = 1 << 20;
  int optLevel = 3;
  bool exact = false;
  bool keepWeights = false; ///< read weights as they are stored
};

class KernelEmitter {
public:
  virtual ~KernelEmitter() = default;
  /// The emitter's name, recorded in the kernel's config ("matmul").
  virtual llvm::StringRef name() const = 0;
  /// Whether this emitter makes the code of this kernel.
  virtual bool matches(rt::KernelOp kernel, const MachineModel &machine) = 0;
  /// Chooses tiles and workspace before scheduling: returns the config, and
  /// sets `scratch` (bytes a part, over the kernel's symbols) when needed.
  virtual mlir::DictionaryAttr configure(rt::KernelOp kernel,
                                         const MachineModel &machine,
                                         fm::Expr &scratch) {
    return mlir::DictionaryAttr::get(kernel.getContext());
  }
  virtual llvm::LogicalResult emit(KernelContext &k,
                                   const MachineModel &machine) = 0;
  /// Whether it writes each element of a kernel's only result once, after it
  /// has read what element-wise ops want of the same place: loops over
  /// elements, and products that finish a tile in scratch memory.
  virtual bool writesElementsOnce() const { return false; }
};

/// The op of a kernel that is not elemental (cost Loop or None), or null when
/// all are; more than one is a kernel for special emitters only.
mlir::Operation *anchorOf(rt::KernelOp kernel);

} // namespace narae::codegen

#endif // NARAE_LIB_CODEGEN_KERNELEMITTER_H
