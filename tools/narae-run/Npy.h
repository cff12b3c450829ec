//===- Npy.h - NumPy's .npy files -----------------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_TOOLS_NARAE_RUN_NPY_H
#define NARAE_TOOLS_NARAE_RUN_NPY_H

#include "lib/artifact/Status.h"
#include "narae/runtime.h"

#include <cstdint>
#include <string>
#include <vector>

namespace narae {

/// An array in row-major order.
struct NpyArray {
  std::string descr; ///< NumPy's type, as "<f4"
  std::vector<int64_t> shape;
  std::vector<char> bytes;
};

/// Reads versions 1 to 3, little endian; arrays in Fortran order are
/// transposed. Structured types, objects and strings are refused.
Expected<NpyArray> readNpy(const std::string &path);

/// The element type that an array has when `wanted` is asked for. NumPy has
/// no bf16, f8 or types below a byte: for these, bytes of the same size
/// (void or integers) are taken as they are. 0 for types unknown here.
narae_type npyType(const NpyArray &array, narae_type wanted);

/// Writes a row-major tensor (version 1.0). A file that cannot be written
/// whole is an error, and what `path` named before stays.
Status writeNpy(const std::string &path, narae_type type,
                const std::vector<int64_t> &shape, const void *data);
/// The same for elements that NumPy describes by `descr`.
Status writeNpy(const std::string &path, const std::string &descr,
                size_t elementSize, const std::vector<int64_t> &shape,
                const void *data);

} // namespace narae

#endif // NARAE_TOOLS_NARAE_RUN_NPY_H
