//===- Bindings.h - Parts of the Python extension -------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_PYTHON_BINDINGS_H
#define NARAE_PYTHON_BINDINGS_H

#include <pybind11/pybind11.h>

#include <string_view>

namespace narae::python {

/// Text for Python; bytes that are not UTF-8 (names in a damaged model) are
/// replaced. The GIL is held.
inline pybind11::str text(std::string_view bytes) {
  return pybind11::reinterpret_steal<pybind11::str>(PyUnicode_DecodeUTF8(
      bytes.data(), static_cast<Py_ssize_t>(bytes.size()), "replace"));
}

/// compile, check, targets, run_pipeline: lib/driver/Compiler.h.
void bindCompiler(pybind11::module_ &module);
/// memory_allocate ...: lib/memory/planner.
void bindMemory(pybind11::module_ &module);
/// Artifact and Session: narae/runtime.h.
void bindRuntime(pybind11::module_ &module);

} // namespace narae::python

#endif // NARAE_PYTHON_BINDINGS_H
