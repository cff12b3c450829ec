//===- NpyText.h - Strings in .npy files ------------------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// NumPy's strings ("<U12") have a fixed number of UTF-32 characters, filled up
// with zeros; here they are UTF-8.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_TOOLS_NARAE_RUN_NPYTEXT_H
#define NARAE_TOOLS_NARAE_RUN_NPYTEXT_H

#include "tools/narae-run/Npy.h"

namespace narae {

/// Whether a type of NumPy is that of little-endian strings.
bool isText(const std::string &descr);
/// The elements of such an array; fails where one is no text.
Expected<std::vector<std::string>> textOf(const NpyArray &array);
/// Writes zero-terminated UTF-8 strings.
Status writeNpyText(const std::string &path, const std::vector<int64_t> &shape,
                    const char *const *strings);

} // namespace narae

#endif // NARAE_TOOLS_NARAE_RUN_NPYTEXT_H
