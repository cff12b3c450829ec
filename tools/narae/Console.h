//===- Console.h - What narae prints ------------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_TOOLS_NARAE_CONSOLE_H
#define NARAE_TOOLS_NARAE_CONSOLE_H

#include "lib/artifact/Status.h"
#include "lib/driver/Compiler.h"

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace narae::tool {

/// Prints "narae: error: ..." and returns the exit code.
int fail(const std::string &message, int code = 1);

/// Writes to the standard output.
void print(const std::string &text);
/// Whether the standard output is a terminal that shows colours: NO_COLOR and
/// TERM=dumb say no.
bool wantsColours();
/// The exit code, or 1 where the standard output could not be written.
int flushed(int code);

/// Prints "error: model.onnx: node 'X (Conv)': message", one a line.
void printDiagnostics(const std::string &model,
                      const std::vector<driver::Diagnostic> &diagnostics);
nlohmann::ordered_json
diagnosticsJson(const std::vector<driver::Diagnostic> &diagnostics);

/// JSON text of this program; parts that are not UTF-8 are replaced.
std::string dump(const nlohmann::ordered_json &json);
/// Parses text that may not be JSON: then it becomes a string.
nlohmann::ordered_json parseOrText(const std::string &text);

/// Writes a file whole or not at all.
Status writeFile(const std::string &path, const std::string &contents);
Expected<std::string> readFile(const std::string &path);

/// "1.5 MiB"
std::string formatBytes(uint64_t bytes);
/// "12.3 ms", with a fitting unit.
std::string formatMilliseconds(double milliseconds);

} // namespace narae::tool

#endif // NARAE_TOOLS_NARAE_CONSOLE_H
