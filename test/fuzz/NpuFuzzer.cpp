//===- NpuFuzzer.cpp - Any bytes as an NPU program ------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/isa/Assembly.h"
#include "backends/npu/timing/Timing.h"
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

/// What passes the verifier runs: to its end or a fault, whatever it holds. No
/// data is computed, for views of a few bytes may repeat these a billion times.
static void run(const Program &program) {
  SimulatorOptions options;
  options.data = options.track = false;
  options.instructionLimit = 5000;
  Simulator simulator(machine(), options);
  if (simulator.load(program).failed())
    return;
  std::vector<int64_t> parameters;
  for (const Parameter &parameter : program.parameters)
    parameters.push_back(parameter.low);
  if (simulator.launch(parameters).failed())
    return;
  simulator.run();
  if (simulator.launch(parameters).ok())
    timeProgram(simulator);
}

/// Any bytes as text: it is refused, or comes back the same through the
/// disassembler.
static void assembleText(const uint8_t *data, size_t size) {
  std::vector<std::string> problems;
  Program program = assemble(
      std::string(reinterpret_cast<const char *>(data), size), problems);
  if (!problems.empty())
    return;
  Program again = assemble(disassemble(program), problems);
  if (!problems.empty() || again.code != program.code)
    abort();
  run(program);
}

/// Any bytes as a program file, as bare words and as text: they are refused, or
/// come back the same through the writer, the text and the encoder.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  assembleText(data, size);
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
  run(program);
  std::vector<std::string> problems;
  Program again = assemble(disassemble(program), problems);
  if (!problems.empty() || again.code != program.code ||
      !(again.streams == program.streams))
    abort();
  return 0;
}
