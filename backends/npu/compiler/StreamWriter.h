//===- StreamWriter.h - Words of one stream -------------------- -*- C++
//-*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Writes a stream: keeps track of what registers and view registers hold, so
// that numbers and views that are there are not set again.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NPU_COMPILER_STREAMWRITER_H
#define NARAE_BACKENDS_NPU_COMPILER_STREAMWRITER_H

#include "backends/npu/compiler/Schedule.h"

namespace narae::npu {

/// Where the elements of an operand lie, before registers hold it.
struct Window {
  Space space = Space::Scratchpad;
  ElementType type = ElementType::F32;
  std::optional<BufferId> buffer; ///< of the core, else
  Scalar unit = 0;                ///< the pool
  Scalar base = 0;                ///< bytes, from the buffer's address
  struct Dim {
    Scalar size, stride;
    bool operator<(const Dim &o) const {
      return std::tie(size, stride) < std::tie(o.size, o.stride);
    }
  };
  llvm::SmallVector<Dim, 5> dims; ///< at most 5

  bool operator<(const Window &o) const;
};

class StreamWriter {
public:
  StreamWriter(Schedule &schedule, Scalars &scalars, LaunchNumbers &numbers)
      : schedule(schedule), scalars(scalars), numbers(numbers) {}

  std::vector<Instruction> code;
  Schedule &schedule;
  Scalars &scalars;
  LaunchNumbers &numbers;

  struct Argument {
    OperandName name;
    int64_t number;
    uint8_t reg = 0;
  };
  void emit(Opcode opcode, llvm::ArrayRef<Argument> arguments);

  /// A register that holds the number; x0 for 0.
  uint8_t reg(Scalar scalar);
  /// As register plus number, for an operand whose number has so many bits.
  Argument value(OperandName name, Scalar scalar, unsigned bits = 64);
  /// A view register that holds the place.
  uint8_t view(const Window &place);
  Argument operand(OperandName name, const Window &place) {
    return {name, view(place)};
  }
  /// The code of an f32 among scalars: its bits.
  static Argument number(OperandName name, float value);

  /// What follows is repeated; `index` (null: none) becomes a register that
  /// stays until `end`.
  void beginLoop(uint8_t index, Argument rounds);
  void beginIf(Condition condition, uint8_t reg, int64_t number);
  void end();

  /// A register that stays as it is, held for the rest of the stream.
  uint8_t pin(unsigned loop, LoopValue what);
  void unpin(unsigned loop, LoopValue what);
  uint8_t pinned(unsigned loop, LoopValue what) const;
  /// After all cached registers have become stale.
  void forget();

private:
  uint8_t fresh();
  Schedule &plan() { return schedule; }
  struct Held {
    std::optional<Scalar> scalar;
    uint64_t used = 0;
    unsigned locks = 0;
  };
  std::array<Held, registerCount> registers{};
  std::map<Scalar, uint8_t> where;
  struct HeldView {
    std::optional<Window> place;
    uint64_t used = 0;
  };
  std::array<HeldView, viewCount> views{};
  std::map<Window, uint8_t> viewWhere;
  std::map<std::pair<unsigned, LoopValue>, uint8_t> pins;
  uint64_t clock = 0;
  std::vector<size_t> opened;
};

} // namespace narae::npu

#endif // NARAE_BACKENDS_NPU_COMPILER_STREAMWRITER_H
