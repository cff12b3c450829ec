//===- TestFolder.h - Checkpoints made for a test ---------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_TEST_UNIT_HUGGINGFACE_TESTFOLDER_H
#define NARAE_TEST_UNIT_HUGGINGFACE_TESTFOLDER_H

#include "lib/frontend/huggingface/HuggingFace.h"
#include "lib/frontend/huggingface/JsonText.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

#include "gtest/gtest.h"

#include <cstring>
#include <map>
#include <string>

namespace narae::huggingface {

/// The problems, a line each: "PLACE: MESSAGE\n".
inline std::string textOf(const language::Problems &problems) {
  std::string text;
  for (const language::Problem &problem : problems)
    text += problem.place + ": " + problem.message + "\n";
  return text;
}

/// A tensor to be written: type, shape and bytes (zeros when empty).
struct MadeTensor {
  std::string type = "F32";
  std::vector<int64_t> shape;
  std::string bytes;
};
using MadeTensors = std::map<std::string, MadeTensor>;

/// The bytes of a safetensors file.
inline std::string madeSafetensors(const MadeTensors &tensors) {
  llvm::json::Object header;
  std::string data;
  for (const auto &[name, tensor] : tensors) {
    int64_t count = tensor.type == "F32" ? 4 : tensor.type == "F8_E4M3" ? 1 : 2;
    llvm::json::Array shape;
    for (int64_t size : tensor.shape) {
      shape.push_back(size);
      count *= size;
    }
    auto begin = int64_t(data.size());
    std::string bytes = tensor.bytes;
    bytes.resize(count);
    data += bytes;
    header[name] = llvm::json::Object{
        {"dtype", tensor.type},
        {"shape", std::move(shape)},
        {"data_offsets", llvm::json::Array{begin, begin + count}}};
  }
  std::string text;
  llvm::raw_string_ostream(text) << llvm::json::Value(std::move(header));
  uint64_t length = text.size();
  std::string file(8, '\0');
  std::memcpy(file.data(), &length, 8);
  return file + text + data;
}

/// A folder that is removed at the end of a test.
class TestFolder {
public:
  TestFolder() {
    EXPECT_FALSE(llvm::sys::fs::createUniqueDirectory("narae-hf", path));
  }
  ~TestFolder() { llvm::sys::fs::remove_directories(path); }
  void write(const std::string &name, const std::string &bytes) const {
    std::error_code error;
    llvm::raw_fd_ostream(at(name), error) << bytes;
    EXPECT_FALSE(error);
  }
  std::string str() const { return path.str().str(); }
  Checkpoint load(const LoadOptions &options = {}) const {
    return loadCheckpoint(path, options);
  }

private:
  std::string at(const std::string &name) const {
    return (path + "/" + name).str();
  }
  llvm::SmallString<128> path;
};

using Changes = std::map<std::string, llvm::json::Value>;

/// A configuration of the test data, with keys replaced, or removed
/// where the replacement is "(removed)".
inline std::string changedConfig(const std::string &folder,
                                 const Changes &changes) {
  language::Problems problems;
  auto config =
      readObject(std::string(NARAE_TEST_DATA) + "/" + folder + "/config.json",
                 "config.json", problems);
  EXPECT_TRUE(config);
  for (const auto &[key, value] : changes) {
    if (value.getAsString() == std::optional<llvm::StringRef>("(removed)"))
      config->erase(key);
    else
      (*config)[key] = value;
  }
  std::string text;
  llvm::raw_string_ostream(text) << llvm::json::Value(std::move(*config));
  return text;
}

/// What loading a changed configuration of the test data gives, without
/// weights.
inline Checkpoint loadChanged(const std::string &folder, const Changes &changes,
                              std::vector<std::string> allowed = {}) {
  TestFolder made;
  made.write("config.json", changedConfig(folder, changes));
  LoadOptions options;
  options.withoutWeights = true;
  options.ignore = std::move(allowed);
  return made.load(options);
}

} // namespace narae::huggingface

#endif // NARAE_TEST_UNIT_HUGGINGFACE_TESTFOLDER_H
