//===- TimingTest.cpp - Programs whose time has a closed form -------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "test/unit/npu/Bench.h"
#include "test/unit/npu/Timed.h"

#include "lib/memory/dram/Config.h"

#include <nlohmann/json.hpp>

using namespace narae::npu;
using namespace narae::npu::test;
namespace dram = narae::dram;

/// acc[64, 64] := x[64, 256 tiles] * w[256 tiles, 64] in f16 on core 0, k in
/// tiles of 256 with a number of buffers. dram 0: x at 0, w at 16 MiB.
static std::string tiledProduct() {
  return R"(
.parameter buffers 1 8
.parameter tiles 1 1000
.code load
  param x1, 0
  param x2, 1
  mul x3, x2, 256
)" + denseView("v2", "f16, scratchpad, 2, -1, 0", {64, 256}) +
         denseView("v3", "f16, scratchpad, 2, -1, 0", {256, 64}) +
         denseView("v1", "f16, dram, 2, -1, 16777216", {256, 64}) + R"(
  view v0, f16, dram, 2, -1, 0
  dim v0, 0, 64, x3
  dim v0, 1, 256, 1
  loop x4, x2
    wait core, -1, 0, 1
    rem x5, x4, x1
    mul x6, x5, 65536
    rebase v2, x6
    rebase v3, x6+32768
    d.copy v2, v0
    d.copy v3, v1
    signal core, -1, 1, 1
    advance v0, 512
    advance v1, 32768
  end
.code compute
  param x1, 0
  param x2, 1
)" + denseView("v2", "f16, scratchpad, 2, -1, 0", {64, 256}) +
         denseView("v3", "f16, scratchpad, 2, -1, 0", {256, 64}) +
         denseView("v4", "f32, accumulator, 2, -1, 0", {64, 64}) +
         denseView("v5", "f32, scratchpad, 2, -1, 1048576", {64, 64}) + R"(
  t.load v4, v5
  signal core, -1, 0, x1
  loop x4, x2
    wait core, -1, 1, 1
    rem x5, x4, x1
    mul x6, x5, 65536
    rebase v2, x6
    rebase v3, x6+32768
    t.matmul v4, v2, v3, -, -, plain, yes, 0, output
    signal core, -1, 0, 1
  end
  t.drain v5, v4, -, -, -, none, none, -
.stream dma 0 0 load
.stream tensor 0 0 compute
)";
}

namespace {
/// Cycles of a tile's parts on a machine.
struct Tile {
  double move, compute, round;
  explicit Tile(const Machine &machine)
      : move(65536 / machine.dma.coreBytes),
        compute(double(machine.tensor.start) + 64 + 64 + 256 - 2 - 1) {
    // A buffer: free, known to be, loaded, known to be, used.
    double sync = double(machine.sync.cycles);
    round = sync + double(machine.dma.start) + move + sync + compute;
  }
};
} // namespace

// Check 6, and the ablation of double buffering: one buffer takes the sum of
// all parts, more of them the longest, or the round of a buffer divided by
// their number.
TEST(Timing, BuffersOfAProduct) {
  Machine machine = builtIn("npu:rebel-quad");
  Tile tile(machine);
  const int64_t tiles = 200;
  std::map<int64_t, double> cycles;
  for (int64_t buffers : {1, 2, 3, 4, 6}) {
    TimingReport report = timed(machine, tiledProduct(), {buffers, tiles});
    cycles[buffers] = report.cycles;
    double expected =
        std::max({tile.move, tile.compute, tile.round / double(buffers)});
    // Scalars beside it: 9 words a round in one stream, 8 in the other.
    EXPECT_NEAR(report.cycles / tiles, expected, 0.05 * expected) << buffers;
    EXPECT_EQ(report.macs, 64.0 * 64 * 256 * tiles);
    EXPECT_EQ(report.dramBytes, 65536.0 * tiles);
    // The bound of check 6, from the machine alone.
    double peak = 64.0 * 64, slowest = machine.dma.coreBytes;
    double bound = std::max(report.macs / peak, report.dramBytes / slowest);
    EXPECT_GE(report.cycles, bound);
    RecordProperty("over_bound_" + std::to_string(buffers),
                   std::to_string(report.cycles / bound));
  }
  EXPECT_NEAR(cycles[1] / cycles[4], tile.round / tile.move,
              0.1 * tile.round / tile.move);
  EXPECT_GT(cycles[1], cycles[2] * 1.8);
}

// With one buffer nothing overlaps: the sum of all that is done, exactly.
TEST(Timing, SingleBufferIsTheSum) {
  Machine machine = builtIn("npu:rebel-quad");
  Tile tile(machine);
  double few = timed(machine, tiledProduct(), {1, 3}).cycles;
  double many = timed(machine, tiledProduct(), {1, 13}).cycles;
  // Words between the wait and the first descriptor, and between the wait
  // and the product: rem, mul, rebase, rebase, of both streams.
  EXPECT_NEAR((many - few) / 10, tile.round + 4 + 4, 1e-6);
  RecordProperty("cycles", std::to_string((many - few) / 10));
  RecordProperty("sum", std::to_string(tile.round + 4 + 4));
}

/// Weights of layers go from DRAM to shared memory by a chiplet's engine and
/// from there to the core that uses them, in f16 [4096, 64] a layer.
static std::string layers() {
  return R"(
.parameter ahead 1 4
.parameter layers 1 100
.code fetch
  param x1, 0
  param x2, 1
)" + denseView("v0", "f16, dram, 1, -1, 0", {262144}) +
         denseView("v1", "f16, shared, 1, -1, 0", {262144}) + R"(
  loop x4, x2
    wait chiplet, -1, 0, 1
    rem x5, x4, x1
    mul x6, x5, 524288
    rebase v1, x6
    d.copy v1, v0
    signal chiplet, -1, 1, 1
    advance v0, 524288
  end
.code load
  param x1, 0
  param x2, 1
  signal chiplet, -1, 0, x1
)" + denseView("v1", "f16, shared, 1, -1, 0", {262144}) +
         denseView("v2", "f16, scratchpad, 1, -1, 0", {262144}) + R"(
  loop x4, x2
    wait chiplet, -1, 1, 1
    rem x5, x4, x1
    mul x6, x5, 524288
    rebase v1, x6
    d.copy v2, v1
    fence
    signal chiplet, -1, 0, 1
  end
.stream chiplet-dma 0 0 fetch
.stream dma 0 0 load
)";
}

// The ablation of prefetching the next layer.
TEST(Timing, PrefetchOfTheNextLayer) {
  Machine machine = builtIn("npu:rebel-quad");
  double fetch = 524288 / machine.dma.chipletBytes;
  double use = 524288 / machine.dma.coreBytes;
  double each = double(machine.dma.start + machine.sync.cycles);
  const int64_t count = 50;
  double with = timed(machine, layers(), {2, count}).cycles;
  double without = timed(machine, layers(), {1, count}).cycles;
  double expectedWith = std::max(fetch, use) + each;
  double expectedWithout = fetch + use + 2 * each;
  EXPECT_NEAR(without / count, expectedWithout, 0.01 * expectedWithout);
  EXPECT_NEAR(with / count, expectedWith, 0.1 * expectedWith);
  EXPECT_NEAR(without / with, expectedWithout / expectedWith,
              0.1 * expectedWithout / expectedWith);
}

/// Eight cores of each chiplet read 2 MiB each, of the pool of that view.
// One stack for all cores: an isolated product that the pools feed. Each tile
// is read from them as it comes, whoever else reads it.
TEST(Timing, OneStackForAProduct) {
  Machine machine = builtIn("npu:rebel-quad");
  std::string four = tiledProduct(), one;
  for (int core = 1; core < 64; ++core)
    four += ".stream dma " + std::to_string(core) + " 0 load\n.stream tensor " +
            std::to_string(core) + " 0 compute\n";
  one = four;
  for (size_t at; (at = one.find("dram, 2, -1")) != std::string::npos;)
    one.replace(at, 11, "dram, 2, 0");
  const int64_t tiles = 60;
  auto config = dram::hbm3e();
  double peak = machine.dram.bandwidth / machine.clock;
  // Rows of 512 bytes of a matrix whose rows have tiles * 512, then a tile.
  auto tileCycles = [&](double readers, const DramPattern &rows) {
    double bytes = readers * 32768;
    return (bytes / patternShare(config, rows) +
            bytes / dram::streamShare(config)) /
           (peak * mixShare(config, size_t(readers), 0));
  };
  DramPattern rows{512, tiles * 512};
  double spread = timed(machine, four, {4, tiles}).cycles / tiles;
  double single = timed(machine, one, {4, tiles}).cycles / tiles;
  EXPECT_NEAR(spread, tileCycles(16, rows), 0.1 * spread);
  EXPECT_NEAR(single, tileCycles(64, rows), 0.1 * single);
  EXPECT_NEAR(single / spread, 4, 0.4);
}

static std::string weightsFrom(const std::string &pool) {
  std::string text =
      ".code a\n where x1, lane\n mul x2, x1, 2097152\n" +
      denseView("v0", "i8, dram, 1, " + pool + ", x2", {2097152}) +
      denseView("v1", "i8, scratchpad, 1, -1, 0", {2097152}) +
      "d.copy v1, v0\n";
  for (int chiplet = 0; chiplet < 4; ++chiplet)
    for (int core = 0; core < 8; ++core)
      text += ".stream dma " + std::to_string(chiplet * 16 + core) + " 0 a\n";
  return text;
}

// The ablation of spreading weights over stacks.
TEST(Timing, OneStackOrFour) {
  Machine machine = builtIn("npu:rebel-quad");
  double rate = machine.dram.bandwidth / machine.clock *
                dram::streamShare(dram::hbm3e()) *
                mixShare(dram::hbm3e(), 8, 0);
  double bytes = 8 * 2097152, start = double(machine.dma.start);
  TimingReport four = timed(machine, weightsFrom("-1"));
  TimingReport one = timed(machine, weightsFrom("0"));
  EXPECT_NEAR(four.cycles, start + bytes / rate, 0.01 * four.cycles);
  EXPECT_NEAR(one.cycles, start + 4 * bytes / rate, 0.01 * one.cycles);
  EXPECT_NEAR(one.cycles / four.cycles, 4, 0.4);
  // What leaves the first chiplet crosses its links; there is no other way.
  std::map<std::string, double> moved;
  for (const Resource &resource : one.resources)
    moved[resource.name] = resource.bytes;
  EXPECT_EQ(moved["dram 0"], 4 * bytes);
  EXPECT_EQ(moved["link 0 to 1"] + moved["link 0 to 2"], 3 * bytes);
  EXPECT_EQ(four.resources.front().bytes, bytes);
  // A link too slow for it is what holds back.
  machine.links.bandwidth = 1e11;
  TimingReport slow = timed(machine, weightsFrom("0"));
  EXPECT_NEAR(slow.cycles, 2 * bytes / (1e11 / machine.clock),
              0.02 * slow.cycles);
  EXPECT_EQ(slow.movementBy, "link 0 to 1");
}

// Engines divide a memory, and divide it anew when one of them is done.
TEST(Timing, ShareOfAMemory) {
  Machine machine = idealDram();
  machine.dram.bandwidth = 192 * machine.clock;
  auto code = [](const std::string &name, int64_t bytes) {
    return ".code " + name + "\n" +
           denseView("v0", "i8, dram, 1, -1, 0", {bytes}) +
           denseView("v1", "i8, scratchpad, 1, -1, 0", {bytes}) +
           "d.copy v1, v0\n";
  };
  TimingReport report =
      timed(machine, code("a", 960000) + code("b", 1920000) +
                         ".stream dma 0 0 a\n.stream dma 1 0 b\n");
  // 96 each until the first has all, then an engine's 128.
  double begin = 4 + double(machine.dma.start), first = begin + 10000;
  EXPECT_NEAR(report.timeline[0].end, first, 1e-6);
  EXPECT_NEAR(report.cycles, first + 960000.0 / 128, 1e-6);
}

TEST(Timing, FencesBarriersAndFullQueues) {
  Machine machine = builtIn("npu:rebel-quad");
  machine.dma.outstanding = 2;
  double start = double(machine.dma.start),
         move = 12800 / machine.dma.coreBytes,
         sync = double(machine.sync.cycles);
  std::string views = denseView("v0", "i8, dram, 1, 0, 0", {12800}) +
                      denseView("v1", "i8, scratchpad, 1, -1, 0", {12800}) +
                      denseView("v2", "i8, scratchpad, 1, -1, 65536", {12800}) +
                      denseView("v3", "i8, scratchpad, 1, -1, 131072", {12800});
  // Two descriptors start together; the third when the first is done.
  TimingReport queue = timed(machine, ".code a\n" + views +
                                          "d.copy v1, v0\nd.copy v2, v0\n"
                                          "d.copy v3, v0\n"
                                          ".stream dma 0 0 a\n");
  EXPECT_DOUBLE_EQ(queue.cycles, 8 + start + move + start + move);
  EXPECT_DOUBLE_EQ(queue.engines[0].stalls[size_t(Stall::Queue)],
                   start + move - 2);
  TimingReport fence = timed(machine, ".code a\n" + views +
                                          "d.copy v1, v0\nfence\n"
                                          "d.copy v2, v0\n"
                                          ".stream dma 0 0 a\n");
  EXPECT_DOUBLE_EQ(fence.cycles, 8 + 2 * (start + move));
  // A barrier completes descriptors first; a hop away it is known later.
  std::string barrier = ".code a\n" + views +
                        "d.copy v1, v0\nbarrier 0, 2\n"
                        ".code b\nbarrier 0, 2\nnop\n"
                        ".stream dma 0 0 a\n.stream vector ";
  TimingReport near = timed(machine, barrier + "1 0 b\n");
  EXPECT_DOUBLE_EQ(near.cycles, 8 + start + move + sync + 1);
  EXPECT_DOUBLE_EQ(near.engines[1].stalls[size_t(Stall::Barrier)],
                   8 + start + move + sync);
  TimingReport far = timed(machine, barrier + "16 0 b\n");
  EXPECT_NEAR(far.cycles - near.cycles, machine.links.latency * machine.clock,
              1e-6);
}

// Whoever waits for nothing stops the run.
TEST(Timing, Deadlock) {
  Machine machine = builtIn("npu:atom");
  std::vector<std::string> problems;
  Simulator simulator(machine);
  ASSERT_TRUE(simulator
                  .load(assemble(".code a\nwait core, -1, 3, 1\n"
                                 ".stream tensor 0 0 a\n",
                                 problems))
                  .ok());
  ASSERT_TRUE(simulator.launch({}).ok());
  TimingReport report = timeProgram(simulator);
  ASSERT_TRUE(report.fault);
  EXPECT_EQ(report.fault->kind, FaultKind::Deadlock);
}

// The order of time is one of those that the functional simulator allows: data
// come out right, under the eyes of the tracker.
TEST(Timing, WithData) {
  Machine machine = builtIn("npu:rebel-quad");
  std::vector<std::string> problems;
  Simulator simulator(machine);
  ASSERT_TRUE(simulator.load(assemble(tiledProduct(), problems)).ok());
  std::vector<uint8_t> x =
      pack(ElementType::F16, std::vector<double>(64 * 256 * 5, 0.5));
  std::vector<uint8_t> w =
      pack(ElementType::F16, std::vector<double>(64 * 256 * 5, 0.25));
  std::vector<uint8_t> y(64 * 64 * 4);
  ASSERT_TRUE(simulator.write(Space::Dram, 0, 0, x.data(), x.size()).ok());
  ASSERT_TRUE(
      simulator.write(Space::Dram, 0, 16 << 20, w.data(), w.size()).ok());
  ASSERT_TRUE(
      simulator.write(Space::Scratchpad, 0, 1 << 20, y.data(), y.size()).ok());
  ASSERT_TRUE(simulator.launch({2, 5}).ok());
  TimingReport report = timeProgram(simulator);
  ASSERT_FALSE(report.fault) << report.fault->message;
  ASSERT_TRUE(
      simulator.read(Space::Scratchpad, 0, 1 << 20, y.data(), y.size()).ok());
  for (double value : unpack(ElementType::F32, y, 64 * 64))
    ASSERT_EQ(value, 0.125 * 256 * 5);
  EXPECT_EQ(report.cycles, timed(machine, tiledProduct(), {2, 5}).cycles);
}

TEST(Timing, ReportsAndTraces) {
  Machine machine = builtIn("npu:rebel-quad");
  TimingReport report = timed(machine, tiledProduct(), {2, 20});
  auto json = nlohmann::json::parse(reportJson(report, machine));
  EXPECT_EQ(json["cycles"].get<double>(), report.cycles);
  EXPECT_EQ(json["engines"].size(), 2u);
  const auto &roofline = json["roofline"];
  EXPECT_NEAR(roofline["peak_flops_per_second"].get<double>(), 1024e12, 1e10);
  EXPECT_LE(roofline["flops_per_second"].get<double>(),
            roofline["possible_flops_per_second"].get<double>());
  EXPECT_EQ(reportJson(report, machine),
            reportJson(timed(machine, tiledProduct(), {2, 20}), machine));
  EXPECT_NE(reportText(report).find("core 0 tensor"), std::string::npos);

  auto trace = nlohmann::json::parse(traceJson(report))["traceEvents"];
  std::map<int64_t, std::string> lanes;
  std::map<std::string, double> busy, last;
  for (const auto &event : trace) {
    if (event["ph"] == "M") {
      if (event["name"] == "thread_name")
        lanes[event["tid"].get<int64_t>()] = event["args"]["name"];
      continue;
    }
    // Events of a lane follow each other.
    std::string lane = lanes.at(event["tid"].get<int64_t>());
    EXPECT_GE(event["ts"].get<double>(), last[lane] - 1e-6) << lane;
    last[lane] = event["ts"].get<double>() + event["dur"].get<double>();
    busy[lane] += event["args"]["cycles"].get<double>();
  }
  EXPECT_EQ(busy.size(), 4u); // and the waits of both
  EXPECT_NEAR(busy["tensor"], report.engines[1].busy, 1e-6);
  EXPECT_NEAR(busy["core dma 0"], report.engines[0].busy, 1e-6);
}
