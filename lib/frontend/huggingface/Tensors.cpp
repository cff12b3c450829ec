//===- Tensors.cpp - Weights out of a table of tensors --------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/huggingface/Tensors.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/MemoryBuffer.h"

#include <cmath>
#include <cstring>

using namespace narae;
using namespace narae::huggingface;
using language::Storage;
using language::Weight;
using llvm::StringRef;

std::string huggingface::shapeText(const Shape &shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i)
    text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

static std::optional<Storage> storageOf(StringRef type) {
  return llvm::StringSwitch<std::optional<Storage>>(type)
      .Case("F32", Storage::F32)
      .Case("F16", Storage::F16)
      .Case("BF16", Storage::BF16)
      .Case("F8_E4M3", Storage::F8E4M3)
      .Default(std::nullopt);
}

bool Tensors::has(StringRef name, bool whenUnknown) const {
  return withoutFiles ? whenUnknown : table.contains(name);
}

const Shape *Tensors::shapeOf(StringRef name) const {
  auto entry = table.find(name);
  return entry == table.end() ? nullptr : &entry->second.shape;
}

/// A tensor of which only the shape is known, with scales if it will be fp8.
Weight Tensors::withoutBytes(const std::string &name, const Shape &shape,
                             bool matrix) {
  Weight weight;
  weight.name = name;
  weight.shape = shape;
  weight.storage = rules.storage;
  bool converted =
      matrix && rules.fp8 &&
      llvm::none_of(rules.notConverted, [&](const std::string &part) {
        return StringRef(name).contains(part);
      });
  if (!converted)
    return weight;
  weight.storage = Storage::F8E4M3;
  size_t rank = shape.size();
  weight.scaleRows = rules.scaleRows ? rules.scaleRows : shape[rank - 2];
  weight.scaleColumns =
      rules.scaleColumns ? rules.scaleColumns : shape[rank - 1];
  Weight scale;
  scale.name = name + "_scale_inv";
  scale.shape = shape;
  scale.shape[rank - 2] = llvm::divideCeil(shape[rank - 2], weight.scaleRows);
  scale.shape[rank - 1] =
      llvm::divideCeil(shape[rank - 1], weight.scaleColumns);
  weight.scale = std::make_shared<Weight>(scale);
  return weight;
}

Weight Tensors::take(const std::string &name, const Shape &shape) {
  if (withoutFiles)
    return withoutBytes(name, shape, /*matrix=*/false);
  Weight weight;
  weight.name = name;
  weight.shape = shape;
  auto found = table.find(name);
  if (found == table.end()) {
    problems.push_back(
        {name, "is missing; the configuration asks for " + shapeText(shape)});
    return weight;
  }
  taken.insert(name);
  const TensorEntry &entry = found->second;
  if (entry.shape != shape) {
    problems.push_back({name, "has the shape " + shapeText(entry.shape) +
                                  "; the configuration makes it " +
                                  shapeText(shape)});
    return weight;
  }
  std::optional<Storage> storage = storageOf(entry.type);
  if (!storage) {
    problems.push_back({name, "has the type " + entry.type +
                                  "; weights are F32, BF16, F16, or F8_E4M3 "
                                  "with scales"});
    return weight;
  }
  weight.storage = *storage;
  weight.pieces.push_back({entry.file, entry.offset, entry.length});
  return weight;
}

Weight Tensors::takeMatrix(const std::string &name, const Shape &shape) {
  if (withoutFiles)
    return withoutBytes(name, shape, /*matrix=*/true);
  Weight weight = take(name, shape);
  if (weight.storage == Storage::F8E4M3)
    addScale(weight, name);
  return weight;
}

/// Reads the bytes of a weight; for scales only, which are small.
std::optional<std::vector<char>> Tensors::bytesOf(const Weight &weight) {
  if (weight.bytes)
    return *weight.bytes;
  std::vector<char> bytes;
  for (const language::Piece &piece : weight.pieces) {
    auto slice = llvm::MemoryBuffer::getFileSlice(folder + "/" + piece.file,
                                                  piece.length, piece.offset);
    if (!slice || (*slice)->getBufferSize() != piece.length) {
      problems.push_back({weight.name, "cannot be read"});
      return std::nullopt;
    }
    bytes.insert(bytes.end(), (*slice)->getBufferStart(),
                 (*slice)->getBufferEnd());
  }
  return bytes;
}

/// Scales in 16 bits become f32, as the description wants them.
static std::vector<char> widen(const std::vector<char> &bytes, bool bf16) {
  std::vector<char> wide(bytes.size() * 2);
  for (size_t i = 0; i + 1 < bytes.size(); i += 2) {
    uint16_t half;
    std::memcpy(&half, &bytes[i], 2);
    uint32_t bits = uint32_t(half) << 16;
    if (!bf16) {
      uint32_t sign = uint32_t(half & 0x8000) << 16;
      uint32_t exponent = (half >> 10) & 31, fraction = half & 1023;
      float value = exponent == 0 ? float(fraction) / 16777216.0f
                                  : float(1024 + fraction) *
                                        std::exp2(float(int(exponent) - 25));
      std::memcpy(&bits, &value, 4);
      bits |= sign;
    }
    std::memcpy(&wide[i * 2], &bits, 4);
  }
  return wide;
}

bool Tensors::fitScale(Weight &weight, const Shape &given, Shape &shape) const {
  int64_t rows = weight.shape[weight.shape.size() - 2];
  int64_t columns = weight.shape.back();
  shape = weight.shape;
  Shape stack(shape.begin(), shape.end() - 2);
  auto fits = [&](int64_t scaleRows, int64_t scaleColumns) {
    weight.scaleRows = scaleRows ? scaleRows : rows;
    weight.scaleColumns = scaleColumns ? scaleColumns : columns;
    shape[shape.size() - 2] = llvm::divideCeil(rows, weight.scaleRows);
    shape.back() = llvm::divideCeil(columns, weight.scaleColumns);
    // Dimensions of 1 may be left out.
    Shape short1 = stack, short2 = stack;
    short1.push_back(shape[shape.size() - 2]);
    return given == shape || (shape.back() == 1 && given == short1) ||
           (shape.back() == 1 && shape[shape.size() - 2] == 1 &&
            (given == short2 || (stack.empty() && given == Shape{1})));
  };
  return fits(rules.scaleRows, rules.scaleColumns) || fits(0, 0) || fits(1, 0);
}

bool Tensors::addScale(Weight &weight, const std::string &name) {
  std::string scaleName = name + "_scale_inv";
  if (!has(scaleName) && has(name + "_scale"))
    scaleName = name + "_scale";
  const Shape *shape = shapeOf(scaleName);
  if (!shape || weight.shape.size() < 2) {
    problems.push_back({name, "is stored in fp8 and has no scales '" + name +
                                  "_scale_inv' or '" + name +
                                  "_scale' beside it"});
    return false;
  }
  Shape wanted;
  if (!fitScale(weight, *shape, wanted)) {
    taken.insert(scaleName);
    problems.push_back(
        {scaleName, "has the shape " + shapeText(*shape) + "; of " +
                        shapeText(weight.shape) +
                        " there are scales by blocks of " +
                        std::to_string(rules.scaleRows) + " x " +
                        std::to_string(rules.scaleColumns) +
                        " (quantization_config), by rows, or one"});
    return false;
  }
  Weight scale = take(scaleName, *shape);
  scale.shape = wanted;
  if (scale.pieces.empty())
    return false;
  if (scale.storage == Storage::BF16 || scale.storage == Storage::F16) {
    std::optional<std::vector<char>> bytes = bytesOf(scale);
    if (!bytes)
      return false;
    scale.bytes = std::make_shared<std::vector<char>>(
        widen(*bytes, scale.storage == Storage::BF16));
    scale.storage = Storage::F32;
    scale.pieces.clear();
  } else if (scale.storage != Storage::F32) {
    problems.push_back({scaleName, "holds scales and is not f32"});
    return false;
  }
  weight.scale = std::make_shared<Weight>(std::move(scale));
  return true;
}

bool Tensors::equal(StringRef a, StringRef b) {
  auto first = table.find(a), second = table.find(b);
  if (first == table.end() || second == table.end() ||
      first->second.type != second->second.type ||
      first->second.shape != second->second.shape)
    return false;
  auto map = [&](const TensorEntry &entry) {
    return llvm::MemoryBuffer::getFileSlice(folder + "/" + entry.file,
                                            entry.length, entry.offset);
  };
  auto left = map(first->second), right = map(second->second);
  return left && right && (*left)->getBuffer() == (*right)->getBuffer();
}

size_t Tensors::setApart(const std::function<bool(StringRef)> &matches) {
  size_t count = 0;
  for (const auto &entry : table)
    if (!taken.contains(entry.first()) && matches(entry.first())) {
      taken.insert(entry.first());
      ++count;
    }
  return count;
}

std::vector<std::string> Tensors::untaken() const {
  std::vector<std::string> names;
  for (const auto &entry : table)
    if (!taken.contains(entry.first()))
      names.push_back(entry.first().str());
  llvm::sort(names);
  return names;
}
