//===- Inspect.h - An artifact as text and JSON ---------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_TOOLS_NARAE_INSPECT_H
#define NARAE_TOOLS_NARAE_INSPECT_H

#include "lib/artifact/Reader.h"

#include <map>
#include <nlohmann/json.hpp>
#include <string>

namespace narae::tool {

/// "f32[batch, 3]"
std::string formatTensor(const artifact::Program &program,
                         const artifact::TensorSpec &spec);
/// The host program of an entry, one command a line.
std::string formatCommands(const artifact::Program &program,
                           const artifact::Entry &entry);
/// Everything about the artifact but its bytes.
nlohmann::ordered_json inspectJson(const artifact::Reader &reader,
                                   bool commands);
/// A page with the arena of each entry: buffers by lifetime and offset. `sizes`
/// names dynamic dimensions; others have their largest size, or 16.
Expected<std::string> inspectHtml(const artifact::Reader &reader,
                                  const std::string &title,
                                  const std::map<std::string, int64_t> &sizes);

} // namespace narae::tool

#endif // NARAE_TOOLS_NARAE_INSPECT_H
