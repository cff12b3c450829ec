//===- CyclesTest.cpp - Closed forms against other simulators -------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Times of single instructions: arrays against SCALE-Sim v3 and ONNXim,
// descriptors against the published figures of an engine, shares of DRAM
// against the cycle-level simulator of lib/memory/dram.
//
//===----------------------------------------------------------------------===//

#include "backends/npu/timing/Cycles.h"
#include "lib/memory/dram/Simulator.h"
#include "test/unit/npu/Timed.h"

#include <memory>
#include <random>

using namespace narae::npu;
using namespace narae::npu::test;
namespace dram = narae::dram;

static TensorUnit array(int64_t rows, int64_t columns) {
  TensorUnit unit = builtIn("npu:rebel-quad").tensor;
  unit.rows = rows;
  unit.columns = columns;
  return unit;
}

// Check 1: figures of SCALE-Sim v3.
TEST(Cycles, ScaleSim) {
  TensorUnit unit = array(32, 32);
  EXPECT_EQ(arrayCycles(unit, Dataflow::Output, 256, 256, 256, 1), 20351);
  RecordProperty("output_stationary",
                 int(arrayCycles(unit, Dataflow::Output, 256, 256, 256, 1)));
  RecordProperty("weight_stationary",
                 int(arrayCycles(unit, Dataflow::Weight, 256, 256, 256, 1)));
  EXPECT_EQ(arrayCycles(unit, Dataflow::Weight, 256, 256, 256, 1), 22399);
  EXPECT_EQ(arrayCycles(unit, Dataflow::Input, 256, 256, 256, 1), 22399);
  EXPECT_EQ(arrayCycles(unit, Dataflow::Output, 0, 256, 256, 1), 0);
}

/// Counts cycle by cycle: cells of a fold begin one after the other along
/// rows and columns; a stationary operand is filled in row by row before.
static double wavefront(const TensorUnit &unit, Dataflow dataflow, int64_t m,
                        int64_t n, int64_t k) {
  int64_t sr = dataflow == Dataflow::Output ? m : k;
  int64_t sc = dataflow == Dataflow::Input ? m : n;
  int64_t t = dataflow == Dataflow::Output   ? k
              : dataflow == Dataflow::Weight ? m
                                             : n;
  int64_t cycle = 0;
  for (int64_t i = 0; i < sr; i += unit.rows)
    for (int64_t j = 0; j < sc; j += unit.columns) {
      if (dataflow != Dataflow::Output)
        for (int64_t row = 0; row < unit.rows; ++row)
          ++cycle;
      int64_t last = 0;
      for (int64_t row = 0; row < unit.rows; ++row)
        for (int64_t column = 0; column < unit.columns; ++column)
          for (int64_t step = 0; step < t; ++step)
            last = std::max(last, row + column + step);
      cycle += last + 1;
    }
  return double(cycle - 1); // SCALE-Sim counts from cycle 0
}

TEST(Cycles, WavefrontsOfAnyShape) {
  std::mt19937 random(5);
  for (int i = 0; i < 60; ++i) {
    auto upTo = [&](int64_t high) { return int64_t(random() % high) + 1; };
    TensorUnit unit = array(upTo(9), upTo(9));
    int64_t m = upTo(30), n = upTo(30), k = upTo(30);
    for (Dataflow dataflow :
         {Dataflow::Output, Dataflow::Weight, Dataflow::Input})
      EXPECT_EQ(arrayCycles(unit, dataflow, m, n, k, 1),
                wavefront(unit, dataflow, m, n, k))
          << m << " " << n << " " << k;
  }
}

/// A product of f16 or another type on core 0.
static std::string productProgram(const std::string &type,
                                  const std::string &dataflow, int64_t size) {
  std::vector<int64_t> square{size, size};
  return ".code a\n" +
         denseView("v0", type + ", scratchpad, 2, -1, 0", square) +
         denseView("v1", type + ", scratchpad, 2, -1, 262144", square) +
         denseView("v2", "f32, accumulator, 2, -1, 0", square) +
         "t.matmul v2, v0, v1, -, -, plain, no, 0, " + dataflow +
         "\n.stream tensor 0 0 a\n";
}

TEST(Cycles, ProductsInPrograms) {
  Machine machine = builtIn("npu:rebel-quad");
  machine.tensor.rows = machine.tensor.columns = 32;
  const double views = 9, start = double(machine.tensor.start);
  EXPECT_EQ(timed(machine, productProgram("f16", "output", 256)).cycles,
            views + start + 20351);
  TimingReport weight = timed(machine, productProgram("f16", "weight", 256));
  EXPECT_EQ(weight.cycles, views + start + 22399);
  EXPECT_EQ(weight.engines[0].busy, start + 22399);
  EXPECT_EQ(weight.macs, 256.0 * 256 * 256);
  EXPECT_EQ(weight.computeBound, 256.0 * 256 * 256 / 1024);
  // fp8 at two multiply-accumulates a cell and cycle: k is halved.
  EXPECT_EQ(timed(machine, productProgram("e4m3", "output", 256)).cycles,
            views + start + 64 * (64 + 128 - 2) - 1);
  // Tiles without drains: 64 folds of 256 rows.
  EXPECT_EQ(
      timed(machine, productProgram("f16", "weight", 256), {}, true).cycles,
      views + start + 63 * 256 + (32 + 32 - 2 + 256));
}

// Check 2: tiles of ONNXim's weight-stationary array.
TEST(Cycles, OnnximTiles) {
  TensorUnit unit = array(128, 64);
  EXPECT_EQ(tileLatency(unit, 128), 128 + 64 - 2 + 128);
  RecordProperty("latency", int(tileLatency(unit, 128)));
  RecordProperty("interval", int(tileInterval(unit, 100, true)));
  EXPECT_EQ(tileLatency(unit, 1), 128 + 64 - 2 + 4);
  EXPECT_EQ(tileInterval(unit, 1, false), 4);
  EXPECT_EQ(tileInterval(unit, 100, false), 100);
  EXPECT_EQ(tileInterval(unit, 100, true), 128);
  EXPECT_EQ(tileInterval(unit, 300, true), 300);
  EXPECT_EQ(tileCycles(unit, {}), 0);
  // Issued at 0, 128 (weights), 132 (the same), 332 (200 rows before).
  EXPECT_EQ(tileCycles(unit, {{1, true}, {1, true}, {200, false}, {8, true}}),
            332 + 190 + 8);
}

/// One descriptor of DRAM to shared memory, of so many bytes.
static std::string copyProgram(int64_t bytes) {
  return ".code a\n" + denseView("v0", "i8, dram, 1, -1, 0", {bytes}) +
         denseView("v1", "i8, shared, 1, -1, 0", {bytes}) +
         "d.copy v1, v0\n.stream dma 0 0 a\n";
}

// Check 5: the published parameters of RNGD's engine.
TEST(Cycles, DescriptorOfRngd) {
  Machine machine = builtIn("npu:rebel-quad");
  machine.dma.coreBytes = 256;
  machine.dma.start = 500;
  TimingReport report = timed(machine, copyProgram(16 << 20));
  const double views = 4;
  EXPECT_DOUBLE_EQ(report.cycles, views + 66036);
  RecordProperty("cycles", int(report.cycles - views));
  EXPECT_DOUBLE_EQ(report.engines[0].busy, 65536);
  // An engine faster than DRAM: its rows and refresh count.
  machine.dma.coreBytes = 4096;
  double rate =
      machine.dram.bandwidth / machine.clock * dram::streamShare(dram::hbm3e());
  EXPECT_NEAR(timed(machine, copyProgram(16 << 20)).cycles,
              views + 500 + (16 << 20) / rate, 1);
}

TEST(Cycles, VectorInstructions) {
  Machine machine = builtIn("npu:rebel-quad");
  auto cycles = [&](const std::string &instruction) {
    std::string text =
        ".code a\n" + denseView("v0", "f32, scratchpad, 2, -1, 0", {10, 100}) +
        denseView("v1", "f32, scratchpad, 2, -1, 65536", {10, 100}) +
        denseView("v2", "f32, scratchpad, 2, -1, 131072", {10, 1}) +
        denseView("v3", "f32, scratchpad, 2, -1, 196608", {10, 3}) +
        denseView("v4", "i32, scratchpad, 2, -1, 262144", {10, 3}) +
        denseView("v5", "i32, scratchpad, 2, -1, 327680", {10, 100}) +
        instruction + "\n.stream vector 0 0 a\n";
    return timed(machine, text).cycles - 18 - double(machine.vector.start);
  };
  EXPECT_EQ(cycles("v.add v1, v0, v0, 0"), 16); // ceil(1000 / 64)
  EXPECT_EQ(cycles("v.exp v1, v0"), 16 * 4);
  EXPECT_EQ(cycles("v.sum v2, v0"), 16 + 4);
  EXPECT_EQ(cycles("v.scan v1, v0"), 10 * (100 + 6));
  EXPECT_EQ(cycles("v.topk v3, v4, v0"), 10 * 3 * 2);
  EXPECT_EQ(cycles("v.pick v1, v0, v5"), 1000);
}

static double measured(const dram::Config &config, const dram::Pattern &pattern,
                       int64_t count) {
  dram::Load load;
  load.count = count;
  load.queue = config.name == "HBM2" ? 64 : 0;
  load.window = 4096; // as many as many engines have under way
  return dram::simulate(config, pattern, load).bandwidth;
}

// Closed forms of patterns against cycles; checks 3 and 4 hold the cycles.
TEST(Cycles, DramStrides) {
  for (int64_t kib : {1, 2, 4, 8, 16, 64, 256}) {
    auto stride = [=](uint64_t n) {
      return dram::Access{n * uint64_t(kib) * 1024, false};
    };
    double reference = measured(dram::hbm2(), stride, 4000);
    EXPECT_NEAR(patternBandwidth(dram::hbm2(), {64, kib * 1024}), reference,
                0.1 * reference)
        << kib;
  }
}

TEST(Cycles, DramStreamsAndRandomRows) {
  for (const dram::Config &config : {dram::hbm2(), dram::hbm3()}) {
    uint64_t request = uint64_t(config.requestBytes);
    EXPECT_DOUBLE_EQ(patternBandwidth(config, {1 << 20, 1 << 20}),
                     dram::streamBandwidth(config, config.pageBytes));
    for (uint64_t run : {request, 2 * request, 8 * request}) {
      auto random = std::make_shared<std::mt19937_64>(9);
      auto base = std::make_shared<uint64_t>(0);
      auto blocks = [=](uint64_t n) {
        uint64_t inRun = n % (run / request);
        if (inRun == 0)
          *base = (*random)() % ((uint64_t(1) << 33) / run) * run;
        return dram::Access{*base + inRun * request, false};
      };
      double reference = measured(config, blocks, 20000);
      EXPECT_NEAR(patternBandwidth(config, {int64_t(run), 0}), reference,
                  0.15 * reference)
          << config.name << " " << run;
    }
    // A byte of each burst: the rest is thrown away.
    EXPECT_LT(patternBandwidth(config, {1, int64_t(request)}),
              dram::streamBandwidth(config, config.pageBytes) /
                  double(request) * 1.01);
  }
}

/// Streams at unrelated addresses, 16 bursts of each in turns; the first
/// `writers` of them write. GB/s.
static double measuredMix(const dram::Config &config, uint64_t streams,
                          uint64_t writers) {
  auto random = std::mt19937_64(5);
  uint64_t request = uint64_t(config.requestBytes);
  std::vector<uint64_t> next;
  for (uint64_t i = 0; i < streams; ++i)
    next.push_back(random() % (uint64_t(1) << 31) / request * request);
  auto mix = [=](uint64_t n) mutable {
    uint64_t stream = n / 16 % streams, address = next[stream];
    next[stream] += request;
    return dram::Access{address, stream < writers};
  };
  return measured(config, mix, 40000);
}

// Several descriptors in one pool, against cycles: sixteen streams, and four
// that are half reads and half writes.
TEST(Cycles, DramMixes) {
  for (const dram::Config &config :
       {dram::hbm2(), dram::hbm3(), dram::hbm3e()}) {
    double stream = dram::streamBandwidth(config, config.pageBytes);
    for (uint64_t writers : {0, 2, 8}) {
      double share = mixShare(config, 16, double(writers) / 16);
      EXPECT_NEAR(share * stream, measuredMix(config, 16, writers),
                  0.15 * share * stream)
          << config.name << " " << writers;
    }
    double half = mixShare(config, 4, 0.5);
    EXPECT_NEAR(half * stream, measuredMix(config, 4, 2), 0.15 * half * stream)
        << config.name;
    EXPECT_EQ(mixShare(config, 1, 1), 1);
  }
  EXPECT_EQ(mixShare(std::nullopt, 16, 0.5), 1);
}
