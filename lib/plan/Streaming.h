//===- Streaming.h - Weights that come from the host ------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Internal to the library. Weights that device memory does not hold stay in the
// host's and come through two buffers: one is filled while the other is used.
// By layer, an equal share of each layer is streamed. By expert, all else is
// resident and only chosen experts come; which, is known when the layer's
// router has run, so that nothing hides the first. Times are those of
// lib/memory/spaces/Stream.h.
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_PLAN_STREAMING_H
#define NARAE_LIB_PLAN_STREAMING_H

#include "lib/plan/Plan.h"

namespace narae::plan {

/// What streaming costs a plan's layout: of the two ways the one with the
/// faster decode. Without a unit where the rest does not fit either.
Streaming planStreaming(const Inventory &inventory, const Hardware &hardware,
                        const Plan &plan);

/// Makes a plan that does not fit one whose weights are streamed.
void streamWeights(const Inventory &inventory, const Hardware &hardware,
                   Plan &plan);

} // namespace narae::plan

#endif // NARAE_LIB_PLAN_STREAMING_H
