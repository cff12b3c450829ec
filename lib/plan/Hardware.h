//===- Hardware.h - What a plan knows of a device ---------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_PLAN_HARDWARE_H
#define NARAE_LIB_PLAN_HARDWARE_H

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace narae::plan {

/// A number of a target file with where it was published; what nobody has
/// published is assumed, and says why.
struct Figure {
  double value = 0;
  std::string source; ///< or the reason of the assumption
  bool assumed = true;
};

/// The memory that holds weights, caches and activations: `pools` of equal
/// size. Each chiplet of an NPU has a pool of its own, a GPU has one.
struct DeviceMemory {
  std::string name;   ///< "hbm"
  std::string kind;   ///< "HBM3", "GDDR6", "DDR5"
  bool hashed = true; ///< addresses spread over all stacks by the hardware
  int64_t pools = 1;
  Figure capacity;  ///< bytes a pool
  Figure reserve;   ///< bytes a pool that programs cannot have
  Figure bandwidth; ///< bytes/s a pool, at peak
  /// Of generations of HBM that the DRAM model knows, these two are its, unless
  /// the file has others.
  Figure refresh;    ///< share of the time in which DRAM refreshes
  Figure efficiency; ///< share of the peak that long streams reach
  uint64_t granule = 1;
  /// Of a pool, where software interleaves: channels, the banks of each, bytes
  /// in a channel before the next, and the sets of banks that address bits at
  /// the top select. Zero channels: not described.
  int64_t channels = 0, banks = 0, interleaveBytes = 0, bankSets = 1;
  Figure organisation; ///< where these come from; without a value

  /// Bytes/s of a pool that long streams get.
  double derated() const { return bandwidth.value * efficiency.value; }
};

/// Fast memory that software fills: each pool has one over it, as the SRAM that
/// the cores of a chiplet share. No name: there is none, or hardware fills it.
struct NearMemory {
  std::string name, kind;
  Figure capacity, reserve; ///< bytes
  uint64_t granule = 1;
  int64_t channels = 1; ///< DMA engines of each direction
  Figure fill, drain;   ///< bytes/s of an engine
  Figure startup;       ///< seconds before the first byte of a copy
};

/// One device of a target, as its JSON file describes it.
struct Hardware {
  std::string name, backend, description;
  DeviceMemory memory;
  NearMemory near;
  std::map<std::string, Figure> peak; ///< operations/s by type: "bf16", ...
  Figure computeEfficiency;           ///< share of the peak that matmuls reach
  Figure link;        ///< bytes/s of a device to others of its node, one way
  Figure linkLatency; ///< seconds a message
  Figure network;     ///< bytes/s of a device to other nodes
  Figure host;        ///< bytes/s from the host's memory
  int64_t devicesPerNode = 1;

  /// Peak for a type; that of the next wider one where it has none of its own.
  const Figure &peakOf(const std::string &type) const;
};

/// Reads a target file. What is missing or absurd goes to `problems`, each
/// message with the field's path; the result is of use only without any.
Hardware readHardware(const std::string &json,
                      std::vector<std::string> &problems);

} // namespace narae::plan

#endif // NARAE_LIB_PLAN_HARDWARE_H
