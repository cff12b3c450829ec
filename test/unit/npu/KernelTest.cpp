//===- KernelTest.cpp - A kernel of loads, products and stores ------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "test/unit/npu/Bench.h"

#include <sstream>

using namespace narae::npu;
using namespace narae::npu::test;

/// y = silu(x w) in f16, columns of w over four cores, k in tiles of 16 with
/// two buffers a core. The rows of x and the tiles of k are known at the
/// launch. dram 0: x [rows, 16 tiles] at 0, w [16 tiles, 32] at 65536, y at
/// 262144.
static const char kernel[] = R"(
.parameter rows 1 64
.parameter tiles 1 100
.code load
  where x9, core
  param x1, 0
  param x2, 1
  mul x3, x2, 16
  view v0, f16, dram, 2, 0, 0
  dim v0, 0, x1, x3
  dim v0, 1, 16, 1
  mul x8, x9, 16
  view v1, f16, dram, 2, 0, x8+65536
  dim v1, 0, 16, 32
  dim v1, 1, 8, 1
  view v2, f16, scratchpad, 2, -1, 0
  dim v2, 0, x1, 16
  dim v2, 1, 16, 1
  view v3, f16, scratchpad, 2, -1, 0
  dim v3, 0, 16, 8
  dim v3, 1, 8, 1
  loop x4, x2
    wait core, -1, 0, 1       ; a buffer is free
    rem x5, x4, 2
    mul x6, x5, 8192
    rebase v2, x6
    rebase v3, x6+4096
    d.copy v2, v0
    d.copy v3, v1
    signal core, -1, 1, 1     ; it is full
    advance v0, 32
    advance v1, 1024
  end
.code compute
  param x1, 0
  param x2, 1
  view v2, f16, scratchpad, 2, -1, 0
  dim v2, 0, x1, 16
  dim v2, 1, 16, 1
  view v3, f16, scratchpad, 2, -1, 0
  dim v3, 0, 16, 8
  dim v3, 1, 8, 1
  view v4, f32, accumulator, 2, -1, 0
  dim v4, 0, x1, 8
  dim v4, 1, 8, 1
  view v5, f16, scratchpad, 2, -1, 32768
  dim v5, 0, x1, 8
  dim v5, 1, 8, 1
  signal core, -1, 0, 2
  loop x4, x2
    wait core, -1, 1, 1
    rem x5, x4, 2
    mul x6, x5, 8192
    rebase v2, x6
    rebase v3, x6+4096
    if eq, x4, 0
      t.matmul v4, v2, v3, -, -, plain, no, 0, output
    end
    if ne, x4, 0
      t.matmul v4, v2, v3, -, -, plain, yes, 0, output
    end
    signal core, -1, 0, 1
  end
  t.drain v5, v4, -, -, -, silu, none, -
  signal core, -1, 2, 1
.code store
  where x9, core
  param x1, 0
  view v5, f16, scratchpad, 2, -1, 32768
  dim v5, 0, x1, 8
  dim v5, 1, 8, 1
  mul x8, x9, 16
  view v6, f16, dram, 2, 0, x8+262144
  dim v6, 0, x1, 32
  dim v6, 1, 8, 1
  wait core, -1, 2, 1
  d.copy v6, v5
)";

static std::string withStreams(const std::string &code) {
  std::string text = code;
  for (int core = 0; core < 4; ++core) {
    std::string number = std::to_string(core);
    text += ".stream dma " + number + " 0 load\n.stream tensor " + number +
            " 0 compute\n.stream dma " + number + " 1 store\n";
  }
  return text;
}

namespace {
/// One launch, with its inputs.
struct Launch {
  int64_t rows, tiles;
  Bench bench{"npu:atom"};
  std::vector<double> x, w;

  Launch(int64_t rows, int64_t tiles) : rows(rows), tiles(tiles) {
    size_t depth = size_t(16 * tiles);
    x = randomValues(size_t(rows) * depth, -1, 1, 1.0 / 64, 51);
    w = randomValues(depth * 32, -1, 1, 1.0 / 64, 52);
    write(0, x);
    write(65536, w);
  }
  void write(int64_t address, const std::vector<double> &values) {
    std::vector<uint8_t> bytes = pack(ElementType::F16, values);
    EXPECT_TRUE(bench.simulator
                    .write(Space::Dram, 0, address, bytes.data(), bytes.size())
                    .ok());
  }
  std::optional<Fault> run(const std::string &code) {
    return bench.runProgram(withStreams(code), {rows, tiles});
  }
};
} // namespace

TEST(Kernel, TiledProductOnFourCores) {
  for (auto [rows, tiles] :
       {std::pair<int64_t, int64_t>{5, 1}, {64, 2}, {17, 7}}) {
    Launch launch(rows, tiles);
    auto fault = launch.run(kernel);
    ASSERT_FALSE(fault) << fault->message;
    std::vector<double> y = launch.bench.get(262144, ElementType::F16,
                                             size_t(rows) * 32, Space::Dram);
    size_t depth = size_t(16 * tiles);
    for (size_t m = 0; m < size_t(rows); ++m)
      for (size_t n = 0; n < 32; ++n) {
        double sum = 0;
        for (size_t k = 0; k < depth; ++k)
          sum += launch.x[m * depth + k] * launch.w[k * 32 + n];
        double expected = sum / (1 + std::exp(-sum));
        EXPECT_NEAR(y[m * 32 + n], expected, std::fabs(expected) / 1024 + 1e-4);
      }
  }
}

/// Each signal and each wait is needed: without it, there is a fault.
TEST(Kernel, NoSynchronisationIsTooMuch) {
  std::istringstream lines(kernel);
  std::vector<std::string> all;
  for (std::string line; std::getline(lines, line);)
    all.push_back(line);
  int removed = 0;
  for (size_t i = 0; i < all.size(); ++i) {
    if (all[i].find("  wait") == std::string::npos &&
        all[i].find("  signal") == std::string::npos)
      continue;
    ++removed;
    std::string code;
    for (size_t j = 0; j < all.size(); ++j)
      if (j != i)
        code += all[j] + "\n";
    Launch launch(9, 5);
    EXPECT_TRUE(launch.run(code)) << "without line " << i << ":" << all[i];
  }
  EXPECT_EQ(removed, 7);
}

/// Streams in any order of steps: the same bytes.
TEST(Kernel, AnyOrderOfStreams) {
  Launch reference(9, 5);
  ASSERT_FALSE(reference.run(kernel));
  std::vector<double> expected =
      reference.bench.get(262144, ElementType::F16, 9 * 32, Space::Dram);
  for (uint64_t seed = 0; seed < 5; ++seed) {
    Launch launch(9, 5);
    Simulator &simulator = launch.bench.simulator;
    std::vector<std::string> problems;
    ASSERT_TRUE(simulator.load(assemble(withStreams(kernel), problems)).ok());
    ASSERT_TRUE(simulator.launch({9, 5}).ok());
    std::mt19937_64 random(seed);
    size_t streams = simulator.state().streams.size(), finished = 0;
    std::vector<bool> done(streams);
    for (int i = 0; i < 1000000 && finished < streams; ++i) {
      size_t number = random() % streams;
      Step step = simulator.step(number);
      ASSERT_NE(step.kind, StepKind::Faulted) << simulator.fault()->message;
      if (step.kind == StepKind::Finished && !done[number]) {
        done[number] = true;
        ++finished;
      }
    }
    EXPECT_EQ(finished, streams);
    EXPECT_EQ(launch.bench.get(262144, ElementType::F16, 9 * 32, Space::Dram),
              expected);
  }
}
