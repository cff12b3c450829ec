//===- NearUse.h - Schedules over fast memory -------------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Internal to the library.
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_PLAN_NEARUSE_H
#define NARAE_LIB_PLAN_NEARUSE_H

#include "lib/memory/spaces/Home.h"
#include "lib/plan/Plan.h"

namespace narae::plan {

/// A schedule of one pool's work, over its fast memory.
class NearProblem {
public:
  enum class Kind { Weights, Cache, Activations };

  explicit NearProblem(const Hardware &hardware);

  /// A tensor; its number.
  uint32_t add(const std::string &name, double bytes, Kind kind);
  /// A step of so many operations of the pool.
  void step(const std::string &name, double operations, double rate,
            std::vector<uint32_t> reads, std::vector<uint32_t> writes);
  /// Weights or cache that a product reads, in tiles that leave room for the
  /// next ones: a step each.
  void tiles(const std::string &name, double bytes, Kind kind,
             double operations, double rate, uint32_t input, uint32_t output);

  NearUse plan(const std::string &step) const;

private:
  memory::SpacesProblem problem;
  memory::Channel home;
  std::vector<Kind> kinds;
};

} // namespace narae::plan

#endif // NARAE_LIB_PLAN_NEARUSE_H
