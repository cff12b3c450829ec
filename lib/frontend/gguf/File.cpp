//===- File.cpp - Reads GGUF files ----------------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The layout, all numbers little-endian: "GGUF", u32 version, u64 tensors, u64
// keys; of each key its name, u32 type and value; of each tensor its name, u32
// dimensions, u64 each (innermost first), u32 type, u64 offset; then, aligned,
// the data that the offsets count from. A string is a u64 length and bytes; an
// array is u32 type, u64 count and values. Version 2 is the same.
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/gguf/File.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>

namespace narae::gguf {

using language::Problems;
using llvm::formatv;
using llvm::StringRef;

/// A name from a file, for a message.
static std::string shown(StringRef name) {
  std::string text;
  llvm::raw_string_ostream out(text);
  llvm::printEscapedString(name.take_front(100), out);
  return text + (name.size() > 100 ? "..." : "");
}

namespace {

class Reader {
public:
  Reader(StringRef bytes, StringRef path, Problems &problems)
      : bytes(bytes), path(path), problems(problems) {}

  File read();

private:
  bool fail(std::string message) {
    problems.push_back({path.str(), std::move(message)});
    return false;
  }
  bool truncated(const llvm::Twine &inside) {
    return fail(formatv("the file ends at byte {0}, inside {1}: it is "
                        "truncated or damaged; fetch it again",
                        bytes.size(), inside.str()));
  }
  uint64_t left() const { return bytes.size() - at; }

  template <typename T>
  bool number(T &value) {
    if (left() < sizeof(T))
      return false;
    value = llvm::support::endian::read<T, llvm::endianness::little>(
        bytes.data() + at);
    at += sizeof(T);
    return true;
  }
  bool string(StringRef &value) {
    uint64_t size;
    if (!number(size) || size > left())
      return false;
    value = bytes.substr(at, size);
    at += size;
    return true;
  }
  bool value(Value &value, uint32_t type, StringRef key, int depth);
  bool array(Value &value, StringRef key, int depth);
  bool header();
  bool keys(uint64_t count);
  bool tensorInfos(uint64_t count);
  bool tensorInfo(uint64_t at);
  void places();

  StringRef bytes, path;
  Problems &problems;
  uint64_t at = 0;
  uint64_t tensorCount = 0, keyCount = 0;
  File file;
  llvm::StringSet<> names;
  /// First tensor and number of tensors of each type that is not supported.
  std::vector<std::tuple<uint32_t, StringRef, unsigned>> unsupported;
};

} // namespace

/// Bytes of a number or bool; 0 for the others.
static unsigned sizeOf(uint32_t type) {
  static const unsigned sizes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
  return type < std::size(sizes) ? sizes[type] : 0;
}

bool Reader::value(Value &value, uint32_t type, StringRef key, int depth) {
  value.type = static_cast<ValueType>(type);
  if (value.type == ValueType::Array)
    return array(value, key, depth);
  if (value.type == ValueType::String) {
    value.strings.resize(1);
    return string(value.strings[0]) || truncated("the value of " + shown(key));
  }
  unsigned size = sizeOf(type);
  if (!size)
    return fail(formatv("key {0} has type {1}, which GGUF does not define: the "
                        "file is damaged",
                        shown(key), type));
  if (left() < size)
    return truncated("the value of " + shown(key));
  value.bytes = bytes.substr(at, size);
  at += size;
  return true;
}

bool Reader::array(Value &value, StringRef key, int depth) {
  uint32_t type;
  uint64_t count;
  if (!number(type) || !number(count))
    return truncated("the array " + shown(key));
  value.isArray = true;
  value.type = static_cast<ValueType>(type);
  value.count = count;
  bool isArray = value.type == ValueType::Array;
  bool isString = value.type == ValueType::String;
  // The least that an element takes.
  unsigned size = isArray ? 12 : isString ? 8 : sizeOf(type);
  if (!size)
    return fail(formatv("the array {0} has elements of type {1}, which GGUF "
                        "does not define: the file is damaged",
                        shown(key), type));
  if (isArray && depth == 0)
    return fail(formatv("the array {0} is nested more deeply than metadata of "
                        "a model is",
                        shown(key)));
  if (count > left() / size)
    return fail(formatv("the array {0} is said to have {1} elements, but only "
                        "{2} bytes follow: the file is truncated or damaged",
                        shown(key), count, left()));
  if (isString) {
    value.strings.resize(count);
    for (StringRef &text : value.strings)
      if (!string(text))
        return truncated("the array " + shown(key));
    return true;
  }
  if (isArray) {
    value.arrays.resize(count);
    for (Value &inner : value.arrays)
      if (!array(inner, key, depth - 1))
        return false;
    return true;
  }
  value.bytes = bytes.substr(at, count * size);
  at += count * size;
  return true;
}

bool Reader::header() {
  if (!bytes.starts_with("GGUF"))
    return fail("this is not a GGUF file: it does not start with 'GGUF'");
  at = 4;
  uint32_t version;
  if (!number(version))
    return truncated("its header");
  if (version == llvm::byteswap(3u) || version == llvm::byteswap(2u))
    return fail("the file is big-endian; convert it with llama.cpp's "
                "gguf_convert_endian.py");
  if (version != 2 && version != 3)
    return fail(formatv("GGUF version {0} is not supported (2 and 3 are); "
                        "convert the model again with a current llama.cpp",
                        version));
  if (!number(tensorCount) || !number(keyCount))
    return truncated("its header");
  // A key takes 13 bytes at least, a tensor 32.
  if (keyCount > left() / 13 || tensorCount > left() / 32)
    return fail(formatv("the header promises {0} keys and {1} tensors, but the "
                        "file has {2} bytes: it is truncated or damaged",
                        keyCount, tensorCount, bytes.size()));
  return true;
}

bool Reader::keys(uint64_t count) {
  for (uint64_t i = 0; i < count; ++i) {
    StringRef key;
    uint32_t type;
    if (!string(key) || !number(type))
      return truncated(formatv("key {0} of {1}", i + 1, count).str());
    Value parsed;
    if (!value(parsed, type, key, /*depth=*/2))
      return false;
    if (!file.metadata.try_emplace(key, std::move(parsed)).second)
      return fail(formatv("key {0} appears twice", shown(key)));
    file.keys.push_back(key);
  }
  return true;
}

bool Reader::tensorInfo(uint64_t index) {
  TensorInfo info;
  uint32_t rank, type;
  if (!string(info.name) || !number(rank))
    return truncated(
        formatv("the description of tensor {0} of {1}", index + 1, tensorCount)
            .str());
  std::string name = shown(info.name);
  if (rank < 1 || rank > 4)
    return fail(formatv("tensor {0} has {1} dimensions; 1 to 4 are possible",
                        name, rank));
  info.shape.resize(rank);
  int64_t elements = 1;
  bool fits = true;
  for (auto dim = info.shape.rbegin(); dim != info.shape.rend(); ++dim) {
    if (!number(*dim))
      return truncated("the description of tensor " + name);
    fits &= *dim > 0 && !llvm::MulOverflow(elements, *dim, elements);
  }
  if (!number(type) || !number(info.offset))
    return truncated("the description of tensor " + name);
  if (!fits)
    return fail(
        formatv("tensor {0} has a shape that no file can hold: {1}", name,
                llvm::make_range(info.shape.begin(), info.shape.end())));
  if (!names.insert(info.name).second)
    return fail(formatv("tensor {0} appears twice", name));
  info.type = findTensorType(type);
  if (!info.type) {
    for (auto &[other, first, number] : unsupported)
      if (other == type)
        return ++number, true;
    unsupported.push_back({type, info.name, 1});
    return true;
  }
  if (info.shape.back() % info.type->elements)
    return fail(formatv("tensor {0} has rows of {1} elements, which is no "
                        "multiple of the {2} in a block of {3}",
                        name, info.shape.back(), info.type->elements,
                        info.type->name));
  uint64_t blocks = static_cast<uint64_t>(elements) / info.type->elements;
  if (blocks > bytes.size() / info.type->bytes)
    return fail(formatv("tensor {0} of {1} elements is larger than the file, "
                        "which has {2} bytes: it is truncated or damaged",
                        name, elements, bytes.size()));
  info.length = blocks * info.type->bytes;
  info.file = path.str();
  file.tensors.push_back(std::move(info));
  return true;
}

bool Reader::tensorInfos(uint64_t count) {
  for (uint64_t i = 0; i < count; ++i)
    if (!tensorInfo(i))
      return false;
  for (auto [type, first, number] : unsupported) {
    std::string others =
        number > 1 ? formatv(" (and {0} other tensors)", number - 1).str() : "";
    problems.push_back(
        {shown(first),
         formatv("its type {0}{1} is not supported; {2} are. "
                 "Quantise the model again from its original "
                 "weights, to Q4_K for example",
                 tensorTypeName(type), others, supportedTensorTypes())});
  }
  return true;
}

/// Moves offsets to the start of the file and checks where tensors lie.
void Reader::places() {
  uint64_t alignment = 32;
  if (auto it = file.metadata.find("general.alignment");
      it != file.metadata.end()) {
    std::optional<int64_t> value = it->second.integer();
    if (!value || *value < 1 || *value > (1 << 30) ||
        !llvm::isPowerOf2_64(*value)) {
      fail(formatv("general.alignment is {0}; a power of two is expected",
                   it->second.show()));
      return;
    }
    alignment = *value;
  }
  uint64_t base = llvm::alignTo(at, alignment);
  uint64_t size = base <= bytes.size() ? bytes.size() - base : 0;
  for (TensorInfo &info : file.tensors) {
    if (info.offset > size || info.length > size - info.offset) {
      fail(formatv("tensor {0} lies at bytes {1} to {2} of the data, which has "
                   "{3} bytes: the file is truncated or damaged; fetch it "
                   "again",
                   shown(info.name), info.offset, info.offset + info.length,
                   size));
      return; // a truncated file lacks many
    }
    if (info.offset % alignment)
      fail(formatv("tensor {0} lies at byte {1} of the data, which is not a "
                   "multiple of the alignment {2}",
                   shown(info.name), info.offset, alignment));
    info.offset += base;
    info.bytes = bytes.substr(info.offset, info.length);
  }
  std::vector<const TensorInfo *> order;
  for (const TensorInfo &info : file.tensors)
    order.push_back(&info);
  llvm::sort(order, [](auto *a, auto *b) { return a->offset < b->offset; });
  size_t most = problems.size() + 10; // the first ones say enough
  for (size_t i = 1; i < order.size() && problems.size() < most; ++i)
    if (order[i - 1]->offset + order[i - 1]->length > order[i]->offset)
      fail(formatv("tensors {0} and {1} overlap: the file is damaged",
                   shown(order[i - 1]->name), shown(order[i]->name)));
}

File Reader::read() {
  file.path = path.str();
  if (header() && keys(keyCount) && tensorInfos(tensorCount))
    places();
  return std::move(file);
}

File readFile(StringRef bytes, StringRef path, Problems &problems) {
  return Reader(bytes, path, problems).read();
}

} // namespace narae::gguf
