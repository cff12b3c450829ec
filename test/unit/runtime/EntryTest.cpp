//===- EntryTest.cpp - Programs with dynamic shapes and control flow ------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "test/unit/runtime/TestSession.h"

#include <algorithm>
#include <numeric>

using namespace narae;
using namespace narae::artifact;
using namespace narae::test;

/// y = 0 .. n-1 for a scalar n: the output's size is read from a tensor.
static std::unique_ptr<EntryT> iotaEntry() {
  EntryMaker b("iota");
  uint32_t zero = b.constant(0), eight = b.constant(8);
  uint32_t n = b.reserve(), bytes = b.reserve(), valid = b.reserve();
  uint32_t input = b.buffer(BufferKind_Input, 0, NARAE_I64, eight, {});
  uint32_t y = b.buffer(BufferKind_Output, 0, NARAE_I64, bytes, {n});
  b.input("n", NARAE_I64, {}, input);
  b.output("y", NARAE_I64, {dynamicDim(0, 0, -1)}, y);
  b.endPrologue(zero);
  b.entry->messages.push_back("n must not be negative");
  b.set(n, RegOp_Item, input, 0);
  b.set(valid, RegOp_Le, zero, n);
  b.set(bytes, RegOp_Mul, n, eight);
  b.eval();
  b.command(CommandKind_Check, valid, 0);
  b.dispatch(Iota, {y}, {n}, n, zero);
  return std::move(b.entry);
}

/// y = x + n, one at a time in a loop over two dynamic buffers.
static std::unique_ptr<EntryT> loopEntry() {
  EntryMaker b("loop");
  uint32_t zero = b.constant(0), one = b.constant(1), four = b.constant(4);
  uint32_t eight = b.constant(8);
  uint32_t size = b.op(RegOp_InputDim, 1, 0);
  uint32_t bytes = b.op(RegOp_Mul, size, four);
  uint32_t n = b.reserve(), i = b.reserve(), more = b.reserve();
  uint32_t count = b.buffer(BufferKind_Input, 0, NARAE_I64, eight, {});
  uint32_t x = b.buffer(BufferKind_Input, 1, NARAE_F32, bytes, {size});
  uint32_t a = b.buffer(BufferKind_Dynamic, 0, NARAE_F32, bytes, {size});
  uint32_t c = b.buffer(BufferKind_Dynamic, 0, NARAE_F32, bytes, {size});
  b.input("n", NARAE_I64, {}, count);
  b.input("x", NARAE_F32, {dynamicDim(1, 0, -1)}, x);
  b.output("y", NARAE_F32, {dynamicDim(1, 0, -1)}, a);
  b.endPrologue(zero);
  b.set(n, RegOp_Item, count, 0);
  b.set(i, RegOp_Const);
  b.eval();
  b.command(CommandKind_Allocate, a);
  b.command(CommandKind_Allocate, c);
  b.command(CommandKind_Copy, x, a, bytes);
  uint32_t head = b.next();
  b.set(more, RegOp_Lt, i, n);
  b.eval();
  uint32_t branch = b.command(CommandKind_Branch, more, 0);
  b.dispatch(AddOne, {a, c}, {size}, size, zero);
  b.command(CommandKind_Swap, a, c);
  b.set(i, RegOp_Add, i, one);
  b.eval();
  b.command(CommandKind_Jump, 0, head);
  b.entry->commands[branch] = Command(CommandKind_Branch, more, b.next(), 0);
  return std::move(b.entry);
}

static std::vector<float> affine(const std::vector<float> &x) {
  std::vector<float> y;
  for (float value : x)
    y.push_back(2 * (value * 3 + 1));
  return y;
}

static std::vector<float> ramp(int64_t n) {
  std::vector<float> x(static_cast<size_t>(n));
  std::iota(x.begin(), x.end(), 0.0f);
  return x;
}

TEST(Entry, DynamicDimensionAndArenaGrowth) {
  TestSession session(affineEntry(100000));
  uint64_t arena = 0;
  for (int64_t n : {5, 5, 1000, 3, 100000, 100000, 1}) {
    std::vector<float> x = ramp(n);
    std::vector<int64_t> shape = {n};
    std::vector<narae_tensor> outputs(1);
    ASSERT_EQ(session.run({tensorOf(NARAE_F32, x, shape)}, outputs), "");
    ASSERT_EQ(outputs[0].rank, 1u);
    ASSERT_EQ(outputs[0].shape[0], n);
    auto *y = static_cast<float *>(outputs[0].data);
    EXPECT_EQ(std::vector<float>(y, y + n), affine(x));
    uint64_t now = narae_session_arena_bytes(session.session);
    EXPECT_GE(now, static_cast<uint64_t>(4 * n));
    EXPECT_GE(now, arena);
    arena = now;
  }
}

TEST(Entry, CallersMemory) {
  TestSession session(affineEntry(100));
  std::vector<float> x = ramp(10), y(10);
  std::vector<int64_t> shape = {10}, wrong = {11};
  std::vector<narae_tensor> outputs = {tensorOf(NARAE_F32, y, shape)};
  ASSERT_EQ(session.run({tensorOf(NARAE_F32, x, shape)}, outputs), "");
  EXPECT_EQ(y, affine(x));
  y.resize(11);
  outputs = {tensorOf(NARAE_F32, y, wrong)};
  expectContains(session.run({tensorOf(NARAE_F32, x, shape)}, outputs),
                 "output 'y' has shape [10], the caller's memory is for [11]");
  // The session's own memory again.
  outputs.assign(1, {});
  ASSERT_EQ(session.run({tensorOf(NARAE_F32, x, shape)}, outputs), "");
  EXPECT_EQ(static_cast<float *>(outputs[0].data)[9], 56.0f);
}

TEST(Entry, OutputSizedByATensor) {
  TestSession session(iotaEntry());
  std::vector<int64_t> shape, n(1);
  for (int64_t size : {4, 0, 1000, 7}) {
    n[0] = size;
    std::vector<narae_tensor> outputs(1);
    ASSERT_EQ(session.run({tensorOf(NARAE_I64, n, shape)}, outputs), "");
    ASSERT_EQ(outputs[0].shape[0], size);
    ASSERT_NE(outputs[0].data, nullptr);
    auto *y = static_cast<int64_t *>(outputs[0].data);
    for (int64_t i = 0; i < size; ++i)
      ASSERT_EQ(y[i], i);
  }
  std::vector<narae_tensor> outputs(1);
  n[0] = -1;
  expectContains(session.run({tensorOf(NARAE_I64, n, shape)}, outputs),
                 "entry 'iota': n must not be negative");
  n[0] = INT64_MAX / 2;
  expectContains(session.run({tensorOf(NARAE_I64, n, shape)}, outputs),
                 "does not fit 64 bits");
  n[0] = INT64_MAX / 16;
  expectContains(session.run({tensorOf(NARAE_I64, n, shape)}, outputs),
                 "no memory");
  // Too small memory of the caller is not written.
  std::vector<int64_t> y(4), outputShape = {4};
  n[0] = 5;
  outputs = {tensorOf(NARAE_I64, y, outputShape)};
  expectContains(session.run({tensorOf(NARAE_I64, n, shape)}, outputs),
                 "the caller's memory is for");
  n[0] = 4;
  ASSERT_EQ(session.run({tensorOf(NARAE_I64, n, shape)}, outputs), "");
  EXPECT_EQ(y[3], 3);
}

TEST(Entry, LoopWithDynamicBuffers) {
  TestSession session(loopEntry());
  std::vector<int64_t> scalar, n(1);
  for (int64_t size : {3, 50, 2})
    for (int64_t steps : {0, 1, 2, 9}) {
      n[0] = steps;
      std::vector<float> x = ramp(size);
      std::vector<int64_t> shape = {size};
      std::vector<narae_tensor> outputs(1);
      ASSERT_EQ(session.run({tensorOf(NARAE_I64, n, scalar),
                             tensorOf(NARAE_F32, x, shape)},
                            outputs),
                "");
      auto *y = static_cast<float *>(outputs[0].data);
      for (int64_t i = 0; i < size; ++i)
        ASSERT_EQ(y[i], static_cast<float>(i + steps));
    }
}

TEST(Entry, EntriesShareTheArena) {
  auto program = kernelProgram();
  program->entries.push_back(affineEntry(10));
  program->entries.push_back(affineEntry(100000));
  program->entries[1]->name = "large";
  TestSession session(*program, 1);
  for (size_t entry : {0, 1, 0}) {
    std::vector<float> x = ramp(entry ? 100000 : 10);
    std::vector<int64_t> shape = {static_cast<int64_t>(x.size())};
    std::vector<narae_tensor> outputs(1);
    ASSERT_EQ(session.run({tensorOf(NARAE_F32, x, shape)}, outputs, entry), "");
    auto *y = static_cast<float *>(outputs[0].data);
    EXPECT_EQ(std::vector<float>(y, y + x.size()), affine(x));
  }
  std::vector<narae_tensor> outputs(1);
  expectContains(session.run({}, outputs, 2), "there is no entry 2");
}

/// Runs the affine entry after a change that only shows at run time.
static std::string runChanged(const std::function<void(EntryT &)> &change) {
  auto entry = affineEntry(100);
  change(*entry);
  TestSession session(std::move(entry));
  std::vector<float> x = ramp(10);
  std::vector<int64_t> shape = {10};
  std::vector<narae_tensor> outputs(1);
  return session.run({tensorOf(NARAE_F32, x, shape)}, outputs);
}

TEST(Entry, WrongSizesAreFoundBeforeKernelsRun) {
  // Register 0 is the constant 0, 1 is 4, 6 is the arena's size.
  auto constant = [](int64_t value, uint32_t at) {
    return runChanged([=](EntryT &e) {
      e.instructions[at] = RegInst(RegOp_Const, at, 0, 0, 0, value);
    });
  };
  EXPECT_EQ(constant(64, 6), "");
  expectContains(constant(39, 6), "reaches beyond the 39 bytes");
  expectContains(constant(-1, 6), "reaches beyond");
  expectContains(constant(32, 0), "reaches beyond"); // the arena's offset
  expectContains(constant(-64, 0), "reaches beyond");
  expectContains(constant(3, 1), "impossible size of 30 bytes for f32[10]");
  expectContains(constant(-4, 1), "impossible size");
  expectContains(constant(3, 3), "impossible size of 8 bytes for f32[3]");
  expectContains(constant(11, 4), "buffer 0 needs 44 bytes");
  expectContains(runChanged([](EntryT &e) {
                   e.instructions[6] = RegInst(RegOp_FloorDiv, 6, 5, 0, 0, 0);
                 }),
                 "division by zero");
  expectContains(runChanged([](EntryT &e) {
                   e.instructions[2] = RegInst(RegOp_Const, 2, 0, 0, 0, 1000);
                   e.instructions[3] = RegInst(RegOp_Const, 3, 0, 0, 0, 100);
                 }),
                 "buffer 1 needs 400 bytes, but there are 8");
}

TEST(Entry, DynamicBufferMustBeAllocated) {
  auto entry = loopEntry();
  for (Command &command : entry->commands)
    if (command.kind() == CommandKind_Allocate)
      command = Command(
          CommandKind_Jump, 0,
          static_cast<uint32_t>(&command - entry->commands.data()) + 1, 0);
  TestSession session(std::move(entry));
  std::vector<int64_t> scalar, n = {1}, shape = {4};
  std::vector<float> x = ramp(4);
  std::vector<narae_tensor> outputs(1);
  expectContains(session.run({tensorOf(NARAE_I64, n, scalar),
                              tensorOf(NARAE_F32, x, shape)},
                             outputs),
                 "needs 16 bytes, but there are 0");
}

TEST(Entry, AliasesAndOtherOutputs) {
  // The outputs are an input, a weight, and the upper half of the arena.
  EntryMaker b("views");
  uint32_t zero = b.constant(0), eight = b.constant(8), two = b.constant(2);
  uint32_t sixteen = b.constant(16), four = b.constant(4);
  uint32_t x = b.buffer(BufferKind_Input, 0, NARAE_F32, sixteen, {four});
  uint32_t w = b.buffer(BufferKind_Weight, 0, NARAE_F32, eight, {two});
  uint32_t t = b.buffer(BufferKind_Arena, 0, NARAE_F32, sixteen, {four}, zero);
  uint32_t half = b.buffer(BufferKind_Alias, t, NARAE_F32, eight, {two}, eight);
  b.input("x", NARAE_F32, {fixedDim(4)}, x);
  b.output("same", NARAE_F32, {fixedDim(4)}, x);
  b.output("weight", NARAE_F32, {fixedDim(2)}, w);
  b.output("half", NARAE_F32, {fixedDim(2)}, half);
  b.endPrologue(sixteen);
  b.dispatch(AddOne, {x, t}, {four}, four, zero);
  TestSession session(std::move(b.entry));
  std::vector<float> data = {1, 2, 3, 4}, given(2);
  std::vector<int64_t> shape = {4}, halfShape = {2};
  std::vector<narae_tensor> outputs(3);
  outputs[2] = tensorOf(NARAE_F32, given, halfShape);
  ASSERT_EQ(session.run({tensorOf(NARAE_F32, data, shape)}, outputs), "");
  EXPECT_EQ(static_cast<float *>(outputs[0].data)[3], 4.0f);
  EXPECT_NE(outputs[0].data, data.data());
  EXPECT_EQ(static_cast<float *>(outputs[1].data)[0], 3.0f);
  EXPECT_EQ(given, (std::vector<float>{4, 5}));
}

TEST(Entry, TraceNamesKernelsAndNodes) {
  TestSession session(affineEntry(100));
  std::vector<std::string> seen;
  narae_session_set_trace(
      session.session,
      [](void *context, const char *kernel, const char *nodes, uint64_t begin,
         uint64_t end) {
        EXPECT_LE(begin, end);
        static_cast<std::vector<std::string> *>(context)->push_back(
            std::string(kernel) + "/" + nodes);
      },
      &seen);
  std::vector<float> x = ramp(10);
  std::vector<int64_t> shape = {10};
  std::vector<narae_tensor> outputs(1);
  ASSERT_EQ(session.run({tensorOf(NARAE_F32, x, shape)}, outputs), "");
  EXPECT_EQ(seen, (std::vector<std::string>{"affine/node of affine",
                                            "twice/node of twice"}));
}
