//===- ExternalWeights.cpp - Weights in files of their own ---------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/artifact/ExternalWeights.h"
#include "lib/artifact/Container.h"
#include "lib/artifact/Hash.h"
#include "lib/artifact/Reader.h"
#include "lib/artifact/Types.h"

#include <cstdlib>
#include <cstring>

using namespace narae;
using namespace narae::artifact;

void ExternalWeights::AlignedDelete::operator()(char *bytes) const {
  std::free(bytes);
}

Expected<const char *> ExternalWeights::find(const Weight &weight,
                                             const std::string &folder,
                                             bool verifyAll) {
  std::string name = weight.file()->str();
  std::string what = "weight '" +
                     (weight.name() ? weight.name()->str() : std::string()) +
                     "' in '" + name + "'";
  std::unique_ptr<MappedFile> &file = files[name];
  if (!file) {
    Expected<std::unique_ptr<MappedFile>> opened =
        MappedFile::open(folder + "/" + name);
    if (opened.failed())
      return Status::error("the weights of this artifact are in a file of "
                           "their own: " +
                           opened.message());
    file = std::move(*opened);
  }
  if (weight.offset() + weight.size() > file->size())
    return Status::error(what + " reaches beyond the end of the file (" +
                         std::to_string(file->size()) + " bytes)");
  const char *bytes = file->data() + weight.offset();
  if (verifyAll || hashed + weight.size() <= hashedWeightLimit) {
    hashed += weight.size();
    if (hashBytes(bytes, weight.size()) != weight.hash())
      return Status::error(what + " is not what the artifact was made with: "
                                  "its hash does not match");
  }
  // Blocks are read byte by byte.
  size_t alignment =
      blockElements(weight.type()) > 1 ? 1 : typeSize(weight.type());
  if (reinterpret_cast<uintptr_t>(bytes) % alignment == 0)
    return bytes;
  char *copy = static_cast<char *>(std::aligned_alloc(
      weightAlignment, alignUp(weight.size() + 1, weightAlignment)));
  if (!copy)
    return Status::error("no memory for " + what);
  copies.emplace_back(copy);
  std::memcpy(copy, bytes, weight.size());
  return static_cast<const char *>(copy);
}
