//===- Disassemble.h - Machine code of an artifact as text --------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_TOOLS_NARAE_DISASSEMBLE_H
#define NARAE_TOOLS_NARAE_DISASSEMBLE_H

#include "lib/artifact/Status.h"

#include <cstddef>
#include <functional>
#include <string>

namespace narae::tool {

/// Prints the functions of a 64-bit ELF object, each under the line that
/// `heading` makes of its name. Objects are not trusted: what points outside
/// of the bytes is an error, and nothing of them runs.
Status
disassemble(const void *data, size_t size,
            const std::function<std::string(const std::string &)> &heading);

} // namespace narae::tool

#endif // NARAE_TOOLS_NARAE_DISASSEMBLE_H
