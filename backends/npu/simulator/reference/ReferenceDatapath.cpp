//===- ReferenceDatapath.cpp - Element by element -------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/simulator/reference/ReferenceDatapath.h"

#include "backends/npu/simulator/Layout.h"

using namespace narae::npu;

Outcome ReferenceDatapath::write(Space space, int32_t unit, int64_t address,
                                 const void *data, size_t bytes) {
  memories.at(space, unit).write(address, data, bytes);
  return Outcome::Done;
}

Outcome ReferenceDatapath::read(Space space, int32_t unit, int64_t address,
                                void *data, size_t bytes) {
  memories.at(space, unit).read(address, data, bytes);
  return Outcome::Done;
}

Outcome ReferenceDatapath::readIntegers(const View &view,
                                        std::vector<int32_t> &values) {
  load(view, values);
  return Outcome::Done;
}

void ReferenceDatapath::copy(const Operation &operation) {
  std::vector<uint8_t> elements;
  load(operation.a, elements);
  store(operation.dst, elements);
}

void ReferenceDatapath::fill(const Operation &operation) {
  const View &dst = operation.dst;
  uint32_t bits = bitsOf(dst.type) == 4 ? operation.bits & 15 : operation.bits;
  size_t width = elementBytes(dst.type);
  std::vector<uint8_t> elements(size_t(dst.elements()) * width);
  for (size_t i = 0; i < elements.size(); ++i)
    elements[i] = uint8_t(bits >> (8 * (i % width)));
  store(dst, elements);
}

std::unique_ptr<Datapath>
narae::npu::makeReferenceDatapath(const Machine &machine) {
  return std::make_unique<ReferenceDatapath>(machine);
}
