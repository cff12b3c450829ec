//===- Hash.cpp - Content hashes of sections and weights -----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/artifact/Hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

using namespace narae::artifact;

struct Hasher::State {
  XXH3_state_t xxh;
};

uint64_t narae::artifact::hashBytes(const void *data, size_t size) {
  return XXH3_64bits(data, size);
}

Hasher::Hasher() : state(std::make_unique<State>()) {
  XXH3_64bits_reset(&state->xxh);
}
Hasher::~Hasher() = default;

void Hasher::add(const void *data, size_t size) {
  if (size)
    XXH3_64bits_update(&state->xxh, data, size);
}

uint64_t Hasher::finish() const { return XXH3_64bits_digest(&state->xxh); }
