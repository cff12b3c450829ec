//===- DramPattern.cpp - What DRAM gives to a descriptor ------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/timing/DramPattern.h"

#include <algorithm>
#include <cmath>
#include <numeric>

using namespace narae;
using namespace narae::npu;

DramPattern narae::npu::patternOf(const View &view) {
  std::vector<std::pair<int64_t, int64_t>> axes; // stride, size
  for (int axis = 0; axis < view.rank; ++axis)
    if (view.sizes[axis] > 1 && view.strides[axis] != 0)
      axes.push_back({std::abs(view.strides[axis]), view.sizes[axis]});
  std::sort(axes.begin(), axes.end());
  int64_t run = 1, stride = 0;
  for (auto [step, size] : axes) {
    if (step > run) {
      stride = step;
      break;
    }
    run = step * (size - 1) + run;
  }
  auto bytes = [&](int64_t elements) {
    return (elements * bitsOf(view.type) + 7) / 8;
  };
  return {bytes(run), bytes(stride ? stride : run)};
}

DramPattern narae::npu::rowPatternOf(const View &view) {
  View row = view;
  row.sizes[0] = 1;
  DramPattern pattern = patternOf(row);
  if (pattern.run == pattern.stride)
    pattern.stride = 0;
  return pattern;
}

/// Channels, or banks of a channel, that a stride of so many of them visits.
static double visited(int64_t stride, int64_t all) {
  return double(all / std::gcd(std::max<int64_t>(stride, 1), all));
}

double narae::npu::patternBandwidth(const dram::Config &config,
                                    const DramPattern &pattern) {
  int64_t request = config.requestBytes, page = config.pageBytes;
  int64_t channels = config.channels * config.pseudoChannels;
  int64_t banks = config.ranks * config.groups * config.banks;
  bool hashed = config.mapping.interleave > 0;
  int64_t run = std::max<int64_t>((pattern.run + request - 1) / request, 1) *
                request; // whole bursts
  int64_t stride = std::max(pattern.stride, run);
  // Bytes that are read from a row once it is open: a run in its page, or,
  // where the mapping hashes, what of so many columns that stay together comes
  // back to the channels over which they are spread. Rows stay open while a
  // stride comes back to them.
  int64_t together = std::max<int64_t>(config.mapping.interleave, 1);
  double granule = double(std::min(run, page));
  if (hashed)
    granule = double(std::clamp(run / together, request, together * request));
  double channelsUsed = double(channels), banksUsed = double(banks);
  if (pattern.stride > 0) {
    granule = std::max(granule, double(page) * double(run) / double(stride));
    if (!hashed && stride > run && stride % page == 0) {
      // Address bits of the stride that no other XORs stay what they are.
      channelsUsed = std::min(visited(stride / page, channels) *
                                  std::ceil(double(run) / double(page)),
                              double(channels));
      if (stride % (page * channels) == 0)
        banksUsed = visited(stride / (page * channels), banks);
    }
  }
  granule = std::min(granule, double(page));
  double share = channelsUsed / double(channels);
  double clock = config.clock;
  double bandwidth =
      std::min({config.peak() * config.columns * share,
                channelsUsed * 4 * granule / (double(config.faw) * clock),
                channelsUsed * banksUsed * granule / config.rowCycle()});
  return bandwidth * (1 - config.refreshTax()) * double(pattern.run) /
         double(run);
}

double narae::npu::patternShare(const std::optional<dram::Config> &config,
                                const DramPattern &pattern) {
  if (!config || pattern.run <= 0)
    return 1;
  return std::min(patternBandwidth(*config, pattern) / config->peak(), 1.0);
}

double narae::npu::mixShare(const std::optional<dram::Config> &config,
                            size_t descriptors, double writeShare) {
  // At shares of 0, 1/16, 1/8, 1/4 and 1/2 of writes; as many reads among
  // writes cost about the same.
  struct Row {
    const char *name;
    double shares[5];
  };
  static constexpr Row rows[] = {{"HBM2", {0.98, 0.97, 0.94, 0.92, 0.89}},
                                 {"HBM2E", {1.00, 0.95, 0.90, 0.86, 0.81}},
                                 {"HBM3", {1.00, 0.98, 0.91, 0.86, 0.68}},
                                 {"HBM3E", {0.88, 0.82, 0.74, 0.70, 0.54}}};
  static constexpr double points[] = {0, 1.0 / 16, 1.0 / 8, 1.0 / 4, 1.0 / 2};
  if (!config || descriptors < 2)
    return 1;
  double share = std::clamp(std::min(writeShare, 1 - writeShare), 0.0, 0.5);
  for (const Row &row : rows) {
    if (config->name != row.name)
      continue;
    int i = 0;
    while (share > points[i + 1])
      ++i;
    double way = (share - points[i]) / (points[i + 1] - points[i]);
    return row.shares[i] + way * (row.shares[i + 1] - row.shares[i]);
  }
  return 1;
}
