//===- Machine.h - An NPU as numbers ----------------------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What compiler, verifier and simulator know of a chip. All of it comes from a
// target file; nothing about any chip is in code. A device has chiplets, a
// chiplet has clusters of cores, shared memory, pools of DRAM, DMA engines and
// a synchronisation manager; a core has a tensor engine with accumulators, a
// vector engine, a scratchpad and DMA queues.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NPU_MACHINE_MACHINE_H
#define NARAE_BACKENDS_NPU_MACHINE_MACHINE_H

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace narae::npu {

/// Where a number of a target file comes from.
struct Provenance {
  std::string text; ///< the publication, or the reason of the assumption
  bool assumed = true;
};

/// The array of multiply-accumulate cells of a core.
struct TensorUnit {
  int64_t rows = 0, columns = 0; ///< cells
  int64_t accumulatorBytes = 0;  ///< a core; 4 bytes an element
  int64_t start = 0;             ///< cycles to issue an instruction
  /// Multiply-accumulates a cell and cycle, by type of the operands; 0 where
  /// the unit cannot compute in the type.
  double f32 = 0, f16 = 0, bf16 = 0, fp8 = 0, int8 = 0, int4 = 0;
};

struct VectorUnit {
  int64_t lanes = 0; ///< elements of 32 bits a cycle
  int64_t start = 0; ///< cycles to issue an instruction
  /// Cycles a lane needs for an element of exp, log, sin, tanh, erf, ...
  double specialCycles = 0;
};

/// SRAM: a core's scratchpad, or the memory that a chiplet's cores share.
struct Sram {
  int64_t bytes = 0;
  int64_t banks = 0;
  double bandwidth = 0; ///< bytes a cycle, all banks
};

/// DRAM. Pools are the units of placement: an HBM stack with its chiplet.
struct Dram {
  std::string kind;       ///< "HBM3E", "GDDR6", ...
  int64_t pools = 0;      ///< of the device; a multiple of the chiplets
  int64_t channels = 0;   ///< a pool
  int64_t banks = 0;      ///< a channel
  int64_t interleave = 0; ///< bytes after which the next channel follows
  int64_t granule = 0;    ///< bytes: addresses and sizes of allocations
  int64_t capacity = 0, reserve = 0; ///< bytes a pool
  double bandwidth = 0;              ///< bytes/s a pool
  double latency = 0;                ///< seconds to the first byte
};

struct DmaUnits {
  int64_t coreQueues = 0;     ///< streams of a core's load/store unit
  int64_t chipletEngines = 0; ///< a chiplet, between DRAM, shared, chiplets
  int64_t hostEngines = 0;    ///< of the device, to and from the host
  double coreBytes = 0;       ///< bytes a cycle and queue
  double chipletBytes = 0;    ///< bytes a cycle and engine
  int64_t start = 0;          ///< cycles to start a descriptor
  int64_t outstanding = 0;    ///< descriptors of a stream under way
  int64_t alignment = 0;      ///< bytes: first addresses of descriptors
};

struct Links {
  double bandwidth = 0; ///< bytes/s of a link between chiplets, one way
  double latency = 0;   ///< seconds a hop
  int64_t columns = 0;  ///< of the mesh of chiplets
};

struct SyncUnits {
  int64_t coreSemaphores = 0;    ///< a core
  int64_t chipletSemaphores = 0; ///< a chiplet
  int64_t barriers = 0;          ///< of the device
  int64_t maximum = 0;           ///< the largest count of a semaphore
  int64_t cycles = 0;            ///< within a chiplet, signal to wake
};

struct HostLink {
  double bandwidth = 0; ///< bytes/s one way
  double roundTrip = 0; ///< seconds of the smallest request and its answer
};

/// Bounds that the vendor's software publishes.
struct Limits {
  int64_t eagerAttention = 0;    ///< longest context without partitions
  int64_t partitionMinimum = 0;  ///< positions of a cache partition
  int64_t partitionMaximum = 0;  ///< the same
  int64_t windowMaximum = 0;     ///< of sliding windows, less a chunk
  int64_t prefillChunk = 0;      ///< by default
  int64_t prefillMultiple = 0;   ///< chunks are multiples of this
  int64_t instructionBuffer = 0; ///< bytes of a stream's code held at once
};

struct Machine {
  std::string name, description;
  int64_t chiplets = 0;
  int64_t clusters = 0; ///< a chiplet
  int64_t cores = 0;    ///< a cluster
  double clock = 0;     ///< Hz
  TensorUnit tensor;
  VectorUnit vector;
  Sram scratchpad; ///< of a core
  Sram shared;     ///< of a chiplet
  Dram dram;
  DmaUnits dma;
  Links links;
  SyncUnits sync;
  HostLink host;
  Limits limits;
  /// By the field's path in the file, such as "npu.tensor.rows".
  std::map<std::string, Provenance> provenance;

  int64_t coresPerChiplet() const { return clusters * cores; }
  int64_t allCores() const { return chiplets * coresPerChiplet(); }
  int64_t poolsPerChiplet() const { return dram.pools / chiplets; }
  int64_t chipletOfCore(int64_t core) const { return core / coresPerChiplet(); }
  int64_t chipletOfPool(int64_t pool) const { return pool / poolsPerChiplet(); }
  /// Bytes of a pool that programs may use, from address 0.
  int64_t usableDram() const { return dram.capacity - dram.reserve; }
  /// Multiply-accumulates of all cores in a second, at a rate of `tensor`.
  double peakMacs(double rate) const {
    return double(allCores()) * double(tensor.rows) * double(tensor.columns) *
           rate * clock;
  }
  /// A number over all that programs depend on; names and sources are not
  /// part of it. Programs carry the hash of the machine they are made for.
  uint64_t hash() const;
};

/// A number of a machine: where it stands in the file and what is possible.
struct MachineField {
  const char *path;
  double low, high;
  int64_t *integer; ///< one of the two is set
  double *real;
};

/// Calls `visit` for every number, in the order of the file.
void visitFields(Machine &machine,
                 const std::function<void(const MachineField &)> &visit);

/// Reads a target file. Everything that is missing or impossible goes to
/// `problems`, one sentence each that names the field; the result is of use
/// only without any.
Machine readMachine(const std::string &json,
                    std::vector<std::string> &problems);

} // namespace narae::npu

#endif // NARAE_BACKENDS_NPU_MACHINE_MACHINE_H
