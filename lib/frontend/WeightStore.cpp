//===- WeightStore.cpp - The bytes behind fm.weight_data ------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/WeightStore.h"

#include "lib/artifact/Hash.h"

#include "llvm/Support/xxhash.h"

#include <cstring>

using namespace narae;

/// Computed and gathered weights from this size on are spilled.
static constexpr uint64_t kSpillBytes = 1 << 20;
/// Bytes handed over at a time.
static constexpr size_t kStreamBytes = 8 << 20;

llvm::Expected<std::shared_ptr<llvm::MemoryBuffer>>
WeightStore::map(llvm::StringRef path) {
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
  return file;
}

llvm::Error WeightStore::addFile(llvm::StringRef name, llvm::StringRef path,
                                 uint64_t offset, uint64_t length) {
  return addPieces(name, WeightPiece{path.str(), offset, length});
}

llvm::Error WeightStore::addPieces(llvm::StringRef name,
                                   llvm::ArrayRef<WeightPiece> pieces) {
  Weight weight;
  weight.mapped = true;
  for (const WeightPiece &piece : pieces) {
    auto file = map(piece.file);
    if (!file)
      return file.takeError();
    uint64_t size = (*file)->getBufferSize();
    if (piece.offset > size || piece.length > size - piece.offset)
      return llvm::createStringError(
          std::errc::result_out_of_range,
          "weight '%s' lies at bytes %llu to %llu of '%s', which has %llu "
          "bytes",
          name.str().c_str(), static_cast<unsigned long long>(piece.offset),
          static_cast<unsigned long long>(piece.offset + piece.length),
          piece.file.c_str(), static_cast<unsigned long long>(size));
    llvm::ArrayRef<char> bytes((*file)->getBufferStart() + piece.offset,
                               piece.length);
    weight.mapped &=
        (*file)->getBufferKind() == llvm::MemoryBuffer::MemoryBuffer_MMap;
    if (!weight.parts.empty() && weight.source.back().file == piece.file &&
        weight.parts.back().end() == bytes.begin()) {
      weight.parts.back() = {weight.parts.back().data(),
                             weight.parts.back().size() + bytes.size()};
      weight.source.back().length += piece.length;
      continue;
    }
    weight.parts.push_back(bytes);
    weight.owners.push_back(*file);
    weight.source.push_back(piece);
  }
  weights[name] = std::move(weight);
  return llvm::Error::success();
}

void WeightStore::addBytes(llvm::StringRef name, std::vector<char> bytes) {
  addBytes(name, std::make_shared<const std::vector<char>>(std::move(bytes)));
}

void WeightStore::addBytes(llvm::StringRef name,
                           std::shared_ptr<const std::vector<char>> bytes) {
  Weight weight;
  weight.parts.push_back(*bytes);
  weight.owners.push_back(std::move(bytes));
  weights[name] = std::move(weight);
}

llvm::Expected<llvm::MutableArrayRef<char>> WeightStore::room(uint64_t size,
                                                              Weight &weight) {
  llvm::MutableArrayRef<char> bytes;
  if (size < kSpillBytes) {
    std::shared_ptr<char> memory(
        static_cast<char *>(std::calloc(1, (size + 128) & ~uint64_t(63))),
        [](char *p) { std::free(p); });
    uintptr_t at = reinterpret_cast<uintptr_t>(memory.get());
    bytes = {memory.get() + ((64 - at % 64) % 64), size};
    weight.owners.push_back(std::move(memory));
  } else {
    if (!spill) {
      auto file = SpillFile::create(spillFolder);
      if (!file)
        return file.takeError();
      spill = *file;
    }
    auto piece = spill->allocate(size);
    if (!piece)
      return piece.takeError();
    bytes = (*piece)->bytes();
    weight.owners.push_back(*piece);
    weight.mapped = true;
  }
  weight.parts.assign(1, bytes);
  return bytes;
}

llvm::Expected<llvm::MutableArrayRef<char>>
WeightStore::allocate(llvm::StringRef name, uint64_t size) {
  Weight weight;
  auto bytes = room(size, weight);
  if (bytes)
    weights[name] = std::move(weight);
  return bytes;
}

std::optional<uint64_t> WeightStore::size(llvm::StringRef name) const {
  auto it = weights.find(name);
  if (it == weights.end())
    return std::nullopt;
  uint64_t total = 0;
  for (llvm::ArrayRef<char> part : it->second.parts)
    total += part.size();
  return total;
}

std::optional<llvm::ArrayRef<char>> WeightStore::find(llvm::StringRef name) {
  auto it = weights.find(name);
  if (it == weights.end())
    return std::nullopt;
  Weight &weight = it->second;
  if (weight.parts.empty())
    return llvm::ArrayRef<char>();
  if (weight.parts.size() == 1)
    return weight.parts.front();
  Weight gathered;
  auto bytes = room(*size(name), gathered);
  if (!bytes) {
    failed = llvm::toString(bytes.takeError());
    return std::nullopt;
  }
  char *to = bytes->data();
  stream(name, [&](llvm::ArrayRef<char> part) {
    std::memcpy(to, part.data(), part.size());
    to += part.size();
    return true;
  });
  gathered.source = std::move(weight.source);
  weight = std::move(gathered);
  return llvm::ArrayRef<char>(*bytes);
}

bool WeightStore::stream(
    llvm::StringRef name,
    llvm::function_ref<bool(llvm::ArrayRef<char>)> sink) const {
  auto it = weights.find(name);
  if (it == weights.end())
    return false;
  for (llvm::ArrayRef<char> part : it->second.parts)
    while (!part.empty()) {
      auto chunk = part.take_front(kStreamBytes);
      if (!sink(chunk))
        return false;
      if (it->second.mapped && chunk.size() == kStreamBytes)
        releasePages(chunk);
      part = part.drop_front(chunk.size());
    }
  return true;
}

llvm::ArrayRef<WeightPiece> WeightStore::source(llvm::StringRef name) const {
  auto it = weights.find(name);
  return it == weights.end() ? llvm::ArrayRef<WeightPiece>()
                             : llvm::ArrayRef(it->second.source);
}

void WeightStore::release(llvm::StringRef name) const {
  auto it = weights.find(name);
  if (it == weights.end() || !it->second.mapped)
    return;
  for (llvm::ArrayRef<char> part : it->second.parts)
    releasePages(part);
}

uint64_t WeightStore::hash(llvm::ArrayRef<char> bytes) {
  return llvm::xxh3_64bits(llvm::ArrayRef<uint8_t>(
      reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size()));
}

uint64_t WeightStore::hash(llvm::StringRef name) const {
  if (!contains(name))
    return 0;
  artifact::Hasher hasher;
  stream(name, [&](llvm::ArrayRef<char> part) {
    hasher.add(part.data(), part.size());
    return true;
  });
  return hasher.finish();
}
