//===- Layout.h - Which device holds what -----------------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_PLAN_LAYOUT_H
#define NARAE_LIB_PLAN_LAYOUT_H

#include "lib/plan/Hardware.h"
#include "lib/plan/Inventory.h"

namespace narae::plan {

/// Devices are tensor x pipeline; experts are divided among `expert` groups
/// of a tensor-parallel group.
struct Parallel {
  int64_t tensor = 1, expert = 1, pipeline = 1;
  int64_t devices() const { return tensor * pipeline; }
};

/// Reads "tp=8,ep=8,pp=2"; what is not named is 1. False with a message.
bool parseParallel(const std::string &text, Parallel &result,
                   std::string &error);
/// "tp=8, ep=8, pp=2"
std::string toString(const Parallel &parallel);

/// The divisions that a model allows: "tp of 1, 2, 4 and pp up to 32".
std::string possibleWays(const Inventory &inventory);

/// Why a model cannot be divided so, and which values work; empty when it can.
std::string checkParallel(const Inventory &inventory, const Parallel &parallel);

/// The layers [first, last) of one pipeline stage.
struct Stage {
  int64_t first = 0, last = 0;
};

/// Contiguous stages whose largest has the fewest bytes.
std::vector<Stage> divideLayers(const Inventory &inventory,
                                const std::string &precision, int64_t stages);

/// Whether a stage holds a matrix: its layers; the embedding is on the first
/// stage, the head and the last norm on the last.
bool holds(const Inventory &inventory, const std::vector<Stage> &stages,
           size_t stage, size_t matrix);

/// The share of a matrix that the tightest pool of a device holds.
double poolShare(const Inventory &inventory, const Matrix &matrix,
                 const Parallel &parallel, int64_t pools);
/// The share of a layer's cache that the tightest pool of a device holds.
double poolShare(const LayerCache &cache, const Parallel &parallel,
                 int64_t pools);

} // namespace narae::plan

#endif // NARAE_LIB_PLAN_LAYOUT_H
