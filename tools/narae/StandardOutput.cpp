//===- StandardOutput.cpp - Artifacts to the standard output ------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tools/narae/StandardOutput.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <unistd.h>
#include <vector>

using namespace narae;
using namespace narae::tool;

Expected<TemporaryFile> TemporaryFile::create() {
  std::error_code error;
  std::filesystem::path folder = std::filesystem::temp_directory_path(error);
  std::string name = (error ? "." : folder.string()) + "/narae-XXXXXX";
  int descriptor = mkstemp(name.data());
  if (descriptor < 0)
    return Status::error("cannot create a file in '" + folder.string() +
                         "': " + std::strerror(errno));
  close(descriptor);
  return TemporaryFile(std::move(name));
}

TemporaryFile::~TemporaryFile() {
  if (!name.empty())
    std::remove(name.c_str());
}

Status TemporaryFile::print() const {
  std::ifstream file(name, std::ios::binary);
  std::vector<char> chunk(1 << 20);
  while (file.read(chunk.data(), static_cast<std::streamsize>(chunk.size())) ||
         file.gcount() > 0) {
    auto size = static_cast<size_t>(file.gcount());
    if (std::fwrite(chunk.data(), 1, size, stdout) != size)
      return Status::error("cannot write to the standard output");
  }
  return Status::success();
}
