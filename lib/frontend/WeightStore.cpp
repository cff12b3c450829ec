//===- WeightStore.cpp - The bytes behind fm.weight_data ------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/WeightStore.h"

#include "llvm/Support/xxhash.h"

using namespace narae;

llvm::Error WeightStore::addFile(llvm::StringRef name, llvm::StringRef path,
                                 uint64_t offset, uint64_t length) {
  std::shared_ptr<llvm::MemoryBuffer> &file = files[path];
  if (!file) {
    auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                              /*RequiresNullTerminator=*/false);
    if (!buffer)
      return llvm::createStringError(
          buffer.getError(), "cannot read the weights file '%s': %s",
          path.str().c_str(), buffer.getError().message().c_str());
    file = std::move(*buffer);
  }
  uint64_t size = file->getBufferSize();
  if (offset > size || length > size - offset)
    return llvm::createStringError(
        std::errc::result_out_of_range,
        "weight '%s' lies at bytes %llu to %llu of '%s', which has %llu bytes",
        name.str().c_str(), static_cast<unsigned long long>(offset),
        static_cast<unsigned long long>(offset + length), path.str().c_str(),
        static_cast<unsigned long long>(size));
  weights[name] = {
      llvm::ArrayRef<char>(file->getBufferStart() + offset, length), file};
  return llvm::Error::success();
}

void WeightStore::addBytes(llvm::StringRef name, std::vector<char> bytes) {
  auto owner = std::make_shared<std::vector<char>>(std::move(bytes));
  weights[name] = {llvm::ArrayRef<char>(*owner), owner};
}

std::optional<llvm::ArrayRef<char>>
WeightStore::find(llvm::StringRef name) const {
  auto it = weights.find(name);
  if (it == weights.end())
    return std::nullopt;
  return it->second.bytes;
}

uint64_t WeightStore::hash(llvm::ArrayRef<char> bytes) {
  return llvm::xxh3_64bits(llvm::ArrayRef<uint8_t>(
      reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size()));
}
