//===- Nearest.h - Which family an unknown model is nearest to --*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_FRONTEND_HUGGINGFACE_NEAREST_H
#define NARAE_LIB_FRONTEND_HUGGINGFACE_NEAREST_H
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/JSON.h"

#include <string>

namespace narae::huggingface {

/// What to say of a model of no known family: the nearest one by name and by
/// the keys of its configuration, and what differs from it.
std::string describeUnknown(llvm::StringRef modelType,
                            llvm::ArrayRef<std::string> classes,
                            const llvm::json::Object &config);

} // namespace narae::huggingface

#endif // NARAE_LIB_FRONTEND_HUGGINGFACE_NEAREST_H
