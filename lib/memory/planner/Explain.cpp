//===- Explain.cpp - Why each buffer lies where it does -------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A search undoes nearly all it decides, so the reasons that count are those
// of the final plan: read off it, they are true whatever found it.
//
//===----------------------------------------------------------------------===//

#include "lib/memory/planner/Part.h"

#include <algorithm>
#include <numeric>
#include <tuple>

using namespace narae::memory;

void narae::memory::explain(const Problem &problem, const Plan &plan,
                            Observer &observer) {
  const std::vector<Buffer> &buffers = problem.buffers;
  std::vector<uint32_t> order(buffers.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    return std::tie(plan.offsets[a], a) < std::tie(plan.offsets[b], b);
  });
  for (size_t i = 0; i < order.size(); ++i) {
    uint32_t index = order[i];
    const Buffer &buffer = buffers[index];
    // Those below it, by offset.
    std::vector<uint32_t> below;
    std::vector<uint64_t> candidates = {0};
    for (size_t j = 0; j < i && buffer.size > 0; ++j) {
      const Buffer &other = buffers[order[j]];
      if (other.size == 0 || other.lower >= buffer.upper ||
          buffer.lower >= other.upper)
        continue;
      below.push_back(order[j]);
      candidates.push_back(alignUp(plan.offsets[order[j]] + other.size,
                                   std::max<uint64_t>(buffer.alignment, 1)));
    }
    std::sort(candidates.begin(), candidates.end());
    candidates.erase(std::unique(candidates.begin(), candidates.end()),
                     candidates.end());
    std::vector<Rejection> rejected;
    for (uint64_t offset : candidates) {
      if (offset >= plan.offsets[index] ||
          rejected.size() == Observer::kMaxRejections)
        break;
      auto blocker =
          std::find_if(below.begin(), below.end(), [&](uint32_t other) {
            return plan.offsets[other] < offset + buffer.size &&
                   offset < plan.offsets[other] + buffers[other].size;
          });
      if (blocker != below.end())
        rejected.push_back({offset, *blocker});
    }
    observer.placed(index, plan.offsets[index], rejected);
  }
}
