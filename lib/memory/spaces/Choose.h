//===- Choose.h - Who leaves, and what is tried --------------- -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_MEMORY_SPACES_CHOOSE_H
#define NARAE_MEMORY_SPACES_CHOOSE_H

#include "lib/memory/spaces/Build.h"

namespace narae::memory {

/// Makes room where steps have too much: while one does, the tensor leaves
/// whose absence costs least for the bytes and the time that it frees (Belady's
/// farthest next use, weighted by cost). False when nothing more can leave.
/// \param reserve bytes kept free for copies that run ahead.
bool makeRoom(const SpacesProblem &problem, uint64_t capacity, uint64_t reserve,
              Choices &choices);

/// The best stays found within the budget, which counts simulated plans; and
/// their time. Empty when there are none.
std::vector<Stay> searchStays(const SpacesProblem &problem, uint64_t capacity,
                              uint64_t budget, Timeline &timeline);

} // namespace narae::memory

#endif // NARAE_MEMORY_SPACES_CHOOSE_H
