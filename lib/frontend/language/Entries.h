//===- Entries.h - The entry points of a language model ---------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_FRONTEND_LANGUAGE_ENTRIES_H
#define NARAE_LIB_FRONTEND_LANGUAGE_ENTRIES_H

#include "lib/frontend/language/Caches.h"
#include "lib/frontend/language/Weights.h"

#include "mlir/IR/BuiltinOps.h"

namespace narae::language {

enum class EntryKind { Prefill, Decode, Score };

/// Appends the function of an entry; see buildModule.
void buildEntry(EntryKind kind, mlir::ModuleOp module,
                const LanguageModel &model, const BuildOptions &options,
                llvm::ArrayRef<LayerCaches> caches, Weights &weights);

} // namespace narae::language

#endif // NARAE_LIB_FRONTEND_LANGUAGE_ENTRIES_H
