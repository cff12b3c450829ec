//===- Simulation.cpp - Speed of the NPU's functional simulator -----------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Programs of one core that do the same again and again, with and without
// tracking of accesses. The best of a few runs counts.
//
//   narae-bench-npu [seconds for each [reference|portable|avx2|avx512]]
//
//===----------------------------------------------------------------------===//

#include "backends/npu/isa/Assembly.h"
#include "backends/npu/simulator/Simulator.h"
#include "backends/targets/TargetFiles.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>

using namespace narae;
using namespace narae::npu;

static double now() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

static std::string num(int64_t i) { return std::to_string(i); }

/// Words that set a dense view.
static std::string view(int number, const std::string &type,
                        const std::string &space, int64_t base,
                        const std::vector<int64_t> &sizes,
                        bool transposed = false) {
  std::string name = "v" + num(number);
  std::string text = "view " + name + ", " + type + ", " + space + ", " +
                     num(int64_t(sizes.size())) + ", -1, " + num(base) + "\n";
  int64_t stride = 1;
  for (size_t i = 0; i < sizes.size(); ++i) {
    size_t axis = transposed ? i : sizes.size() - 1 - i;
    text += "dim " + name + ", " + num(int64_t(axis)) + ", " +
            num(sizes[axis]) + ", " + num(stride) + "\n";
    stride *= sizes[axis];
  }
  return text;
}

namespace {
struct Bench {
  std::string name;
  std::string unit;
  double work; ///< of one round, in units of 1e9
  std::string program;
};
} // namespace

static constexpr int64_t mebi = 1 << 20;

/// A product of operands in the scratchpad.
static Bench product(const std::string &type, int64_t m, int64_t k, int64_t n,
                     bool transposed = false) {
  std::string acc = type == "i8" ? "i32" : "f32";
  return {"t.matmul " + type + " m " + num(m) + " k " + num(k) + " n " +
              num(n) + (transposed ? " b transposed" : ""),
          "GFLOP/s", 2e-9 * double(m * k * n),
          ".parameter rounds 1 1000000\n.code a\nparam x1, 0\n" +
              view(0, acc, "accumulator", 0, {m, n}) +
              view(1, type, "scratchpad", 0, {m, k}) +
              view(2, type, "scratchpad", mebi, {k, n}, transposed) +
              "loop x2, x1\nt.matmul v0, v1, v2, -, -, plain, no, 0, weight\n"
              "end\n.stream tensor 0 0 a\n"};
}

/// Weights of 4 bits with a scale for each group of 32.
static Bench packed(int64_t m, int64_t k, int64_t n) {
  return {"t.matmul f16 with i4 m " + num(m) + " k " + num(k) + " n " + num(n),
          "GFLOP/s", 2e-9 * double(m * k * n),
          ".parameter rounds 1 1000000\n.code a\nparam x1, 0\n" +
              view(0, "f32", "accumulator", 0, {m, n}) +
              view(1, "f16", "scratchpad", 0, {m, k}) +
              view(2, "i4", "scratchpad", mebi, {k, n}) +
              view(3, "f16", "scratchpad", 2 * mebi, {k / 32, n}) +
              "loop x2, x1\n"
              "t.matmul v0, v1, v2, v3, -, dequant, no, 32, weight\n"
              "end\n.stream tensor 0 0 a\n"};
}

/// A matrix-vector product whose weights come from DRAM in tiles, two buffers.
/// \param packed tiles lie together; else they are columns of a matrix.
static Bench decode(int64_t k, int64_t n, bool packed) {
  int64_t tiles = 16, bytes = 2 * k * n;
  std::string rows = packed ? num(n) : num(n * tiles);
  std::string next = packed ? num(bytes) : num(2 * n);
  return {"decode k " + num(k) + " n " + num(n) +
              (packed ? ", tiles packed" : ", tiles of columns"),
          "GFLOP/s", 2e-9 * double(k * n * tiles),
          ".parameter rounds 1 1000000\n.code load\nparam x1, 0\n"
          "loop x2, x1\nview v0, f16, dram, 2, -1, 0\ndim v0, 0, " +
              num(k) + ", " + rows + "\ndim v0, 1, " + num(n) + ", 1\n" +
              view(1, "f16", "scratchpad", mebi, {k, n}) + "loop x3, " +
              num(tiles) +
              "\nwait core, -1, 0, 1\nand x4, x3, 1\nmul x4, x4, " +
              num(bytes) + "\nrebase v1, x4+" + num(mebi) +
              "\nd.copy v1, v0\nadvance v0, " + next +
              "\nsignal core, -1, 1, 1\nend\nend\n"
              ".code compute\nparam x1, 0\nsignal core, -1, 0, 2\n" +
              view(0, "f32", "accumulator", 0, {1, n}) +
              view(1, "f16", "scratchpad", 0, {1, k}) +
              view(2, "f16", "scratchpad", mebi, {k, n}) +
              view(3, "f16", "scratchpad", 64 << 10, {1, n}) +
              "loop x2, x1\nloop x3, " + num(tiles) +
              "\nwait core, -1, 1, 1\nand x4, x3, 1\nmul x4, x4, " +
              num(bytes) + "\nrebase v2, x4+" + num(mebi) +
              "\nt.matmul v0, v1, v2, -, -, plain, no, 0, weight\n"
              "signal core, -1, 0, 1\n"
              "t.drain v3, v0, -, -, -, none, none, -\nend\nend\n"
              ".stream dma 0 0 load\n.stream tensor 0 0 compute\n"};
}

static Bench vector(const std::string &mnemonic, const std::string &operands,
                    int64_t count) {
  return {mnemonic + " f16 of " + num(count), "Gelement/s",
          1e-9 * double(count),
          ".parameter rounds 1 1000000\n.code a\nparam x1, 0\n" +
              view(0, "f16", "scratchpad", 0, {count}) +
              view(1, "f16", "scratchpad", mebi, {count}) +
              view(2, "f16", "scratchpad", 2 * mebi, {count}) +
              view(3, "f32", "scratchpad", 3 * mebi, {1}) + "loop x2, x1\n" +
              mnemonic + " " + operands + "\nend\n.stream vector 0 0 a\n"};
}

static Bench scalars() {
  return {"scalars", "Gword/s", 3e-9,
          ".parameter rounds 1 1000000\n.code a\nparam x1, 0\nloop x2, x1\n"
          "add x3, x3, 1\nmul x4, x3, x2\nend\n.stream vector 0 0 a\n"};
}

/// Seconds of a round.
static double measure(const Machine &machine, const Bench &bench, bool track,
                      double seconds, const std::string &datapath) {
  std::vector<std::string> problems;
  Program program = assemble(bench.program, problems);
  SimulatorOptions options;
  options.track = track;
  std::unique_ptr<Datapath> path;
  if (datapath == "reference")
    path = makeReferenceDatapath(machine);
  else if (!datapath.empty())
    path = makeCpuDatapath(machine, datapath);
  Simulator simulator(machine, options, std::move(path));
  std::vector<uint8_t> zeros(4 * mebi);
  Status status = simulator.load(program);
  for (const std::string &problem : problems)
    status = Status::error(problem);
  for (Space space : {Space::Scratchpad, Space::Dram})
    for (int64_t i = 0; i < (space == Space::Dram ? 16 : 1); ++i)
      if (status.ok())
        status =
            simulator.write(space, 0, i * 4 * mebi, zeros.data(), zeros.size());
  double best = 1e9, end = now() + seconds;
  int64_t rounds = 1;
  while (status.ok() && now() < end) {
    status = simulator.launch({rounds});
    double begin = now();
    std::optional<Fault> fault = simulator.run();
    double time = now() - begin;
    if (fault)
      status = Status::error(fault->message);
    best = std::min(best, time / double(rounds));
    if (time < seconds / 8)
      rounds = std::min<int64_t>(rounds * 2, 1000000);
  }
  if (status.failed())
    std::fprintf(stderr, "%s: %s\n", bench.name.c_str(),
                 status.message().c_str());
  return best;
}

int main(int argc, char **argv) {
  double seconds = argc > 1 ? std::atof(argv[1]) : 0.2;
  std::string datapath = argc > 2 ? argv[2] : "";
  std::string text, error;
  std::vector<std::string> problems;
  if (!targets::read("npu:atom", text, error)) {
    std::fprintf(stderr, "%s\n", error.c_str());
    return 1;
  }
  Machine machine = readMachine(text, problems);
  if (!datapath.empty() && datapath != "reference" &&
      !makeCpuDatapath(machine, datapath)) {
    std::fprintf(stderr, "this CPU has no %s\n", datapath.c_str());
    return 1;
  }
  std::vector<Bench> benches = {
      product("f16", 1, 576, 64),
      product("f16", 1, 576, 576),
      product("f16", 1, 1536, 64),
      product("f16", 1, 1536, 64, /*transposed=*/true),
      product("bf16", 1, 576, 576),
      product("f16", 16, 576, 64),
      product("f16", 64, 576, 64),
      product("f16", 64, 576, 576),
      product("f16", 64, 576, 64, /*transposed=*/true),
      product("i8", 64, 576, 64),
      packed(1, 576, 576),
      packed(64, 576, 576),
      decode(576, 64, true),
      decode(576, 64, false),
      decode(1536, 192, true),
      vector("v.convert", "v0, v1", 1536),
      vector("v.add", "v0, v1, v2, 0", 1536),
      vector("v.silu", "v0, v1", 1536),
      vector("v.exp", "v0, v1", 1536),
      vector("v.tanh", "v0, v1", 1536),
      vector("v.mul", "v0, v1, -, 2", 49152),
      vector("v.sumsq", "v3, v1", 576),
      vector("v.rowmax", "v3, v1", 49152),
      scalars(),
  };
  for (const Bench &bench : benches) {
    double with = measure(machine, bench, true, seconds, datapath);
    double without = measure(machine, bench, false, seconds, datapath);
    std::printf("%-44s %8.3f %s, %8.3f without tracking; %.2f us\n",
                bench.name.c_str(), bench.work / with, bench.unit.c_str(),
                bench.work / without, with * 1e6);
  }
  return 0;
}
