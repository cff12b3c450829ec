//===- Safetensors.cpp - Tensors of safetensors files ---------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// A file is the length of the header as 8 little-endian bytes, the header (a
// JSON object) and the tensors' bytes. Nothing that the header says is used
// before it was compared with the file's size.
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/huggingface/Safetensors.h"

#include "lib/frontend/huggingface/JsonText.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace narae;
using namespace narae::huggingface;
using llvm::StringRef;

/// What the reference implementation accepts.
static constexpr uint64_t kMaxHeader = 100000000;
static constexpr size_t kMaxRank = 8;

unsigned huggingface::bitsOfType(StringRef type) {
  return llvm::StringSwitch<unsigned>(type)
      .Cases("F64", "I64", "U64", "C64", 64)
      .Cases("F32", "I32", "U32", 32)
      .Cases("F16", "BF16", "I16", "U16", 16)
      .Cases("F8_E4M3", "F8_E5M2", "F8_E8M0", "I8", "U8", "BOOL", 8)
      .Cases("F6_E2M3", "F6_E3M2", 6)
      .Case("F4", 4)
      .Default(0);
}

namespace {
/// Reads one entry of the header; a problem is noted where it is unsound.
class EntryReader {
public:
  EntryReader(const std::string &file, uint64_t dataStart, uint64_t dataSize,
              language::Problems &problems)
      : file(file), dataStart(dataStart), dataSize(dataSize),
        problems(problems) {}
  bool read(StringRef name, const llvm::json::Value &value, TensorEntry &entry);

private:
  bool fail(StringRef name, const std::string &message) {
    problems.push_back({file, "tensor '" + name.str() + "' " + message});
    return false;
  }
  bool shape(StringRef name, const llvm::json::Array *sizes, TensorEntry &entry,
             uint64_t &bytes);

  const std::string &file;
  uint64_t dataStart, dataSize;
  language::Problems &problems;
};
} // namespace

/// Fills the shape in and computes the bytes that it takes.
bool EntryReader::shape(StringRef name, const llvm::json::Array *sizes,
                        TensorEntry &entry, uint64_t &bytes) {
  if (!sizes || sizes->size() > kMaxRank)
    return fail(name, sizes ? "has more than 8 dimensions" : "has no shape");
  bool overflow = false;
  uint64_t elements = 1;
  for (const llvm::json::Value &size : *sizes) {
    std::optional<int64_t> number = size.getAsInteger();
    if (!number || *number < 0)
      return fail(name, "has a size that is not a natural number");
    entry.shape.push_back(*number);
    elements = llvm::SaturatingMultiply(elements, uint64_t(*number), &overflow);
    if (overflow && *number != 0)
      return fail(name, "has more elements than 64 bits count");
  }
  uint64_t bits = llvm::SaturatingMultiply(
      elements, uint64_t(bitsOfType(entry.type)), &overflow);
  if (overflow || bits % 8)
    return fail(name, "has a size that is no whole number of bytes");
  bytes = bits / 8;
  return true;
}

bool EntryReader::read(StringRef name, const llvm::json::Value &value,
                       TensorEntry &entry) {
  const llvm::json::Object *object = value.getAsObject();
  if (!object)
    return fail(name, "is not described by an object");
  std::optional<StringRef> type = object->getString("dtype");
  if (!type || bitsOfType(*type) == 0)
    return fail(name, type ? "has the unknown type '" + type->str() + "'"
                           : "has no type");
  entry.name = name.str();
  entry.type = type->str();
  entry.file = file;
  uint64_t bytes = 0;
  if (!shape(name, object->getArray("shape"), entry, bytes))
    return false;

  const llvm::json::Array *offsets = object->getArray("data_offsets");
  std::optional<int64_t> begin, end;
  if (offsets && offsets->size() == 2) {
    begin = (*offsets)[0].getAsInteger();
    end = (*offsets)[1].getAsInteger();
  }
  if (!begin || !end || *begin < 0 || *end < *begin)
    return fail(name, "has no sound data_offsets");
  if (uint64_t(*end) > dataSize)
    return fail(name, "ends at byte " + std::to_string(*end) +
                          " of the data, of which the file has " +
                          std::to_string(dataSize) + "; is it truncated?");
  if (uint64_t(*end - *begin) != bytes)
    return fail(name, "has " + std::to_string(*end - *begin) +
                          " bytes; its type and shape take " +
                          std::to_string(bytes));
  entry.offset = dataStart + *begin;
  entry.length = bytes;
  return true;
}

/// Tensors must not share bytes, nor leave any to nobody, as the format says.
static void checkLayout(const std::vector<TensorEntry> &entries,
                        uint64_t dataStart, uint64_t fileSize,
                        const std::string &file, language::Problems &problems) {
  std::vector<const TensorEntry *> order;
  for (const TensorEntry &entry : entries)
    order.push_back(&entry);
  llvm::sort(order, [](const TensorEntry *a, const TensorEntry *b) {
    return std::make_pair(a->offset, a->length) <
           std::make_pair(b->offset, b->length);
  });
  uint64_t end = dataStart;
  for (const TensorEntry *entry : order) {
    if (entry->offset < end)
      problems.push_back({file, "tensor '" + entry->name +
                                    "' shares bytes with another tensor"});
    else if (entry->offset > end)
      problems.push_back({file, std::to_string(entry->offset - end) +
                                    " bytes before tensor '" + entry->name +
                                    "' belong to no tensor"});
    end = std::max(end, entry->offset + entry->length);
  }
  if (end < fileSize)
    problems.push_back({file, "its last " + std::to_string(fileSize - end) +
                                  " bytes belong to no tensor"});
}

std::vector<TensorEntry> huggingface::readHeader(StringRef start,
                                                 uint64_t fileSize,
                                                 const std::string &file,
                                                 language::Problems &problems) {
  auto fail = [&](const std::string &message) {
    problems.push_back({file, message});
    return std::vector<TensorEntry>();
  };
  if (fileSize < 8 || start.size() < 8)
    return fail("is too short for a safetensors file");
  uint64_t length = llvm::support::endian::read64le(start.data());
  if (length > fileSize - 8 || length > kMaxHeader)
    return fail("its header would take " + std::to_string(length) +
                " bytes; the file has " + std::to_string(fileSize) +
                " (no safetensors file, or truncated)");
  if (start.size() - 8 < length)
    return fail("its header cannot be read");
  size_t before = problems.size();
  std::optional<llvm::json::Object> header =
      parseObject(start.substr(8, length), file, problems);
  if (!header)
    return {};

  std::vector<TensorEntry> entries;
  EntryReader reader(file, 8 + length, fileSize - 8 - length, problems);
  for (const auto &[key, value] : *header) {
    TensorEntry entry;
    if (key != "__metadata__" && reader.read(key, value, entry))
      entries.push_back(std::move(entry));
  }
  llvm::sort(entries, [](const TensorEntry &a, const TensorEntry &b) {
    return a.name < b.name;
  });
  if (problems.size() == before)
    checkLayout(entries, 8 + length, fileSize, file, problems);
  return entries;
}

std::vector<TensorEntry>
huggingface::readSafetensors(const std::string &folder, const std::string &file,
                             language::Problems &problems) {
  std::string path = folder + "/" + file;
  uint64_t size = 0;
  std::error_code error = llvm::sys::fs::file_size(path, size);
  if (!error && llvm::sys::fs::is_directory(path))
    error = std::make_error_code(std::errc::is_a_directory);
  if (error) {
    problems.push_back({file, "cannot be read: " + error.message()});
    return {};
  }
  auto slice = [&](uint64_t bytes) {
    return llvm::MemoryBuffer::getFileSlice(path, std::min(bytes, size), 0);
  };
  auto start = slice(8);
  if (start && size >= 8) {
    uint64_t length =
        llvm::support::endian::read64le((*start)->getBufferStart());
    if (length <= size - 8 && length <= kMaxHeader)
      start = slice(8 + length);
  }
  if (!start) {
    problems.push_back({file, "cannot be read: " + start.getError().message()});
    return {};
  }
  return readHeader((*start)->getBuffer(), size, file, problems);
}
