//===- ArtifactFuzzer.cpp - Feeds bytes to the artifact reader ------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// Two ways in: the bytes as a file, which rarely gets past the hashes, and
// the bytes as a program section, which reaches the verifier.
//
//===----------------------------------------------------------------------===//

#include "lib/artifact/ProgramVerifier.h"
#include "lib/artifact/Reader.h"

#include <cstdlib>
#include <cstring>

using namespace narae::artifact;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *page = static_cast<char *>(std::aligned_alloc(
      sectionAlignment, alignUp(size + 1, sectionAlignment)));
  if (!page)
    return 0;
  std::memcpy(page, data, size);
  ReadOptions options;
  options.skipExternalWeights = true;
  (void)Reader::fromMemory(page, size, options).ok();
  std::vector<Section> sections = {{SectionKind::Weights, 0, 4096, 64, 0},
                                   {SectionKind::Object, 0, 8192, 64, 0},
                                   {SectionKind::Program, 0, 12288, size, 0}};
  (void)verifyProgram(page, size, sections).ok();
  std::free(page);
  return 0;
}
