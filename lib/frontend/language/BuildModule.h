//===- BuildModule.h - The fm graph of a language model ---------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_FRONTEND_LANGUAGE_BUILDMODULE_H
#define NARAE_LIB_FRONTEND_LANGUAGE_BUILDMODULE_H

#include "lib/frontend/WeightStore.h"
#include "lib/frontend/language/Model.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace narae::language {

/// What the user chose; see the options of `narae compile` of these names.
struct BuildOptions {
  int64_t batch = 1;   ///< sequences at a time
  int64_t context = 0; ///< positions of a sequence; 0: min(model's, 4096)
  /// f32, bf16, f16 or q8_0; empty: f32 where the matrices are or with
  /// `exact`, else f16.
  std::string kvType;
  int64_t prefillChunk = 128; ///< most tokens of a sequence in one `prefill`
  bool exact = false;
  std::string directory; ///< that the files of weights are relative to
};

constexpr int64_t kDefaultContext = 4096;

/// Builds the module of a model. Entries, with B = batch:
///  - `prefill`(tokens [B, T] i64, T in 1..prefillChunk, start [B] i64,
///    lengths [B] i64) -> logits [B, vocabulary] f32 at each sequence's last
///    token, tokens [b, 0..lengths[b]) being at positions start[b] and up;
///  - `decode`, the same with T = 1;
///  - `score`, as prefill, with logits [B, T, vocabulary].
/// They share weights and states: `layers.N.key` and `layers.N.value`
/// [B, kvHeads, slots, headDim], or `layers.N.latent` [B, 1, slots, rank +
/// ropeDim]. Whoever runs them keeps the positions. The module attribute
/// `fm.metadata` (JSON) says what that takes; see metadata().
///
/// Reports every problem through the context's diagnostics, with the names of
/// tensors; null when there was any. Bytes of weights and attachments go into
/// `weights`.
mlir::OwningOpRef<mlir::ModuleOp> buildModule(const LanguageModel &model,
                                              const BuildOptions &options,
                                              mlir::MLIRContext &context,
                                              WeightStore &weights);

} // namespace narae::language

#endif // NARAE_LIB_FRONTEND_LANGUAGE_BUILDMODULE_H
