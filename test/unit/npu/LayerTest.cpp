//===- LayerTest.cpp - The time of decoder layers -------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "test/unit/npu/LayerProgram.h"

#include "backends/npu/timing/Cycles.h"
#include "backends/npu/timing/DramPattern.h"
#include "lib/memory/dram/Config.h"

#include <cmath>

using namespace narae::npu;
using namespace narae::npu::test;
namespace dram = narae::dram;

// The streams that are timed are a program without faults: no race, nothing
// that is read before it is written.
TEST(Layer, HasNoFaults) {
  Machine machine = builtIn("npu:atom");
  LayerModel model;
  model.hidden = 64, model.heads = 8, model.groups = 4, model.headSize = 8;
  model.ff = 64, model.context = 32, model.vocabulary = 100;
  model.type = "f16";
  for (bool prefetch : {true, false}) {
    LayerSchedule schedule;
    schedule.prefetch = prefetch;
    schedule.slot = 1 << 10; // several tiles a matrix
    std::vector<std::string> problems;
    Program program =
        assemble(LayerProgram(machine, model, schedule).text(), problems);
    ASSERT_TRUE(problems.empty()) << problems[0];
    Simulator simulator(machine);
    ASSERT_TRUE(simulator.load(program).ok());
    std::vector<uint8_t> zeros(4 << 20);
    ASSERT_TRUE(
        simulator.write(Space::Dram, 0, 0, zeros.data(), zeros.size()).ok());
    for (int32_t core = 0; core < 8; ++core)
      ASSERT_TRUE(
          simulator
              .write(Space::Scratchpad, core, 0, zeros.data(), zeros.size())
              .ok());
    ASSERT_TRUE(simulator.launch({3}).ok());
    auto fault = simulator.run();
    EXPECT_FALSE(fault) << fault->message;
  }
}

static TimingReport token(const Machine &machine, const LayerModel &model,
                          const LayerSchedule &schedule, int64_t layers) {
  return timed(machine, LayerProgram(machine, model, schedule).text(),
               {layers});
}

/// Cycles of a layer among others.
static double perLayer(const Machine &machine, const LayerModel &model,
                       const LayerSchedule &schedule) {
  return (token(machine, model, schedule, 3).cycles -
          token(machine, model, schedule, 1).cycles) /
         2;
}

// Check 7: weights alone bound a token at 14.7 ms, 17.6 ms were published.
TEST(Layer, Llama70BOnRebelQuad) {
  Machine machine = builtIn("npu:rebel-quad");
  LayerModel model;
  model.vocabulary = 128256;
  double one = token(machine, model, {}, 1).cycles;
  double two = token(machine, model, {}, 2).cycles;
  double four = token(machine, model, {}, 4).cycles;
  // Layers are alike, so the 80 follow from two.
  EXPECT_NEAR(four - two, 2 * (two - one), 0.001 * four);
  double cycles = two + 78 * (four - two) / 2;
  double milliseconds = cycles / machine.clock * 1e3;
  RecordProperty("milliseconds", std::to_string(milliseconds));
  EXPECT_GE(milliseconds, 14.7);
  EXPECT_LE(milliseconds, 1.25 * 17.6);
}

// Check 8: decoding is the DMA's work.
TEST(Layer, Llama8BOnAtom) {
  Machine machine = builtIn("npu:atom");
  LayerModel model;
  model.hidden = 4096, model.heads = 32, model.ff = 14336;
  model.context = 2048, model.type = "f16";
  TimingReport report = token(machine, model, {}, 4);
  double least = 1, most = 0;
  for (const EngineReport &engine : report.engines) {
    if (engine.id.engine == Engine::CoreDma && engine.id.queue == 0)
      least = std::min(least, engine.busy / report.cycles);
    if (engine.id.engine == Engine::Tensor)
      most = std::max(most, engine.macCycles / report.cycles);
  }
  RecordProperty("dma_busy", std::to_string(least));
  RecordProperty("useful_macs", std::to_string(most));
  EXPECT_GE(least, 0.9);
  EXPECT_LE(most, 0.1);
  EXPECT_GT(most, 0);
  // 16 bits a weight at 256 GB/s, and the caches.
  double bytes = 4 * 2 * (model.matrices() + model.caches());
  EXPECT_GE(report.seconds(), bytes / machine.dram.bandwidth);
  EXPECT_LE(report.seconds(), 1.1 * bytes / machine.dram.bandwidth);
}

namespace {
/// What a layer takes on a machine whose cores do the same at the same time,
/// by the machine's numbers alone. Words that set registers are left out.
struct ClosedForm {
  ClosedForm(const Machine &machine, const LayerModel &model)
      : machine(machine), model(model),
        rate(machine.dram.bandwidth / machine.clock *
             dram::streamShare(dram::hbm3e()) *
             mixShare(dram::hbm3e(), size_t(machine.coresPerChiplet()), 0) /
             double(machine.coresPerChiplet())) {}
  const Machine &machine;
  const LayerModel &model;
  double rate; ///< bytes a cycle of a core while all of them load
  double sync() const { return double(machine.sync.cycles); }
  double start() const { return double(machine.dma.start); }
  double cores() const { return double(machine.allCores()); }

  double lanes(double elements, double each = 1) const {
    return double(machine.vector.start) +
           std::ceil(elements / double(machine.vector.lanes)) * each;
  }
  double special(double elements) const {
    return lanes(elements, machine.vector.specialCycles);
  }
  double multiply(int64_t m, int64_t n, int64_t k) const {
    return double(machine.tensor.start) + arrayCycles(machine.tensor,
                                                      Dataflow::Output, m, n, k,
                                                      machine.tensor.fp8);
  }
  double drain(double elements) const {
    return double(machine.tensor.start) +
           std::ceil(elements / double(machine.tensor.columns));
  }
  double bytesOf(const LayerProgram::Matrix &matrix) const {
    return double(matrix.k * matrix.columns);
  }
  double norm() const {
    return lanes(double(model.hidden)) * 2 + 4 + lanes(1) + special(1);
  }
  /// Pieces out, a barrier, a vector back, each with what wakes the next.
  double exchange(double piece, double whole) const {
    double out = double(machine.chiplets) * 2 * piece / machine.dma.coreBytes;
    double back = 2 * whole / machine.dma.coreBytes;
    double hops = 2 * machine.links.latency * machine.clock;
    return sync() + start() + out + hops + sync() + start() + back + sync();
  }

  struct Phase {
    LayerProgram::Matrix matrix;
    double around; ///< vector engine and exchanges before and after it
  };
  std::vector<LayerProgram::Matrix> matrices() const {
    LayerProgram program(machine, model, {});
    int64_t all = (model.heads + 2 * model.groups) * model.headSize;
    return {program.cut(model.hidden, all),
            program.cut(model.heads * model.headSize, model.hidden),
            program.cut(model.hidden, 2 * model.ff),
            program.cut(model.ff, model.hidden)};
  }
  /// Bytes of a core, at the rate that all of them have.
  double loading() const {
    double bytes = model.caches() / cores();
    for (const LayerProgram::Matrix &matrix : matrices())
      bytes += bytesOf(matrix);
    return bytes / rate;
  }
  /// One buffer: a tile comes, is multiplied, the next one comes.
  double oneBuffer() const {
    double cycles = 0;
    auto add = [&](double tiles, double bytes, double compute) {
      cycles += tiles * (start() + bytes / rate + compute + 2 * sync());
    };
    for (const LayerProgram::Matrix &matrix : matrices())
      add(double(matrix.tiles()), double(matrix.kTile * matrix.nTile),
          multiply(1, matrix.nTile, matrix.kTile));
    int64_t rows = model.heads / model.groups;
    int64_t length = model.context * model.groups / machine.allCores();
    double bytes = double(length * model.headSize);
    add(1, bytes, multiply(rows, length, model.headSize));
    add(1, bytes, multiply(rows, model.headSize, length));
    return cycles;
  }
  /// Without prefetch: from the first tile of a matrix to the input of the next
  /// one, all in a row.
  double noPrefetch() const {
    double hidden = double(model.hidden), ff = double(model.ff);
    double heads = double(model.heads * model.headSize);
    double rows = double(model.heads / model.groups);
    double size = double(model.headSize);
    double length = double(model.context * model.groups) / cores();
    double parts = cores() / double(model.groups);
    double all = heads + 2 * double(model.groups) * size;
    double cycles = loading();
    // Wakes: loads begin, tiles come, sums are done, the vector engine is.
    auto after = [&](double last, double drained) {
      cycles += sync() + start() + sync() + last + drained + sync();
    };
    std::vector<LayerProgram::Matrix> all4 = matrices();
    for (const LayerProgram::Matrix &matrix : all4)
      after(multiply(1, matrix.nTile, matrix.kTile),
            drain(double(matrix.nTile)));
    after(multiply(int64_t(rows), int64_t(length), int64_t(size)),
          drain(rows * length));
    after(multiply(int64_t(rows), int64_t(size), int64_t(length)),
          drain(rows * size));
    cycles += 2 * norm() + exchange(all / cores(), all);
    cycles += lanes(rows * size, 2) + lanes(rows * size);
    cycles += 3 * lanes(rows * length) + special(rows * length);
    cycles += exchange(rows * size, heads / cores() * parts) +
              lanes(heads / cores() * parts) +
              exchange(heads / cores(), heads) + lanes(heads);
    cycles += 2 * (exchange(hidden / cores(), hidden) + lanes(hidden));
    cycles += special(ff / cores()) + lanes(ff / cores()) +
              exchange(ff / cores(), ff) + lanes(ff);
    return cycles;
  }
};
} // namespace

#define EXPECT_WITHIN(value, expected, share)                                  \
  EXPECT_NEAR(value, expected, (share) * (expected))

// What each part of the schedule is worth, against closed forms: on a layer
// that loading bounds, and on a small one where exchanges count as much.
TEST(Layer, Ablations) {
  Machine machine = builtIn("npu:rebel-quad");
  LayerModel large, small;
  small.hidden = 2048, small.heads = 32, small.headSize = 64, small.ff = 8192;
  for (const LayerModel &model : {large, small}) {
    ClosedForm form(machine, model);
    LayerSchedule oneBuffer, noPrefetch, oneStack;
    oneBuffer.buffers = 1;
    noPrefetch.prefetch = false;
    oneStack.oneStack = true;
    double base = perLayer(machine, model, {});
    EXPECT_WITHIN(base, form.loading(), 0.03);
    double buffered = perLayer(machine, model, oneBuffer);
    EXPECT_WITHIN(buffered, form.oneBuffer(), 0.03);
    EXPECT_WITHIN(buffered / base, form.oneBuffer() / form.loading(), 0.03);
    double late = perLayer(machine, model, noPrefetch);
    EXPECT_WITHIN(late, form.noPrefetch(), 0.03);
    EXPECT_WITHIN(late / base, form.noPrefetch() / form.loading(), 0.03);
    double stack = perLayer(machine, model, oneStack);
    EXPECT_WITHIN(stack, 4 * form.loading(), 0.03);
    auto record = [&](const std::string &name, double cycles, double expected) {
      std::string key = name + (model.hidden == large.hidden ? "" : "_small");
      RecordProperty(key, std::to_string(cycles / base));
      RecordProperty(key + "_expected",
                     std::to_string(expected / form.loading()));
    };
    record("one_buffer", buffered, form.oneBuffer());
    record("no_prefetch", late, form.noPrefetch());
    record("one_stack", stack, 4 * form.loading());
  }
}

// A matrix-vector product alone: the last one of a model.
TEST(Layer, AblationsOfAMatrixVectorProduct) {
  Machine machine = builtIn("npu:rebel-quad");
  LayerModel model;
  model.vocabulary = 128256;
  ClosedForm form(machine, model);
  LayerProgram::Matrix matrix =
      LayerProgram(machine, model, {}).cut(model.hidden, model.vocabulary);
  double compute = form.multiply(1, matrix.nTile, matrix.kTile);
  double loading = form.bytesOf(matrix) / form.rate;
  LayerSchedule oneBuffer, noPrefetch, oneStack;
  oneBuffer.buffers = 1;
  noPrefetch.prefetch = false;
  oneStack.oneStack = true;
  double last = form.start() + form.sync() + compute;
  double base = token(machine, model, {}, 0).cycles;
  EXPECT_WITHIN(base, loading + last, 0.01);
  EXPECT_WITHIN(token(machine, model, noPrefetch, 0).cycles - base,
                form.norm() + form.sync(), 0.1);
  EXPECT_WITHIN(token(machine, model, oneStack, 0).cycles, 4 * loading + last,
                0.01);
  EXPECT_WITHIN(token(machine, model, oneBuffer, 0).cycles,
                double(matrix.tiles()) *
                    (form.start() + loading / double(matrix.tiles()) + compute +
                     2 * form.sync()),
                0.01);
}
