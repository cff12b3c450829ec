//===- CompileOptions.h - Options of all commands that compile ----------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_TOOLS_NARAE_COMPILEOPTIONS_H
#define NARAE_TOOLS_NARAE_COMPILEOPTIONS_H

#include "lib/driver/Compiler.h"
#include "tools/narae/Options.h"

namespace narae::tool {

/// Adds --plugin; a plugin is loaded as soon as it is read.
void addPluginOption(Options &options);
/// Loads the plugins that the variable NARAE_PLUGINS lists.
Status loadPlugins();
/// What the last plugin has added: a target, a device, or both.
struct LoadedPlugin {
  std::string target, device;
};
const LoadedPlugin &lastPlugin();
/// Adds --target, --dim, --precision, --plugin and the options of language
/// models.
void addModelOptions(Options &options, driver::CompileOptions &target);
/// Reads "NAME=V" or "NAME=MIN..MAX" ("NAME=MIN.." is unbounded).
Status parseDim(const std::string &text, std::string &name,
                driver::DimBounds &bounds);

} // namespace narae::tool

#endif // NARAE_TOOLS_NARAE_COMPILEOPTIONS_H
