//===- QuantizeModel.h - A model's matrices into blocks ---------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Two steps around the graph builder: `describe` gives matrices their new
// storage, and no bytes; `fill` computes the bytes of the module's weights,
// each a row at a time, into the store. So no more than a row a thread is in
// memory.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_FRONTEND_QUANTIZE_QUANTIZEMODEL_H
#define NARAE_LIB_FRONTEND_QUANTIZE_QUANTIZEMODEL_H

#include "lib/frontend/WeightStore.h"
#include "lib/frontend/language/Model.h"

#include "mlir/IR/BuiltinOps.h"

#include <map>
#include <string>

namespace narae::quantize {

class ModelQuantizer {
public:
  /// `to` is Q8_0, Q4_0 or Q4_K; pieces are relative to `directory`.
  ModelQuantizer(language::Storage to, std::string directory)
      : to(to), directory(std::move(directory)) {}

  /// Matrices of floating-point numbers (linear layers, experts, the
  /// embedding) get the storage; routers and vectors stay. Rows that are no
  /// multiple of q4_k's 256 become q8_0, those that are none of 32 stay; a
  /// note of the model says how many.
  void describe(language::LanguageModel &model);
  /// False after a diagnostic.
  bool fill(mlir::ModuleOp module, WeightStore &store);

private:
  void describe(language::Weight &weight);
  language::Storage to;
  std::string directory;
  std::map<std::string, language::Weight> originals; ///< by the new name
  std::map<std::string, std::string> names;          ///< by source
  int64_t asQ8 = 0, kept = 0;
};

} // namespace narae::quantize

#endif // NARAE_LIB_FRONTEND_QUANTIZE_QUANTIZEMODEL_H
