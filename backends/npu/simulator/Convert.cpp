//===- Convert.cpp - Elements to numbers and back -------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/isa/Numbers.h"
#include "backends/npu/simulator/Execution.h"

#include <cstring>

using namespace narae::npu;

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

bool Execution::load(const View &view, std::vector<float> &values) {
  std::vector<uint8_t> elements;
  if (!load(view, elements))
    return false;
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
  return true;
}

bool Execution::load(const View &view, std::vector<int32_t> &values) {
  std::vector<uint8_t> elements;
  if (!load(view, elements))
    return false;
  values.resize(size_t(view.elements()));
  size_t width = elementBytes(view.type);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = toInteger(view.type, codeAt(elements.data(), width, i));
  return true;
}

bool Execution::store(const View &view, const std::vector<float> &values) {
  size_t width = elementBytes(view.type);
  std::vector<uint8_t> elements(values.size() * width);
  for (size_t i = 0; i < values.size(); ++i)
    putCode(elements.data(), width, i, fromFloat(view.type, values[i]));
  return store(view, elements);
}

bool Execution::store(const View &view, const std::vector<int32_t> &values) {
  size_t width = elementBytes(view.type);
  std::vector<uint8_t> elements(values.size() * width);
  for (size_t i = 0; i < values.size(); ++i)
    putCode(elements.data(), width, i, fromInteger(view.type, values[i]));
  return store(view, elements);
}
