//===- Tensors.h - Takes weights out of a file ------------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_FRONTEND_GGUF_TENSORS_H
#define NARAE_LIB_FRONTEND_GGUF_TENSORS_H

#include "lib/frontend/gguf/File.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/Twine.h"

namespace narae::gguf {

/// The tensors of a file, by name. A tensor that is missing or has another
/// shape is a problem; a weight is returned all the same. What was taken is
/// remembered: tensors that nobody took are problems.
class Tensors {
public:
  Tensors(const File &file, bool withoutWeights, language::Problems &problems);

  bool has(llvm::StringRef name) const { return tensors.contains(name); }
  const TensorInfo *find(llvm::StringRef name) const {
    return tensors.lookup(name);
  }
  /// The tensor `name`, of this row-major shape; ones in front of a shape do
  /// not count.
  language::Weight take(llvm::StringRef name, llvm::ArrayRef<int64_t> shape);
  std::optional<language::Weight> takeOptional(llvm::StringRef name,
                                               llvm::ArrayRef<int64_t> shape);
  /// Rows [first, first + rows) of each of the `groups` equal groups of rows of
  /// a matrix: [groups * rows, n], as `shape`.
  language::Weight takeRows(llvm::StringRef name, int64_t groups,
                            int64_t groupRows, int64_t columns, int64_t first,
                            int64_t rows, llvm::ArrayRef<int64_t> shape);
  /// Elements [first, first + count) of a vector of `total`.
  language::Weight takePart(llvm::StringRef name, int64_t total, int64_t first,
                            int64_t count);
  /// Sets a tensor apart: nobody needs it.
  void drop(llvm::StringRef name) { taken.insert(name); }

  /// Notes every tensor that nobody took, unless `ignored`.
  void checkAllTaken(llvm::function_ref<bool(llvm::StringRef)> ignored);

private:
  const TensorInfo *check(llvm::StringRef name, llvm::ArrayRef<int64_t> shape);
  const File &file;
  bool withoutWeights;
  language::Problems &problems;
  llvm::StringMap<const TensorInfo *> tensors;
  llvm::StringSet<> taken;
};

/// "[4, 8]".
std::string showShape(llvm::ArrayRef<int64_t> shape);

} // namespace narae::gguf

#endif // NARAE_LIB_FRONTEND_GGUF_TENSORS_H
