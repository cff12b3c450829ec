//===- Home.h - What steps touch where it lies ----------------- -*- C++
//-*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Kernels that can read and write home directly need not have everything near:
// a step may touch more than fits, and what is used once is often read as fast
// where it lies. This decides which tensors never come near.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_MEMORY_SPACES_HOME_H
#define NARAE_MEMORY_SPACES_HOME_H

#include "lib/memory/spaces/Spaces.h"

namespace narae::memory {

struct HomePlan {
  /// The problem without what stays home; its time is in the steps.
  SpacesProblem problem;
  SpacesPlan plan;
  std::vector<bool> staysHome; ///< by tensor
  uint64_t homeBytes = 0;      ///< that steps read and write there
  /// Of the timeline, or of all bytes through the engines if that is longer:
  /// kernels that use home share its bandwidth with the copies.
  Ticks time = 0;
  /// Of a schedule that has everything at home.
  Ticks timeAtHome = 0;
};

/// Plans with several rules for what stays home (what is in nobody's way, what
/// is large, weights and results that are used once, everything) and takes the
/// fastest plan, the first of equals: never slower than without a near space. A
/// step whose tensors do not fit together leaves its largest ones home.
///
/// A step takes the longer of its computing and of moving the bytes that it
/// touches at home, where `home` says how fast that is.
/// \param mustStay tensors that others see, by number; may be empty.
HomePlan planBesideHome(const SpacesProblem &problem, const Channel &home,
                        const std::vector<bool> &mustStay,
                        const SpacesOptions &options = {});

} // namespace narae::memory

#endif // NARAE_MEMORY_SPACES_HOME_H
