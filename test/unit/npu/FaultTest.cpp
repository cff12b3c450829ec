//===- FaultTest.cpp - Each fault is found and named ----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "test/unit/npu/Bench.h"

using namespace narae::npu;
using namespace narae::npu::test;

/// The fault of code on one engine of core 0, with f32 views v1 to v3 of 8
/// elements at 0, 1024 and 2048 that the host wrote, and v4 at 4096 that it
/// did not.
static Fault faultOf(const std::string &code,
                     const std::string &engine = "vector",
                     const std::string &target = "npu:atom") {
  Bench bench(target);
  std::vector<uint8_t> zeros(4096);
  EXPECT_TRUE(
      bench.simulator.write(Space::Scratchpad, 0, 0, zeros.data(), 4096).ok());
  std::string views;
  for (int i = 1; i <= 4; ++i) {
    std::string v = "v" + std::to_string(i);
    views += "view " + v + ", f32, scratchpad, 1, -1, " +
             std::to_string(i == 4 ? 4096 : 1024 * (i - 1)) + "\ndim " + v +
             ", 0, 8, 1\n";
  }
  bench.text = views + code + "\n";
  auto fault = bench.run(engine);
  EXPECT_TRUE(fault) << code;
  return fault.value_or(Fault());
}

#define EXPECT_FAULT(fault, expectedKind, part)                                \
  do {                                                                         \
    Fault found = fault;                                                       \
    EXPECT_EQ(faultText(found.kind), faultText(FaultKind::expectedKind))       \
        << found.message;                                                      \
    EXPECT_NE(found.message.find(part), std::string::npos) << found.message;   \
  } while (false)

TEST(Faults, OneInstruction) {
  EXPECT_FAULT(faultOf("rebase v1, 4194288\nv.neg v2, v1"), OutOfRange,
               "core 0 vector, word 9 (v.neg v2, v1): out of range: a (v1), "
               "f32 [8], needs bytes 4194288 to 4194320 of the scratchpad of "
               "core 0, which has 4194304");
  EXPECT_FAULT(faultOf("dim v1, 0, 8, -1\nv.neg v2, v1"), OutOfRange,
               "bytes -28 to 4 ");
  EXPECT_FAULT(faultOf("dim v1, 0, 8, 4611686018427387904\nv.neg v2, v1"),
               OutOfRange, "out of range");
  EXPECT_FAULT(faultOf("advance v1, 2\nv.neg v2, v1"), Misaligned,
               "a (v1) begins at byte 2, no multiple of 4");
  EXPECT_FAULT(faultOf("v.neg v2, v4"), Uninitialised,
               "reads byte 4096 of the scratchpad of core 0, which nobody has "
               "written so far");
  EXPECT_FAULT(faultOf("v.neg v2, v9"), Shape, "a (v9) was never set");
  EXPECT_FAULT(faultOf("dim v1, 0, 7, 1\nv.neg v2, v1"), Shape,
               "dst is f32 [8], but a is f32 [7]");
  EXPECT_FAULT(faultOf("dim v2, 0, 8, 0\nv.neg v2, v1"), Overlap,
               "elements of dst overlap each other");
  EXPECT_FAULT(faultOf("rebase v2, 8\nv.neg v2, v1"), Overlap,
               "the result overlaps a without being the same elements");
  EXPECT_FAULT(faultOf("v.and v2, v1, v3, 0"), Type, "is for integers only");
  EXPECT_FAULT(faultOf("view v5, e8m0, scratchpad, 1, -1, 512\n"
                       "dim v5, 0, 8, 1\nv.neg v5, v1"),
               Type, "dst is e8m0, which only weights and scales have");
  EXPECT_FAULT(faultOf("div x1, x2, x3"), Arithmetic, "b is 0");
  EXPECT_FAULT(faultOf("view v5, i32, scratchpad, 1, -1, 0\ndim v5, 0, 8, 1\n"
                       "v.div v5, v5, v5, 0"),
               Arithmetic, "an element of b is 0");
  EXPECT_FAULT(faultOf("set x1, 9\nview v5, f32, scratchpad, 1, x1, 0"
                       "\nv.neg v5, v1"),
               Reach, "scratchpad of core 9, which does not exist");
  EXPECT_FAULT(faultOf("set x1, 3\nview v5, f32, scratchpad, 1, x1, 0"
                       "\ndim v5, 0, 8, 1\nv.neg v5, v1"),
               Reach, "the engine reaches its own only");
  EXPECT_FAULT(faultOf("dim v1, 1, 2, 1"), Shape, "axis 1 of a view of rank 1");
  EXPECT_FAULT(faultOf("set x1, 5000000000\nsignal core, -1, x1, 1"), Semaphore,
               "there is no semaphore -1 of core 0");
  EXPECT_FAULT(faultOf("signal core, -1, 3, 1048575\nsignal core, -1, 3, 1"),
               Semaphore, "would hold 1048576, more than 1048575");
  EXPECT_FAULT(faultOf("view v5, i32, scratchpad, 1, -1, 0\nload x1, v5, 1"),
               Index, "element 1 of 1");
  EXPECT_FAULT(faultOf("load x1, v1, 0"), Type,
               "registers hold integers, not f32");
  EXPECT_FAULT(faultOf("rebase v2, 1028\nd.copy v2, v1\nrebase v2, 16\nfence\n"
                       "d.copy v2, v1",
                       "dma"),
               Overlap, "source and result of a descriptor share bytes");
  EXPECT_FAULT(faultOf("view v5, f16, scratchpad, 1, -1, 512\n"
                       "dim v5, 0, 8, 1\nd.copy v5, v1",
                       "dma"),
               Type, "moves bits of one type");
}

TEST(Faults, IndicesAndTensors) {
  std::string index = "view v5, i32, scratchpad, 1, -1, 3000\n"
                      "dim v5, 0, 2, 1\nv.fill v5, 8\ndim v2, 0, 2, 1\n";
  EXPECT_FAULT(faultOf(index + "v.gather v2, v1, v5"), Index,
               "index[0] is 8, of 8");
  EXPECT_FAULT(faultOf(index + "v.scatter v1, v2, v5, no"), Index,
               "index[0] is 8, of 8");
  EXPECT_FAULT(faultOf("view v5, i32, scratchpad, 1, -1, 3000\n"
                       "dim v5, 0, 2, 1\ndim v2, 0, 2, 1\n"
                       "d.fill v5, 0xffffffff\nfence\nd.gather v2, v1, v5",
                       "dma"),
               Index, "index[0] is -1, of 8 rows");
  std::string matrices;
  for (int i = 1; i <= 2; ++i)
    matrices += "view v" + std::to_string(i) +
                ", e4m3, scratchpad, 2, -1, 0\ndim v" + std::to_string(i) +
                ", 0, 4, 4\ndim v" + std::to_string(i) + ", 1, 4, 1\n";
  matrices += "view v3, f32, accumulator, 2, -1, 0\ndim v3, 0, 4, 4\n"
              "dim v3, 1, 4, 1\n";
  std::string matmul = "t.matmul v3, v1, v2, -, -, plain, no, 0, output";
  EXPECT_FAULT(faultOf(matrices + matmul, "tensor"), Type,
               "the array of this machine does not compute e4m3 times e4m3");
  EXPECT_FAULT(faultOf(matrices + "dim v2, 0, 3, 4\n" + matmul, "tensor"),
               Shape, "acc f32 [4, 4] from a e4m3 [4, 4] and b e4m3 [3, 4]");
  EXPECT_FAULT(faultOf(matrices + "rebase v3, 262140\n" + matmul, "tensor"),
               OutOfRange, "the accumulator of core 0, which has 262144");
  EXPECT_FAULT(
      faultOf(matrices + "t.matmul v3, v1, v2, v1, -, dequant, no, 4, output",
              "tensor"),
      Type, "dequantised weights meet f16 or bf16, not e4m3");
  EXPECT_FAULT(
      faultOf(matrices + "t.drain v1, v3, -, -, -, none, none, -", "tensor"),
      Uninitialised, "the accumulator of core 0");
}

/// The fault of a whole program on npu:atom, or "none".
static std::string runs(const std::string &program) {
  Bench bench("npu:atom");
  std::vector<uint8_t> zeros(65536);
  EXPECT_TRUE(
      bench.simulator.write(Space::Dram, 0, 0, zeros.data(), 65536).ok());
  auto fault = bench.runProgram(program);
  return fault ? fault->message : "none";
}

static std::string view(const std::string &v, const std::string &space,
                        int base, int size = 16) {
  return "view " + v + ", f32, " + space + ", 1, -1, " + std::to_string(base) +
         "\ndim " + v + ", 0, " + std::to_string(size) + ", 1\n";
}

static std::string load(int from, int to) {
  return view("v1", "dram", from) + view("v2", "scratchpad", to) +
         "d.copy v2, v1\n";
}

TEST(Faults, ReadingBeforeArrival) {
  std::string compute = view("v1", "scratchpad", 0) +
                        view("v2", "scratchpad", 512) + "v.neg v2, v1\n";
  std::string streams = ".stream dma 0 0 in\n.stream vector 0 0 go\n";
  std::string message =
      runs(".code in\n" + load(0, 0) + ".code go\n" + compute + streams);
  EXPECT_EQ(message,
            "core 0 vector, word 4 (v.neg v2, v1): access before a descriptor "
            "has arrived: reads byte 0 of the scratchpad of core 0, which the "
            "descriptor of core 0 dma 0, word 4 (d.copy v2, v1) writes; "
            "nothing waits for its completion");
  EXPECT_EQ(runs(".code in\n" + load(0, 0) + "signal core, -1, 1, 1\n" +
                 ".code go\nwait core, -1, 1, 1\n" + compute + streams),
            "none");
  // A signal before the descriptor does not cover it.
  EXPECT_NE(runs(".code in\nsignal core, -1, 1, 1\n" + load(0, 0) +
                 ".code go\nwait core, -1, 1, 1\n" + compute + streams)
                .find("access before a descriptor has arrived"),
            std::string::npos);
  EXPECT_EQ(runs(".code in\n" + load(0, 0) + "barrier 3, 2\n" +
                 ".code go\nbarrier 3, 2\n" + compute + streams),
            "none");
}

TEST(Faults, DescriptorsUnderWay) {
  // Two descriptors of one stream into the same bytes, and the same in a loop.
  std::string stream = ".stream dma 0 0 in\n";
  EXPECT_NE(runs(".code in\n" + load(0, 0) + load(256, 32) + stream)
                .find("access before a descriptor has arrived: writes byte 32"),
            std::string::npos);
  EXPECT_EQ(
      runs(".code in\n" + load(0, 0) + "fence\n" + load(256, 32) + stream),
      "none");
  EXPECT_NE(runs(".code in\nloop x1, 2\n" + load(0, 0) + "end\n" + stream)
                .find("access before a descriptor has arrived"),
            std::string::npos);
  EXPECT_EQ(runs(".code in\n" + load(0, 0) + load(256, 64) + stream), "none");
  // Overwriting what another engine still reads: a buffer used too early.
  std::string again = ".code in\n" + load(0, 0) + "signal core, -1, 1, 1\n";
  std::string reader = ".code go\nwait core, -1, 1, 1\n" +
                       view("v1", "scratchpad", 0) +
                       view("v2", "scratchpad", 512) + "v.neg v2, v1\n";
  std::string both = ".stream vector 0 0 go\n" + stream;
  EXPECT_NE(runs(again + "barrier 0, 2\n" + load(256, 0) + reader +
                 "barrier 0, 2\n" + both)
                .find("none"),
            std::string::npos);
  std::string early = runs(again + "wait core, -1, 9, 1\n" + load(256, 0) +
                           reader.substr(0, reader.rfind("v.neg")) +
                           "signal core, -1, 9, 1\nv.neg v2, v1\n" + both);
  // Whoever comes first, the other one is not ordered after it.
  EXPECT_TRUE(early.find("missing synchronisation") != std::string::npos ||
              early.find("before a descriptor has arrived") !=
                  std::string::npos)
      << early;
}

TEST(Faults, MissingSynchronisation) {
  std::string writer = view("v1", "scratchpad", 0) + "v.fill v1, 1\n";
  std::string reader = view("v1", "scratchpad", 0) + view("v2", "dram", 4096) +
                       "d.copy v2, v1\n";
  std::string streams = ".stream vector 0 0 a\n.stream dma 0 1 b\n";
  // The DMA goes first here and finds nothing; with a signal all is well.
  EXPECT_NE(runs(".code a\n" + writer + ".code b\n" + reader + streams)
                .find("uninitialised read"),
            std::string::npos);
  EXPECT_EQ(runs(".code a\n" + writer + "signal chiplet, -1, 0, 2\n" +
                 ".code b\nwait chiplet, 0, 0, 2\n" + reader + streams),
            "none");
  // Two cores write the same bytes of the shared memory.
  std::string store = ".code c\n" + view("v1", "dram", 0) +
                      view("v2", "shared", 0) +
                      "d.copy v2, v1\n.stream dma 2 0 c\n.stream dma 5 0 c\n";
  EXPECT_NE(runs(store).find(
                "core 5 dma 0, word 4 (d.copy v2, v1): access before a "
                "descriptor has arrived: writes byte 0 of the shared memory "
                "of chiplet 0, which the descriptor of core 2 dma 0, word 4"),
            std::string::npos);
  // A read that a later write does not wait for.
  EXPECT_NE(runs(".code c\n" + view("v1", "dram", 0) + view("v2", "shared", 0) +
                 "d.copy v2, v1\n.code d\n" + view("v1", "dram", 0) +
                 view("v2", "dram", 8192) +
                 "d.copy v1, v2\n.stream dma 2 0 c\n.stream dma 5 0 d\n")
                .find("missing synchronisation: writes byte 0 of the dram "
                      "pool 0, which core 2 dma 0, word 4 (d.copy v2, v1) "
                      "reads; nothing orders the two"),
            std::string::npos);
}

TEST(Faults, TransitiveOrder) {
  // dma -> vector -> dma of another core, through two semaphores.
  EXPECT_EQ(runs(".code a\n" + view("v1", "dram", 0) + view("v2", "shared", 0) +
                 "d.copy v2, v1\nsignal chiplet, -1, 1, 1\n"
                 ".code b\nwait chiplet, -1, 1, 1\nsignal chiplet, -1, 2, 1\n"
                 ".code c\nwait chiplet, -1, 2, 1\n" +
                 view("v1", "shared", 0) + view("v2", "dram", 8192) +
                 "d.copy v2, v1\n"
                 ".stream dma 0 0 a\n.stream vector 3 0 b\n"
                 ".stream dma 7 1 c\n"),
            "none");
}

TEST(Faults, AmbiguousWaits) {
  std::string message = runs(".code a\nsignal chiplet, -1, 0, 1\n"
                             ".code b\nwait chiplet, -1, 0, 1\n"
                             ".stream dma 0 0 a\n.stream dma 1 0 a\n"
                             ".stream vector 0 0 b\n");
  EXPECT_NE(message.find("ambiguous wait: takes 1 of 2 signals of semaphore 0 "
                         "of chiplet 0, and nothing orders those of core 0 dma "
                         "0 and core 1 dma 0"),
            std::string::npos)
      << message;
  // All of them is clear; so is one after the other.
  EXPECT_EQ(runs(".code a\nsignal chiplet, -1, 0, 1\n"
                 ".code b\nwait chiplet, -1, 0, 2\n"
                 ".stream dma 0 0 a\n.stream dma 1 0 a\n"
                 ".stream vector 0 0 b\n"),
            "none");
  // A second round of one that the wait for the first round may take.
  message = runs(".code a\nsignal chiplet, -1, 0, 1\n"
                 ".code b\nwait chiplet, -1, 0, 2\nsignal chiplet, -1, 1, 1\n"
                 ".code c\nwait chiplet, -1, 5, 1\nsignal chiplet, -1, 0, 1\n"
                 ".code d\nwait chiplet, -1, 1, 1\nsignal chiplet, -1, 5, 1\n"
                 ".stream dma 0 0 a\n.stream dma 1 0 a\n"
                 ".stream vector 0 0 b\n.stream vector 1 0 c\n"
                 ".stream vector 2 0 d\n");
  EXPECT_EQ(message, "none"); // ordered after the wait, through 1 and 5
  message = runs(".code a\nsignal chiplet, -1, 0, 1\n"
                 ".code b\nwait chiplet, -1, 0, 1\n"
                 ".stream dma 0 0 a\n.stream vector 0 0 b\n"
                 ".stream vector 1 0 a\n");
  EXPECT_NE(message.find("ambiguous wait"), std::string::npos) << message;
  // Two that wait for different signals of one stream.
  message = runs(".code a\nsignal chiplet, -1, 0, 1\nsignal chiplet, -1, 0, 1\n"
                 ".code b\nwait chiplet, -1, 0, 1\n"
                 ".stream dma 0 0 a\n.stream vector 0 0 b\n"
                 ".stream vector 1 0 b\n");
  EXPECT_NE(message.find("nothing orders the two waits"), std::string::npos)
      << message;
  // One signal for both is clear.
  EXPECT_EQ(runs(".code a\nsignal chiplet, -1, 0, 2\n"
                 ".code b\nwait chiplet, -1, 0, 1\n"
                 ".stream dma 0 0 a\n.stream vector 0 0 b\n"
                 ".stream vector 1 0 b\n"),
            "none");
}

TEST(Faults, Deadlocks) {
  EXPECT_EQ(runs(".code a\nwait core, 0, 1, 1\nsignal core, 0, 2, 1\n"
                 ".code b\nwait core, 0, 2, 3\nsignal core, 0, 1, 1\n"
                 ".code c\nnop\nbarrier 4, 2\n"
                 ".stream dma 0 0 a\n.stream vector 0 0 b\n"
                 ".stream tensor 6 0 c\n"),
            "deadlock: nobody can go on:\n"
            "  core 0 dma 0, word 0 (wait core, 0, 1, 1): waits for 1 of "
            "semaphore 1 of core 0, which holds 0; it could be signalled by "
            "core 0 vector, word 1\n"
            "  core 0 vector, word 0 (wait core, 0, 2, 3): waits for 3 of "
            "semaphore 2 of core 0, which holds 0; it could be signalled by "
            "core 0 dma 0, word 1\n"
            "  core 6 tensor, word 1 (barrier 4, 2): barrier 4 has 1 of 2 "
            "streams");
  EXPECT_NE(runs(".code a\nwait chiplet, -1, 7, 1\n.stream vector 0 0 a\n")
                .find("no stream that still runs signals it"),
            std::string::npos);
  EXPECT_NE(runs(".code a\nbarrier 0, 2\n.code b\nbarrier 0, 1\n"
                 ".stream vector 0 0 a\n.stream vector 1 0 b\n")
                .find("expects 1 streams at barrier 0, but core 0 vector "
                      "expects 2"),
            std::string::npos);
}

TEST(Faults, EndlessLoopsAndRunsWithoutData) {
  SimulatorOptions options;
  options.instructionLimit = 1000;
  Machine machine = builtIn("npu:atom");
  Simulator limited(machine, options);
  std::vector<std::string> problems;
  Program program = assemble(".code a\nloop x1, 100000\nend\n"
                             ".stream vector 0 0 a\n",
                             problems);
  ASSERT_TRUE(limited.load(program).ok());
  ASSERT_TRUE(limited.launch({}).ok());
  auto fault = limited.run();
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->kind, FaultKind::InstructionLimit);

  // Without data: bounds and synchronisation are checked all the same.
  options = SimulatorOptions();
  options.data = false;
  Simulator dry(machine, options);
  program = assemble(".code a\n" + view("v1", "scratchpad", 0) +
                         "v.neg v1, v1\nloop x1, 9\nadvance v1, 600000\n"
                         "v.neg v1, v1\nend\n.stream vector 0 0 a\n",
                     problems);
  ASSERT_TRUE(dry.load(program).ok());
  ASSERT_TRUE(dry.launch({}).ok());
  fault = dry.run();
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->kind, FaultKind::OutOfRange);
  EXPECT_EQ(dry.state().streams[0].registers[1], 6);
}

TEST(Faults, HostAccesses) {
  Machine machine = builtIn("npu:atom");
  Simulator simulator(machine);
  char byte = 0;
  EXPECT_EQ(simulator.write(Space::Dram, 1, 0, &byte, 1).message(),
            "there is no dram 1: the machine has 1");
  EXPECT_EQ(simulator.read(Space::Scratchpad, 0, 4194304, &byte, 1).message(),
            "1 bytes at 4194304 are not in scratchpad 0, which has 4194304");
  EXPECT_EQ(simulator.launch({}).message(), "no program is loaded");
  Program program;
  program.machineHash = 1;
  EXPECT_NE(simulator.load(program).message().find("another machine"),
            std::string::npos);
}
