//===- Tensors.h - Weights out of a table of tensors ------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_FRONTEND_HUGGINGFACE_TENSORS_H
#define NARAE_LIB_FRONTEND_HUGGINGFACE_TENSORS_H
#include "lib/frontend/huggingface/CheckpointFiles.h"
#include "lib/frontend/language/Model.h"

#include "llvm/ADT/StringSet.h"

#include <functional>
#include <utility>

namespace narae::huggingface {

using Shape = std::vector<int64_t>;

/// How matrices are stored when only the configuration is known.
struct StorageRules {
  language::Storage storage = language::Storage::BF16;
  /// Linear layers in fp8 with one scale for so many rows and columns, 0: all.
  bool fp8 = false;
  int64_t scaleRows = 128, scaleColumns = 128;
  std::vector<std::string> notConverted; ///< parts of names that stay as is
};

/// Hands out the tensors of a checkpoint by name and shape and remembers which
/// were taken. Without files every tensor that is asked for is there, without
/// bytes.
class Tensors {
public:
  Tensors(TensorTable table, std::string folder, bool withoutFiles,
          StorageRules rules, language::Problems &problems)
      : table(std::move(table)), folder(std::move(folder)),
        withoutFiles(withoutFiles), rules(std::move(rules)),
        problems(problems) {}

  /// Whether a file has it; `whenUnknown` without files.
  bool has(llvm::StringRef name, bool whenUnknown = false) const;
  /// Its shape; null when no file has it.
  const Shape *shapeOf(llvm::StringRef name) const;

  /// The tensor. One that is missing, of another shape or of a type that
  /// weights cannot have is a problem.
  language::Weight take(const std::string &name, const Shape &shape);
  /// The same for a matrix (or a stack of them) of a linear layer, which may
  /// be fp8 with scales beside it, `NAME_scale_inv` or `NAME_scale`: one for
  /// each block of the rules, one for each row, or one.
  language::Weight takeMatrix(const std::string &name, const Shape &shape);

  /// Rows [begin, begin + count) of each range, one after the other, as a
  /// tensor of the given shape, whose last dimensions are those of a row.
  /// Rows are counted over all dimensions of `from` but the last.
  language::Weight rows(const language::Weight &from,
                        const std::vector<std::pair<int64_t, int64_t>> &ranges,
                        const Shape &shape);
  /// [parts.size(), ...]: parts of one shape and storage, one after the other.
  language::Weight stack(const std::string &name,
                         const std::vector<language::Weight> &parts);
  /// Whether two tensors hold the same bytes.
  bool equal(llvm::StringRef a, llvm::StringRef b);

  /// Takes every tensor that `matches` and returns how many there were.
  size_t setApart(const std::function<bool(llvm::StringRef)> &matches);
  /// Names that nothing took, in order.
  std::vector<std::string> untaken() const;
  const TensorTable &all() const { return table; }
  bool areUnknown() const { return withoutFiles; }

private:
  language::Weight withoutBytes(const std::string &name, const Shape &shape,
                                bool matrix);
  /// Whether scales of this shape fit a weight, whose blocks and whose scales'
  /// shape are set then.
  bool fitScale(language::Weight &weight, const Shape &given,
                Shape &shape) const;
  bool addScale(language::Weight &weight, const std::string &name);
  void cutScale(language::Weight &weight, const language::Weight &from,
                const std::vector<std::pair<int64_t, int64_t>> &ranges);
  std::optional<std::vector<char>> bytesOf(const language::Weight &weight);

  TensorTable table;
  llvm::StringSet<> taken;
  std::string folder;
  bool withoutFiles;
  StorageRules rules;
  language::Problems &problems;
};

/// "[3, 4]".
std::string shapeText(const Shape &shape);

} // namespace narae::huggingface

#endif // NARAE_LIB_FRONTEND_HUGGINGFACE_TENSORS_H
