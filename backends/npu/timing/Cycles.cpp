//===- Cycles.cpp - Closed forms of instruction times ---------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/timing/Cycles.h"

#include "backends/npu/simulator/Execution.h"

#include <cmath>
#include <cstring>

using namespace narae::npu;

static double ceilDivide(double a, double b) { return std::ceil(a / b); }

namespace {
/// A product laid over the array: folds of `sr` by `sc`, `t` cycles each.
struct Folds {
  double count = 0, fill = 0, t = 0;
};
} // namespace

static Folds fold(const TensorUnit &unit, Dataflow dataflow, double m, double n,
                  double k) {
  double rows = double(unit.rows), columns = double(unit.columns);
  switch (dataflow) {
  case Dataflow::Output:
    return {ceilDivide(m, rows) * ceilDivide(n, columns), rows + columns, k};
  case Dataflow::Weight:
    return {ceilDivide(k, rows) * ceilDivide(n, columns), 2 * rows + columns,
            m};
  case Dataflow::Input:
    break;
  }
  return {ceilDivide(k, rows) * ceilDivide(m, columns), 2 * rows + columns, n};
}

double narae::npu::arrayCycles(const TensorUnit &unit, Dataflow dataflow,
                               int64_t m, int64_t n, int64_t k, double rate) {
  if (m == 0 || n == 0 || k == 0)
    return 0;
  Folds folds =
      fold(unit, dataflow, double(m), double(n), std::ceil(double(k) / rate));
  return folds.count * (folds.fill + folds.t - 2) - 1;
}

/// ONNXim's least interval of tiles.
static constexpr int64_t leastRows = 4;

double narae::npu::tileLatency(const TensorUnit &unit, int64_t rows) {
  return double(unit.rows + unit.columns - 2 + std::max(rows, leastRows));
}

double narae::npu::tileInterval(const TensorUnit &unit, int64_t previousRows,
                                bool preload) {
  int64_t interval = std::max(previousRows, leastRows);
  return double(preload ? std::max(interval, unit.rows) : interval);
}

double narae::npu::tileCycles(const TensorUnit &unit,
                              const std::vector<WeightTile> &tiles) {
  double start = 0, end = 0;
  for (size_t i = 0; i < tiles.size(); ++i) {
    if (i)
      start += tileInterval(unit, tiles[i - 1].rows, tiles[i].preload);
    end = std::max(end, start + tileLatency(unit, tiles[i].rows));
  }
  return end;
}

static InstructionTime product(const Machine &machine, Dataflow dataflow,
                               int64_t m, int64_t n, int64_t k, double rate,
                               bool pipelined) {
  const TensorUnit &unit = machine.tensor;
  InstructionTime time;
  time.macs = double(m) * double(n) * double(k);
  time.bound = time.macs / (double(unit.rows) * double(unit.columns) * rate);
  if (pipelined && dataflow == Dataflow::Weight && time.macs > 0) {
    // All folds are alike, so no list of them.
    double folds =
        fold(unit, dataflow, double(m), double(n), std::ceil(double(k) / rate))
            .count;
    time.cycles =
        (folds - 1) * tileInterval(unit, m, true) + tileLatency(unit, m);
  } else {
    time.cycles = arrayCycles(unit, dataflow, m, n, k, rate);
  }
  time.cycles += double(unit.start);
  return time;
}

static InstructionTime tensorTime(const Machine &machine,
                                  const Instruction &instruction,
                                  const ViewOf &view, bool pipelined) {
  const TensorUnit &unit = machine.tensor;
  if (instruction.opcode == Opcode::Matmul ||
      instruction.opcode == Opcode::Conv) {
    View a = *view(OperandName::A), b = *view(OperandName::B);
    auto dataflow = Dataflow(instruction[OperandName::Dataflow].number);
    if (instruction.opcode == Opcode::Conv) {
      View acc = *view(OperandName::Acc);
      return product(machine, dataflow, acc.sizes[0] * acc.sizes[1], b.sizes[3],
                     b.sizes[0] * b.sizes[1] * b.sizes[2],
                     macRate(unit, a.type, b.type), pipelined);
    }
    // Weights that are made a's type in front of the array.
    bool same = MatmulMode(instruction[OperandName::Mode].number) ==
                MatmulMode::Dequant;
    return product(machine, dataflow, a.sizes[0], b.sizes[1], a.sizes[1],
                   macRate(unit, a.type, same ? a.type : b.type), pipelined);
  }
  bool drain = instruction.opcode == Opcode::Drain;
  double count =
      double(view(drain ? OperandName::Dst : OperandName::Acc)->elements());
  double columns = double(unit.columns);
  return {double(unit.start) + ceilDivide(count, columns), 0, count / columns};
}

/// Sizes but the last, multiplied.
static double rowsOf(const View &view) {
  double rows = 1;
  for (int axis = 0; axis + 1 < view.rank; ++axis)
    rows *= double(view.sizes[axis]);
  return rows;
}

static InstructionTime vectorTime(const Machine &machine,
                                  const Instruction &instruction,
                                  const ViewOf &view) {
  double lanes = double(machine.vector.lanes),
         start = double(machine.vector.start);
  auto elements = [&](OperandName name) {
    return double(view(name)->elements());
  };
  auto byLanes = [&](double count, double each, double extra = 0) {
    return InstructionTime{start + ceilDivide(count, lanes) * each + extra, 0,
                           count / lanes * each};
  };
  switch (instruction.opcode) {
  case Opcode::VSum:
  case Opcode::VSumSq:
  case Opcode::VRowMax:
  case Opcode::VRowMin:
  case Opcode::VAbsMax:
  case Opcode::VArgMax:
  case Opcode::VArgMin:
    return byLanes(elements(OperandName::A), 1, 4);
  case Opcode::VScan: {
    View a = *view(OperandName::A);
    double cycles =
        rowsOf(a) * (double(a.sizes[a.rank - 1]) + std::log2(lanes));
    return {start + std::ceil(cycles), 0, double(a.elements()) / lanes};
  }
  case Opcode::VTopK: {
    View a = *view(OperandName::A), dst = *view(OperandName::Dst);
    double cycles = rowsOf(a) * double(dst.sizes[dst.rank - 1]) *
                    ceilDivide(double(a.sizes[a.rank - 1]), lanes);
    return {start + cycles, 0, double(dst.elements()) / lanes};
  }
  case Opcode::VPick: {
    double count = elements(OperandName::Dst);
    return {start + count, 0, count / lanes};
  }
  case Opcode::VRotary:
    return byLanes(elements(OperandName::Dst), 2);
  case Opcode::VScatter: // the rows that are written, not all of dst
    return byLanes(elements(OperandName::A), 1);
  default:
    break;
  }
  // The table is the definition of what is slow.
  bool special =
      std::strstr(instruction.info().cycles, "special_cycles") != nullptr;
  return byLanes(elements(OperandName::Dst),
                 special ? machine.vector.specialCycles : 1);
}

InstructionTime narae::npu::instructionTime(const Machine &machine,
                                            const Instruction &instruction,
                                            const ViewOf &view,
                                            bool pipelined) {
  return instruction.info().runsOn(Engine::Tensor)
             ? tensorTime(machine, instruction, view, pipelined)
             : vectorTime(machine, instruction, view);
}
