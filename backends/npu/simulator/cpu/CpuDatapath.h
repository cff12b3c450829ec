//===- CpuDatapath.h - Operations in vectors ------------------ -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Operations on rows that lie together, with the CPU's vector instructions.
// What programs do rarely goes by element, as in the reference.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NPU_SIMULATOR_CPU_CPUDATAPATH_H
#define NARAE_BACKENDS_NPU_SIMULATOR_CPU_CPUDATAPATH_H

#include "backends/npu/simulator/cpu/Kernels.h"
#include "backends/npu/simulator/reference/ReferenceDatapath.h"

namespace narae::npu::cpu {

class CpuDatapath : public ReferenceDatapath {
public:
  CpuDatapath(const Machine &machine, const Kernels &kernels)
      : ReferenceDatapath(machine), kernels(kernels) {}
  Outcome execute(const Operation &operation) override;

private:
  /// Memory for intermediate values that stays for the next operation: of
  /// `slot`, what it held before is lost.
  float *take(size_t slot, int64_t count);
  /// All elements in row-major order.
  void loadFloats(const View &view, float *to);
  void storeFloats(const View &view, const float *from);
  /// Where a view's byte `base` lies; null where its bytes are in pieces.
  uint8_t *begin(const View &view);

  // False where the reference has to do it.
  bool fastCopy(const View &dst, const View &a);
  bool fastMatmul(const Operation &operation);
  bool integerMatmul(const Operation &operation);
  bool fastConvolution(const Operation &operation);
  bool fastDrain(const Operation &operation);
  bool fastElements(const Operation &operation);
  bool fastReduce(const Operation &operation);
  bool fastRotary(const Operation &operation);
  bool fastGather(const Operation &operation);
  bool fastFill(const Operation &operation);
  /// a * b of whole operands into sums, that are in f32.
  void addProducts(const Operation &operation, float *sums, int64_t stride);
  void addWeights(const Operation &operation, Products products, int64_t begin,
                  int64_t end);

  const Kernels &kernels;
  struct Slot {
    std::unique_ptr<float[]> values;
    int64_t count = 0;
  };
  std::array<Slot, 8> slots;
  std::vector<uint8_t> codes;
};

} // namespace narae::npu::cpu

#endif // NARAE_BACKENDS_NPU_SIMULATOR_CPU_CPUDATAPATH_H
