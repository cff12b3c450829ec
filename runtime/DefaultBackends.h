//===- DefaultBackends.h - Backends that come with the runtime -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_RUNTIME_DEFAULTBACKENDS_H
#define NARAE_RUNTIME_DEFAULTBACKENDS_H

namespace narae {

/// Registers the backends of this tree, as a program that links the static
/// runtime does once; libnarae-runtime.so has done it when it is loaded.
void registerDefaultBackends();

} // namespace narae

#endif // NARAE_RUNTIME_DEFAULTBACKENDS_H
