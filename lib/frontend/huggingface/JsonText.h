//===- JsonText.h - JSON that nobody vouches for ----------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_FRONTEND_HUGGINGFACE_JSONTEXT_H
#define NARAE_LIB_FRONTEND_HUGGINGFACE_JSONTEXT_H

#include "lib/frontend/language/Problem.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/JSON.h"

#include <optional>
#include <string>
#include <vector>

namespace narae::huggingface {

/// The object that `text` holds. None after a problem at `place`: no JSON, no
/// object, nested deeper than any checkpoint needs, or a key given twice in
/// the outermost object.
std::optional<llvm::json::Object> parseObject(llvm::StringRef text,
                                              const std::string &place,
                                              language::Problems &problems);

/// The same of a file; `place` is its name. None without a problem when the
/// file does not exist.
std::optional<llvm::json::Object> readObject(const std::string &path,
                                             const std::string &place,
                                             language::Problems &problems);

} // namespace narae::huggingface

#endif // NARAE_LIB_FRONTEND_HUGGINGFACE_JSONTEXT_H
