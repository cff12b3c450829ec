//===- Fields.cpp - The numbers of a machine, once ------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/machine/Machine.h"

#include "lib/artifact/Hash.h"

#include <cstring>

using namespace narae::npu;

void narae::npu::visitFields(
    Machine &m, const std::function<void(const MachineField &)> &visit) {
  auto integer = [&](const char *path, int64_t &field, double low,
                     double high) {
    visit({path, low, high, &field, nullptr});
  };
  auto real = [&](const char *path, double &field, double low, double high) {
    visit({path, low, high, nullptr, &field});
  };
  constexpr double bytes = double(int64_t(1) << 50), rate = 1e15;

  integer("memory.pools", m.dram.pools, 1, 1024);
  integer("memory.granule", m.dram.granule, 1, 1 << 30);
  integer("memory.capacity", m.dram.capacity, 1 << 20, bytes);
  integer("memory.reserve", m.dram.reserve, 0, bytes);
  real("memory.bandwidth", m.dram.bandwidth, 1e6, rate);
  integer("memory.organisation.channels", m.dram.channels, 1, 1024);
  integer("memory.organisation.banks", m.dram.banks, 1, 65536);
  integer("memory.organisation.interleave_bytes", m.dram.interleave, 1,
          1 << 30);

  integer("npu.chiplets", m.chiplets, 1, 256);
  integer("npu.clusters", m.clusters, 1, 256);
  integer("npu.cores", m.cores, 1, 256);
  real("npu.clock", m.clock, 1e6, 1e11);

  integer("npu.tensor.rows", m.tensor.rows, 1, 4096);
  integer("npu.tensor.columns", m.tensor.columns, 1, 4096);
  integer("npu.tensor.accumulator_bytes", m.tensor.accumulatorBytes, 4, bytes);
  integer("npu.tensor.start", m.tensor.start, 0, 1e6);
  real("npu.tensor.rate.f32", m.tensor.f32, 0, 64);
  real("npu.tensor.rate.f16", m.tensor.f16, 0, 64);
  real("npu.tensor.rate.bf16", m.tensor.bf16, 0, 64);
  real("npu.tensor.rate.fp8", m.tensor.fp8, 0, 64);
  real("npu.tensor.rate.int8", m.tensor.int8, 0, 64);
  real("npu.tensor.rate.int4", m.tensor.int4, 0, 64);

  integer("npu.vector.lanes", m.vector.lanes, 1, 65536);
  integer("npu.vector.start", m.vector.start, 0, 1e6);
  real("npu.vector.special_cycles", m.vector.specialCycles, 0.01, 1000);

  integer("npu.scratchpad.bytes", m.scratchpad.bytes, 1, bytes);
  integer("npu.scratchpad.banks", m.scratchpad.banks, 1, 65536);
  real("npu.scratchpad.bandwidth", m.scratchpad.bandwidth, 1, 1e6);
  integer("npu.shared.bytes", m.shared.bytes, 0, bytes);
  integer("npu.shared.banks", m.shared.banks, 1, 65536);
  real("npu.shared.bandwidth", m.shared.bandwidth, 1, 1e6);

  real("npu.dram.latency", m.dram.latency, 0, 1e-3);

  integer("npu.dma.core_queues", m.dma.coreQueues, 1, 64);
  integer("npu.dma.chiplet_engines", m.dma.chipletEngines, 0, 256);
  integer("npu.dma.host_engines", m.dma.hostEngines, 1, 256);
  real("npu.dma.core_bytes", m.dma.coreBytes, 0.01, 1e6);
  real("npu.dma.chiplet_bytes", m.dma.chipletBytes, 0.01, 1e6);
  integer("npu.dma.start", m.dma.start, 0, 1e6);
  integer("npu.dma.outstanding", m.dma.outstanding, 1, 4096);
  integer("npu.dma.alignment", m.dma.alignment, 1, 4096);

  real("npu.links.bandwidth", m.links.bandwidth, 1e6, rate);
  real("npu.links.latency", m.links.latency, 0, 1e-3);
  integer("npu.links.columns", m.links.columns, 1, 256);

  integer("npu.sync.core_semaphores", m.sync.coreSemaphores, 1, 65536);
  integer("npu.sync.chiplet_semaphores", m.sync.chipletSemaphores, 1, 65536);
  integer("npu.sync.barriers", m.sync.barriers, 1, 65536);
  integer("npu.sync.maximum", m.sync.maximum, 1, 1 << 30);
  integer("npu.sync.cycles", m.sync.cycles, 0, 1e6);

  real("npu.host.bandwidth", m.host.bandwidth, 1e6, rate);
  real("npu.host.round_trip", m.host.roundTrip, 0, 1);

  constexpr double positions = 1 << 30;
  integer("npu.limits.eager_attention", m.limits.eagerAttention, 1, positions);
  integer("npu.limits.partition_minimum", m.limits.partitionMinimum, 1,
          positions);
  integer("npu.limits.partition_maximum", m.limits.partitionMaximum, 1,
          positions);
  integer("npu.limits.window_maximum", m.limits.windowMaximum, 1, positions);
  integer("npu.limits.prefill_chunk", m.limits.prefillChunk, 1, positions);
  integer("npu.limits.prefill_multiple", m.limits.prefillMultiple, 1,
          positions);
  integer("npu.limits.instruction_buffer", m.limits.instructionBuffer, 32,
          bytes);
}

uint64_t Machine::hash() const {
  artifact::Hasher hasher;
  Machine copy = *this;
  visitFields(copy, [&](const MachineField &field) {
    hasher.add(field.path, std::strlen(field.path) + 1);
    if (field.integer)
      hasher.add(field.integer, sizeof(int64_t));
    else
      hasher.add(field.real, sizeof(double));
  });
  return hasher.finish();
}
