//===- Stacks.h - What each pool of a device holds --------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Internal to the library.
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_PLAN_STACKS_H
#define NARAE_LIB_PLAN_STACKS_H

#include "lib/plan/Plan.h"

namespace narae::plan {

placement::Organisation organisationOf(const DeviceMemory &memory);

/// The pools of a device of `stage`, without the device's number. Where
/// software interleaves, buffers are placed by stack; `padded` are then the
/// matrices whose rows were moved apart.
std::vector<Space> fillSpaces(const Inventory &inventory,
                              const Hardware &hardware, const Options &options,
                              const std::vector<Stage> &stages, size_t stage,
                              const Arena &arena,
                              std::vector<placement::Padded> &padded);

/// The pools of a device that has these items and an arena in each pool.
std::vector<Space> placeItems(std::vector<placement::Item> items,
                              const Hardware &hardware, const Arena &arena,
                              std::vector<placement::Padded> &padded);

/// The five largest buffers into the plan.
void keepLargest(std::vector<LargeBuffer> all, Plan &plan);

/// The hardware with the bandwidth that is left when this share of the bytes
/// lies in banks that other streams use too.
Hardware withCollisions(Hardware hardware, double shared);

} // namespace narae::plan

#endif // NARAE_LIB_PLAN_STACKS_H
