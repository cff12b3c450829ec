//===- Program.h - Streams, constants, parameters ------------- -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A program: code that streams share, streams that say which engine runs which
// words, constants that are in memory before it starts, and the parameters
// that a launch binds.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NPU_ISA_PROGRAM_H
#define NARAE_BACKENDS_NPU_ISA_PROGRAM_H

#include "backends/npu/isa/Instruction.h"
#include "backends/npu/machine/Machine.h"

#include <tuple>

namespace narae::npu {

constexpr uint16_t programMajor = 1;
constexpr uint16_t programMinor = 0;

/// Which engine of the device.
struct EngineId {
  Engine engine = Engine::Tensor;
  int32_t unit = 0;  ///< the core, the chiplet, or 0 for engines of the host
  int32_t queue = 0; ///< among the unit's engines of the kind

  bool operator==(const EngineId &o) const {
    return engine == o.engine && unit == o.unit && queue == o.queue;
  }
  bool operator<(const EngineId &o) const {
    return std::tie(engine, unit, queue) < std::tie(o.engine, o.unit, o.queue);
  }
};
/// "core 3 tensor", "core 3 dma 1", "chiplet 0 dma 2", "host dma 0".
std::string describe(const EngineId &engine);
/// What the machine lacks for it; "" when the engine is there.
std::string checkEngine(const EngineId &engine, const Machine &machine);

/// A stream: `words` words of the code from `first` on, for one engine. Several
/// streams may share words.
struct Stream {
  EngineId engine;
  uint32_t first = 0, words = 0;

  bool operator==(const Stream &o) const {
    return engine == o.engine && first == o.first && words == o.words;
  }
};

/// Bytes that are in a memory before the program starts.
struct Constant {
  Space space = Space::Dram;
  int32_t unit = 0;
  uint64_t address = 0;
  std::vector<uint8_t> bytes;
};

/// A number that a launch binds, such as a length or an address.
struct Parameter {
  std::string name;
  int64_t low = INT64_MIN, high = INT64_MAX;
};

struct Program {
  /// Machine::hash() of the machine it is made for; 0: of any that has what it
  /// uses.
  uint64_t machineHash = 0;
  std::vector<Word> code;
  std::vector<Stream> streams;
  std::vector<Constant> constants;
  std::vector<Parameter> parameters;
};

/// The bytes of a program file: the same program gives the same bytes.
std::vector<uint8_t> writeProgram(const Program &program);
/// Reads untrusted bytes: sizes, offsets, hash and reserved bytes are checked,
/// words are not (see verify).
Expected<Program> readProgram(const uint8_t *data, size_t size);

/// Everything that can be known before a launch: words decode, run on the
/// stream's engine, loops and ifs nest and end inside the stream, parameters,
/// engines, semaphores, constants and types exist on the machine. One sentence
/// a problem, with stream and word; at most 100. Empty: the program may run.
std::vector<std::string> verify(const Program &program, const Machine &machine);

} // namespace narae::npu

#endif // NARAE_BACKENDS_NPU_ISA_PROGRAM_H
