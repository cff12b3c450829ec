//===- StringTable.h - Strings by numbers -----------------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Kernels move and compare strings as numbers; equal strings have equal ones.
// Number 0 is the empty string, then come the artifact's strings, and then
// those of a run: its inputs and what it makes. They go when the next run but
// one begins, so a session's memory is that of its two largest runs.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_RUNTIME_STRINGTABLE_H
#define NARAE_RUNTIME_STRINGTABLE_H

#include "lib/artifact/Artifact_generated.h"

#include <cstdint>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace narae::runtime {

class StringTable {
public:
  /// `program` must outlive the table.
  explicit StringTable(const artifact::Program &program);

  /// Forgets the strings of the run before; their texts stay readable until
  /// the next call, since they may be inputs of this run.
  void beginRun();
  /// The number of a text, which is copied where it is new.
  int64_t intern(std::string_view text);
  /// The text of a number, with a zero behind it; null for no number.
  const char *find(int64_t number) const {
    return number >= 0 && static_cast<uint64_t>(number) < texts.size()
               ? texts[static_cast<size_t>(number)].data()
               : nullptr;
  }
  /// The same with its size, for a number that `find` knows.
  std::string_view text(int64_t number) const {
    return texts[static_cast<size_t>(number)];
  }

private:
  /// The texts of one run, one after the other.
  struct Memory {
    std::vector<std::unique_ptr<char[]>> pieces;
    size_t size = 0, used = 0; ///< of the last piece
    size_t total = 0;          ///< used of all of them

    void clear();
    char *take(size_t bytes);
  };

  std::vector<std::string_view> texts;
  std::unordered_map<std::string_view, int64_t> numbers;
  size_t constants;
  Memory now, before;
};

} // namespace narae::runtime

#endif // NARAE_RUNTIME_STRINGTABLE_H
