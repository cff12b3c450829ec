//===- ImportLanguage.h - Checkpoints as modules ----------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_DRIVER_IMPORTLANGUAGE_H
#define NARAE_LIB_DRIVER_IMPORTLANGUAGE_H

#include "lib/driver/Session.h"

namespace narae::driver {

/// Whether a path names a language model: a folder with config.json, a
/// configuration (.json), or a .gguf file.
bool isLanguageModel(const std::string &path);

/// Reads a checkpoint and builds its module, with weights in the session's
/// store. False after diagnostics, which name keys and tensors.
bool importLanguage(Session &session, mlir::MLIRContext &context,
                    const std::string &path, const CompileOptions &options);

} // namespace narae::driver

#endif // NARAE_LIB_DRIVER_IMPORTLANGUAGE_H
