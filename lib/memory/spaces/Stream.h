//===- Stream.h - Weights that pass through ------------------- -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A model whose weights are larger than the memory that computes: some layers
// stay, the others pass through buffers, one being copied while another is
// used. Closed forms of what that costs a token, and the same as a problem for
// the event model, which agree.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_MEMORY_SPACES_STREAM_H
#define NARAE_MEMORY_SPACES_STREAM_H

#include "lib/memory/spaces/Spaces.h"

namespace narae::memory {

/// Layers that look alike, streamed whole.
struct LayerStream {
  uint32_t layers = 0;    ///< of the model
  uint32_t residents = 0; ///< the last of them; they never leave
  uint64_t bytes = 0;     ///< weights of a layer
  Ticks compute = 0;      ///< of a layer
  Channel link;           ///< from where the weights are
};

/// Experts: which are needed is known when the layer's router has run.
struct ExpertStream {
  uint32_t layers = 0;
  uint32_t experts = 1; ///< that a step's tokens choose in a layer
  uint64_t bytes = 0;   ///< of an expert's weights
  Ticks dense = 0;      ///< attention and router of a layer, near weights
  Ticks compute = 0;    ///< of an expert
  Channel link;
};

/// Time of a token from cold: L + (n - 1) max(L, C) + C + residents C, with n
/// streamed layers, L the copy of one and C its computing. Two buffers.
Ticks streamTime(const LayerStream &stream);
/// Time of each further token of many, where the copies for the next token
/// begin while the resident layers of this one compute:
/// max(n L, (n - 2) L + (residents + 2) C, (n + residents) C), the middle one
/// only with two streamed layers or more.
Ticks streamTimePerToken(const LayerStream &stream);
/// layers (dense + L + (k - 1) max(L, C) + C): the first expert's copy waits
/// for the router, so nothing hides it.
Ticks streamTime(const ExpertStream &stream);

/// A step of a schedule whose weights pass through, or none of them.
struct StreamStep {
  uint64_t bytes = 0; ///< that come for it, into one of two buffers
  Ticks compute = 0;
  bool isKnownLate = false; ///< the copy waits for the step before: a router's
};

/// Time of `tokens` tokens, one after the other, from cold. Copies follow each
/// other, and each waits for the step whose buffer it takes, the last but one
/// that had one.
Ticks streamTime(const std::vector<StreamStep> &steps, const Channel &link,
                 uint32_t tokens);
/// Time of each further token of many: the mean over 32, when 16 have passed.
/// It is exact where steps look alike.
Ticks streamTimePerToken(const std::vector<StreamStep> &steps,
                         const Channel &link);

/// Bytes of memory that streaming needs beside what stays: two buffers.
inline uint64_t streamBuffers(const LayerStream &stream) {
  return 2 * stream.bytes;
}

/// Layers that fit beside two buffers; all of them where all fit.
uint32_t residentLayers(uint32_t layers, uint64_t bytes, uint64_t capacity);

/// Experts of `count` that `tokens` tokens choose, each `active` of them, when
/// choices are independent: count (1 - (1 - active/count)^tokens).
double expertsChosen(double count, double active, double tokens);

/// The same as problems: `tokens` tokens, one after the other.
SpacesProblem streamProblem(const LayerStream &stream, uint32_t tokens);
SpacesProblem streamProblem(const ExpertStream &stream);
SpacesProblem streamProblem(const std::vector<StreamStep> &steps,
                            const Channel &link, uint32_t tokens);

} // namespace narae::memory

#endif // NARAE_MEMORY_SPACES_STREAM_H
