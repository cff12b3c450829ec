//===- Describe.h - A checkpoint's description ------------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_DRIVER_DESCRIBE_H
#define NARAE_LIB_DRIVER_DESCRIBE_H

#include "lib/driver/Compiler.h"
#include "lib/frontend/language/Model.h"

#include <optional>

namespace narae::driver {

/// What a checkpoint folder, a .gguf file or a bare config.json says of a
/// language model; of weights no byte is read. None after errors.
std::optional<language::LanguageModel>
describeModel(const std::string &path, std::vector<Diagnostic> &diagnostics);

} // namespace narae::driver

#endif // NARAE_LIB_DRIVER_DESCRIBE_H
