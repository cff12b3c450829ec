//===- Bindings.h - Parts of the Python extension -------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_PYTHON_BINDINGS_H
#define NARAE_PYTHON_BINDINGS_H

#include <pybind11/pybind11.h>

namespace narae::python {

/// compile, check, targets, run_pipeline: lib/driver/Compiler.h.
void bindCompiler(pybind11::module_ &module);
/// Artifact and Session: narae/runtime.h.
void bindRuntime(pybind11::module_ &module);

} // namespace narae::python

#endif // NARAE_PYTHON_BINDINGS_H
