//===- NpuFuzzer.cpp - Any bytes as an NPU program ------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/isa/Assembly.h"
#include "backends/targets/TargetFiles.h"

#include <cstdlib>
#include <cstring>

using namespace narae::npu;

static const Machine &machine() {
  static const Machine result = [] {
    std::string json, error;
    std::vector<std::string> problems;
    if (!narae::targets::read("npu:rebel-quad", json, error))
      abort();
    return readMachine(json, problems);
  }();
  return result;
}

/// Any bytes as a program file and as bare words: they are refused, or come
/// back the same through the writer, the text and the encoder.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Program program;
  if (auto read = readProgram(data, size); read.ok()) {
    if (writeProgram(*read) != std::vector<uint8_t>(data, data + size))
      abort();
    program = *read;
  } else {
    program.code.resize(size / wordBytes);
    for (size_t i = 0; i < program.code.size(); ++i)
      std::memcpy(program.code[i].data(), data + i * wordBytes, wordBytes);
    for (int32_t engine = 0; engine < engineCount; ++engine)
      program.streams.push_back(
          {{Engine(engine), 0, 0}, 0, uint32_t(program.code.size())});
  }
  for (const Word &word : program.code)
    if (auto decoded = decode(word.data());
        decoded.ok() && encode(*decoded) != word)
      abort();
  verify(program, machine());
  std::vector<std::string> problems;
  Program again = assemble(disassemble(program), problems);
  if (!problems.empty() || again.code != program.code ||
      !(again.streams == program.streams))
    abort();
  return 0;
}
