//===- Elements.cpp - Elements to numbers and back ------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/isa/Numbers.h"
#include "backends/npu/simulator/Layout.h"
#include "backends/npu/simulator/reference/ReferenceDatapath.h"

#include <cstring>

using namespace narae::npu;

/// Calls `half(place)` for each element of 4 bits, with its address in halves
/// of bytes, or `piece(address, bytes)` for elements that lie together; in
/// row-major order.
template <typename Half, typename Piece>
static void forEachPiece(const View &view, Half half, Piece piece) {
  int64_t width = int64_t(elementBytes(view.type));
  bool halves = bitsOf(view.type) == 4;
  forEachRow(view, [&](int64_t offset, int64_t count, int64_t stride) {
    if (!halves && stride == 1)
      return piece(view.base + offset * width, size_t(count * width));
    for (int64_t i = 0; i < count; ++i, offset += stride) {
      if (halves)
        half(2 * view.base + offset);
      else
        piece(view.base + offset * width, size_t(width));
    }
  });
}

void ReferenceDatapath::load(const View &view, std::vector<uint8_t> &elements) {
  const Memory &memory = memories.at(view.space, view.unit);
  elements.resize(size_t(view.elements()) * elementBytes(view.type));
  uint8_t *out = elements.data();
  auto half = [&](int64_t place) {
    uint8_t byte;
    memory.read(place >> 1, &byte, 1);
    *out++ = place & 1 ? byte >> 4 : byte & 15;
  };
  auto piece = [&](int64_t address, size_t bytes) {
    memory.read(address, out, bytes);
    out += bytes;
  };
  forEachPiece(view, half, piece);
}

void ReferenceDatapath::store(const View &view,
                              const std::vector<uint8_t> &elements) {
  Memory &memory = memories.at(view.space, view.unit);
  const uint8_t *in = elements.data();
  auto half = [&](int64_t place) {
    uint8_t byte;
    memory.read(place >> 1, &byte, 1);
    byte = place & 1 ? uint8_t((byte & 15) | *in << 4)
                     : uint8_t((byte & 0xf0) | *in);
    ++in;
    memory.write(place >> 1, &byte, 1);
  };
  auto piece = [&](int64_t address, size_t bytes) {
    memory.write(address, in, bytes);
    in += bytes;
  };
  forEachPiece(view, half, piece);
}

static uint32_t codeAt(const uint8_t *elements, size_t width, size_t i) {
  uint32_t code = 0;
  for (size_t byte = 0; byte < width; ++byte)
    code |= uint32_t(elements[i * width + byte]) << (8 * byte);
  return code;
}

static void putCode(uint8_t *elements, size_t width, size_t i, uint32_t code) {
  for (size_t byte = 0; byte < width; ++byte)
    elements[i * width + byte] = uint8_t(code >> (8 * byte));
}

void ReferenceDatapath::load(const View &view, std::vector<float> &values) {
  std::vector<uint8_t> elements;
  load(view, elements);
  values.resize(size_t(view.elements()));
  size_t width = elementBytes(view.type);
  // The types of most elements have loops of their own.
  switch (view.type) {
  case ElementType::F32:
    if (!values.empty())
      std::memcpy(values.data(), elements.data(), elements.size());
    break;
  case ElementType::F16:
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = toFloat(ElementType::F16, codeAt(elements.data(), 2, i));
    break;
  case ElementType::BF16:
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = toFloat(ElementType::BF16, codeAt(elements.data(), 2, i));
    break;
  default:
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = toFloat(view.type, codeAt(elements.data(), width, i));
  }
}

void ReferenceDatapath::load(const View &view, std::vector<int32_t> &values) {
  std::vector<uint8_t> elements;
  load(view, elements);
  values.resize(size_t(view.elements()));
  size_t width = elementBytes(view.type);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = toInteger(view.type, codeAt(elements.data(), width, i));
}

void ReferenceDatapath::store(const View &view,
                              const std::vector<float> &values) {
  size_t width = elementBytes(view.type);
  std::vector<uint8_t> elements(values.size() * width);
  for (size_t i = 0; i < values.size(); ++i)
    putCode(elements.data(), width, i, fromFloat(view.type, values[i]));
  store(view, elements);
}

void ReferenceDatapath::store(const View &view,
                              const std::vector<int32_t> &values) {
  size_t width = elementBytes(view.type);
  std::vector<uint8_t> elements(values.size() * width);
  for (size_t i = 0; i < values.size(); ++i)
    putCode(elements.data(), width, i, fromInteger(view.type, values[i]));
  store(view, elements);
}
