//===- EntryPlan.h - What is known of an entry before it runs --*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_RUNTIME_ENTRYPLAN_H
#define NARAE_RUNTIME_ENTRYPLAN_H

#include "lib/artifact/Artifact_generated.h"
#include "runtime/Artifact.h"

#include <cstdint>
#include <vector>

namespace narae::runtime {

/// A buffer with what follows from the tables alone.
struct BufferPlan {
  const artifact::Buffer *buffer;
  artifact::BufferKind kind;
  uint32_t rank;
  const uint32_t *dims; ///< registers, `rank` of them
  uint32_t root;        ///< the buffer at the end of the chain of aliases
  uint32_t slot;        ///< where the root's address is; see EntryPlan
  uint64_t elementSize;
  int64_t blockElements; ///< along the last dimension that elementSize holds
  /// Size, offset or dimensions are set after the prologue, or the memory is
  /// dynamic: place and size are found out at each use.
  bool late;
};

/// Dimensions of inputs that have one name and must be equal.
struct SharedDim {
  uint32_t input, dim;           ///< where it occurs
  uint32_t firstInput, firstDim; ///< where it occurs first
};

/// The addresses of a run are kept in slots: slot 0 is the arena, then come
/// inputs, outputs, weights and states.
struct EntryPlan {
  EntryPlan(const artifact::Program &program, const artifact::Entry &entry,
            const EntryInfo &info);

  uint32_t inputSlot(uint32_t input) const { return 1 + input; }
  uint32_t outputSlot(uint32_t output) const { return 1 + inputs + output; }
  uint32_t weightSlot(uint32_t weight) const {
    return 1 + inputs + outputs + weight;
  }
  uint32_t stateSlot(uint32_t state) const {
    return weightSlot(weights) + state;
  }

  const artifact::Program &program;
  const artifact::Entry &entry;
  const EntryInfo &info;
  uint32_t inputs, outputs, weights, slots;
  std::vector<BufferPlan> buffers;
  std::vector<SharedDim> sharedDims;
  uint32_t inputDims = 0; ///< dimensions of all inputs together
  size_t maxBuffers = 0;  ///< of a dispatch
  size_t maxParams = 0;
};

} // namespace narae::runtime

#endif // NARAE_RUNTIME_ENTRYPLAN_H
