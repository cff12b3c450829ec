//===- File.h - What a GGUF file says ---------------------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The reader of one file: metadata and the places of its tensors, as views of
// the file's bytes. Nothing is allocated that a corresponding number of bytes
// in the file does not stand for.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_FRONTEND_GGUF_FILE_H
#define NARAE_LIB_FRONTEND_GGUF_FILE_H

#include "lib/frontend/gguf/TensorTypes.h"
#include "lib/frontend/language/Problem.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace narae::gguf {

/// The types of metadata, as numbered in the file.
enum class ValueType : uint32_t {
  U8,
  I8,
  U16,
  I16,
  U32,
  I32,
  F32,
  Bool,
  String,
  Array,
  U64,
  I64,
  F64
};

/// A value of the metadata, or an array of them.
class Value {
public:
  bool isArray = false;
  ValueType type = ValueType::U8; ///< of the elements, for an array
  uint64_t count = 1;
  llvm::StringRef bytes; ///< of numbers and bools, little-endian
  std::vector<llvm::StringRef> strings;
  std::vector<Value> arrays; ///< of an array of arrays

  /// Element `at` of an array, or the value itself (at = 0): a whole number in
  /// the range of int64, any number, a bool. None where it is not one.
  std::optional<int64_t> integer(uint64_t at = 0) const;
  std::optional<double> number(uint64_t at = 0) const;
  std::optional<bool> boolean(uint64_t at = 0) const;
  std::optional<llvm::StringRef> string(uint64_t at = 0) const;
  /// For messages: `4096`, `"linear"`, `an array of 30 u32`.
  std::string show() const;
};

struct TensorInfo {
  llvm::StringRef name;
  std::vector<int64_t> shape; ///< row-major: the file's dimensions, reversed
  const TensorType *type = nullptr;
  std::string file;    ///< path
  uint64_t offset = 0; ///< from the start of the file
  uint64_t length = 0;
  llvm::StringRef bytes; ///< the same, mapped
};

/// A file, or all files of a split model together.
struct File {
  std::string path; ///< of the first file
  llvm::StringMap<Value> metadata;
  std::vector<llvm::StringRef> keys; ///< in file order
  std::vector<TensorInfo> tensors;   ///< of supported types, in file order
};

/// Reads `bytes`, which must outlive the result; `path` is for messages and for
/// TensorInfo::file. What is wrong is added to `problems`; where the structure
/// cannot be followed, reading ends there.
File readFile(llvm::StringRef bytes, llvm::StringRef path,
              language::Problems &problems);

} // namespace narae::gguf

#endif // NARAE_LIB_FRONTEND_GGUF_FILE_H
