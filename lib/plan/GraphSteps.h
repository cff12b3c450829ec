//===- GraphSteps.h - What the steps of a graph are for a device -*- C++
//-*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Internal to the library.
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_PLAN_GRAPHSTEPS_H
#define NARAE_LIB_PLAN_GRAPHSTEPS_H

#include "lib/plan/Graph.h"
#include "lib/plan/Work.h"

namespace narae::plan {

/// Bytes of a weight at a precision, as `matrixBytes` counts them.
double bytesOf(const GraphWeight &weight, const std::string &precision);

/// The tensors between steps in a pool, packed.
Arena planBuffers(const GraphModel &model, const std::string &precision,
                  int64_t pools);

/// The type that products are computed in.
std::string graphType(const GraphModel &model, const std::string &precision);

/// The work of each step, of a pool's device.
std::vector<Work> graphWork(const GraphModel &model, const Hardware &hardware,
                            const std::string &precision);

/// The bytes of a peak and what may be used, of the tightest space: "1.20 GiB
/// of 0.90 GiB in the tightest space" (Advice.cpp).
std::string needOf(const Plan &plan);

/// The largest value in [1, high] for which `fits` holds, when it holds for all
/// smaller ones; 0 when none.
template <typename Fits>
int64_t largestThatFits(int64_t high, Fits fits) {
  int64_t low = 0;
  while (low < high) {
    int64_t middle = low + (high - low + 1) / 2;
    if (fits(middle))
      low = middle;
    else
      high = middle - 1;
  }
  return low;
}

} // namespace narae::plan

#endif // NARAE_LIB_PLAN_GRAPHSTEPS_H
