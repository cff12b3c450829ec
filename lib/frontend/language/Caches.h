//===- Caches.h - What a language model remembers ---------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_FRONTEND_LANGUAGE_CACHES_H
#define NARAE_LIB_FRONTEND_LANGUAGE_CACHES_H

#include "lib/frontend/language/BuildModule.h"

#include "mlir/IR/BuiltinTypes.h"

namespace narae::language {

/// A state of the module: [batch, heads, slots, size]. A ring holds position p
/// in slot p mod slots, others in slot p.
struct Cache {
  std::string name;
  mlir::RankedTensorType type;
  int64_t window = 0; ///< positions that its layer sees; 0: all
  bool ring = false;

  int64_t slots() const { return type.getDimSize(2); }
  /// Bytes that one position of one sequence takes.
  int64_t slotBytes() const;
};
/// Key and value, or the latent alone.
using LayerCaches = std::vector<Cache>;

/// The caches of all layers. A layer with a window gets a ring of window +
/// prefillChunk - 1 slots, so that a chunk never overwrites keys that its
/// first tokens still see; without one, or where that is no shorter, a slot a
/// position. `options` must be complete.
std::vector<LayerCaches> planCaches(const LanguageModel &model,
                                    const BuildOptions &options,
                                    mlir::MLIRContext *context);

/// The attribute `fm.metadata`: {"language_model": {..}} with
///  - name, family, hidden, layers, vocabulary, end_tokens, notes;
///  - batch, context, max_context, prefill_chunk, kv_type;
///  - parameters and active_parameters (see Parameters.h), weight_bytes;
///  - kv_bytes_per_token (of one sequence, in layers that see all positions),
///    kv_bytes_fixed (in windows), kv_bytes_per_token_uniform (if no layer had
///    a window), kv_bytes_allocated (all sequences);
///  - states: name, kind ("growing" or "ring"), slots, window (0: none),
///    slot_bytes.
std::string metadata(const LanguageModel &model, const BuildOptions &options,
                     llvm::ArrayRef<LayerCaches> caches, int64_t weightBytes);

} // namespace narae::language

#endif // NARAE_LIB_FRONTEND_LANGUAGE_CACHES_H
