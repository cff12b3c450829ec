//===- Module.cpp - The Python extension `_narae` -------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A thin layer: arguments are checked and arrays are handled in Python.
// NumPy's C API is not used, so one extension serves all its versions.
//
//===----------------------------------------------------------------------===//

#include "python/bindings/Bindings.h"

#include "lib/driver/Compiler.h"

PYBIND11_MODULE(_narae, module) {
  module.doc() = "The compiler and the runtime of Narae, without comfort.";
  narae::driver::registerDefaultBackends();
  narae::python::bindCompiler(module);
  narae::python::bindMemory(module);
  narae::python::bindRuntime(module);
}
