//===- ReferenceDatapath.h - Element by element --------------- -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Operations in the words of the definition: all elements are loaded, one by
// one, then computed, then stored. What is faster is compared with it.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NPU_SIMULATOR_REFERENCE_REFERENCEDATAPATH_H
#define NARAE_BACKENDS_NPU_SIMULATOR_REFERENCE_REFERENCEDATAPATH_H

#include "backends/npu/simulator/Datapath.h"
#include "backends/npu/simulator/Memory.h"

namespace narae::npu {

class ReferenceDatapath : public KindDatapath {
public:
  explicit ReferenceDatapath(const Machine &machine) : memories(machine) {}
  Outcome write(Space space, int32_t unit, int64_t address, const void *data,
                size_t bytes) override;
  Outcome read(Space space, int32_t unit, int64_t address, void *data,
               size_t bytes) override;
  Outcome readIntegers(const View &view, std::vector<int32_t> &values) override;

  /// Elements in row-major order, each in its own bytes (4 bits in one byte).
  void load(const View &view, std::vector<uint8_t> &elements);
  void load(const View &view, std::vector<float> &values);
  void load(const View &view, std::vector<int32_t> &values);
  void store(const View &view, const std::vector<uint8_t> &elements);
  void store(const View &view, const std::vector<float> &values);
  void store(const View &view, const std::vector<int32_t> &values);

protected:
  Memories memories;

private:
  void matmul(const Operation &operation) override;
  void convolution(const Operation &operation) override;
  void drain(const Operation &operation) override;
  void loadAccumulators(const Operation &operation) override;
  Outcome byElement(const Operation &operation) override;
  void series(const Operation &operation) override;
  void reduce(const Operation &operation) override;
  void scan(const Operation &operation) override;
  void topK(const Operation &operation) override;
  void byIndex(const Operation &operation) override;
  void scatterRow(const Operation &operation) override;
  void rotary(const Operation &operation) override;
  void copy(const Operation &operation) override;
  void fill(const Operation &operation) override;
};

} // namespace narae::npu

#endif // NARAE_BACKENDS_NPU_SIMULATOR_REFERENCE_REFERENCEDATAPATH_H
