//===- PictureParts.h - What all pictures of plans show ---------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Internal to the library: pieces of the page's data (html/README.md).
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_PLAN_PICTUREPARTS_H
#define NARAE_LIB_PLAN_PICTUREPARTS_H

#include "lib/plan/Plan.h"

#include <nlohmann/json.hpp>

namespace narae::plan {

/// {by, ms: [bound, estimate, compute, memory, link]}
nlohmann::ordered_json timesJson(const StepTime &step);

/// [weights, cache, activations, peak, lower bound, offsets]; the offsets are
/// of weights, cache and activations.
nlohmann::ordered_json heldJson(const Space &space, const Hardware &hardware);

/// [[name, first step, step after the last, offset, bytes], ...]
nlohmann::ordered_json buffersJson(const std::vector<memory::Buffer> &buffers);

/// Peak, capacity and reserve of the tightest space.
nlohmann::ordered_json tightestJson(const Plan &plan);

/// What the page says of a plan beside its figures: names, request, the
/// largest buffers, advice, notes, sources.
nlohmann::ordered_json planJson(const Plan &plan, const Hardware &hardware);

/// Runs of neighbouring spaces of a stage that hold as much of everything:
/// first and one past the last.
std::vector<std::pair<size_t, size_t>> equalSpaces(const Plan &plan);

/// The page of a plan.
std::string planPage(const Plan &plan, const nlohmann::ordered_json &data);

} // namespace narae::plan

#endif // NARAE_LIB_PLAN_PICTUREPARTS_H
