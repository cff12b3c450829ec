//===- Check.h - Whether a model's parts fit together -----------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_FRONTEND_LANGUAGE_CHECK_H
#define NARAE_LIB_FRONTEND_LANGUAGE_CHECK_H

#include "lib/frontend/language/Model.h"

#include <functional>

namespace narae::language {

/// Told each problem. The first argument is the tensor's or the block's name.
using Report =
    std::function<void(const std::string &where, const std::string &message)>;

/// Checks that every weight has the shape that its place asks for and as many
/// bytes as its shape takes, and that the numbers make sense.
void checkModel(const LanguageModel &model, const Report &report);

/// "[3, 4]".
std::string shapeText(const std::vector<int64_t> &shape);

} // namespace narae::language

#endif // NARAE_LIB_FRONTEND_LANGUAGE_CHECK_H
