//===- Fabric.h - What descriptors share ---------------------- -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Memories, links and engines as resources of so many bytes a cycle, the way of
// a descriptor over them, and how descriptors under way divide them: each
// resource evenly among those that it holds back (max-min fairness), divided
// anew whenever one begins or ends.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NPU_TIMING_FABRIC_H
#define NARAE_BACKENDS_NPU_TIMING_FABRIC_H

#include "backends/npu/isa/Program.h"
#include "backends/npu/isa/View.h"
#include "backends/npu/timing/DramPattern.h"

#include <functional>

namespace narae::npu {

struct Resource {
  std::string name;    ///< "dram 0", "link 0 to 1", "core 3 dma 1"
  double capacity = 0; ///< bytes a cycle
  double bytes = 0;    ///< that descriptors moved over it
  /// The same with what DRAM loses on its pattern: never above capacity times
  /// cycles.
  double occupied = 0;
};

/// A descriptor on its way.
struct Transfer {
  double bytes = 0;
  /// Resources, and what a byte occupies of each in bytes.
  std::vector<std::pair<size_t, double>> uses;
  /// Of those, the pools of DRAM that it writes.
  std::vector<size_t> written;
  /// Cycles before the first byte, with `dma.start`.
  double latency = 0;
  bool betweenChiplets = false;
};

class Fabric {
public:
  explicit Fabric(const Machine &machine);

  /// Adds a DMA engine; the resource's number.
  size_t addEngine(const EngineId &id);
  /// The way of a descriptor of that engine. Its views are resolved and
  /// checked.
  /// \param view the instruction's operands.
  /// \param multicast the number of cores that a multicast writes, else 1.
  Transfer transfer(size_t engine, const EngineId &id,
                    const Instruction &instruction,
                    const std::function<std::optional<View>(OperandName)> &view,
                    int64_t multicast) const;
  /// Links from one chiplet to another; no hop where one of them is -1.
  std::vector<size_t> route(int64_t from, int64_t to) const;
  int64_t chipletOf(Space space, int32_t unit) const;

  /// Bytes a cycle of each transfer while they are all under way.
  std::vector<double>
  divide(const std::vector<const Transfer *> &transfers) const;
  /// Cycles of a transfer alone, at peak rates: no pattern, no start.
  double bound(const Transfer &transfer) const;
  void account(const Transfer &transfer);

  std::vector<Resource> resources;

private:
  /// Bytes a cycle of a resource for those transfers: less than its capacity
  /// where several share a pool.
  std::map<size_t, double>
  capacities(const std::vector<const Transfer *> &transfers) const;
  size_t memory(Space space, int32_t unit) const;
  const Machine machine;
  std::optional<dram::Config> generation;
  size_t pools = 0, shared = 0, scratchpads = 0, host = 0;
  /// By from * chiplets + to; of neighbours only.
  std::map<int64_t, size_t> links;
};

} // namespace narae::npu

#endif // NARAE_BACKENDS_NPU_TIMING_FABRIC_H
