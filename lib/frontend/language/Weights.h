//===- Weights.h - Weights of a model as symbols ----------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_FRONTEND_LANGUAGE_WEIGHTS_H
#define NARAE_LIB_FRONTEND_LANGUAGE_WEIGHTS_H

#include "dialects/fm/FmDialect.h"
#include "lib/frontend/WeightStore.h"
#include "lib/frontend/language/Model.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/SymbolTable.h"

#include <map>

namespace narae::language {

/// Makes `fm.weight_data` symbols: one for each distinct source of bytes,
/// named as in the checkpoint, shared by all entries.
class Weights {
public:
  /// Files are relative to `directory`. With `absent` weights that have no
  /// bytes are fine.
  Weights(mlir::ModuleOp module, WeightStore &store, llvm::StringRef directory,
          bool absent)
      : module(module), symbols(module), store(store), directory(directory),
        absent(absent) {}

  /// The weight's symbol; null after a diagnostic.
  fm::WeightDataOp symbol(const Weight &weight);
  /// Attaches bytes to the artifact.
  void attach(const Attachment &attachment);

private:
  void insert(mlir::Operation *op);
  bool load(fm::WeightDataOp op, const Weight &weight);

  mlir::ModuleOp module;
  mlir::SymbolTable symbols;
  WeightStore &store;
  llvm::StringRef directory;
  bool absent;
  mlir::Operation *last = nullptr;               ///< that was inserted
  std::map<std::string, fm::WeightDataOp> known; ///< by source
};

} // namespace narae::language

#endif // NARAE_LIB_FRONTEND_LANGUAGE_WEIGHTS_H
