//===- Stream.cpp - Products whose weights stream by --------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/cpu/compiler/kernels/Stream.h"
#include "backends/cpu/compiler/kernels/ByteVectors.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace narae;
using namespace narae::cpu;

/// Bytes between what is read of narrow floats and what is asked for.
static constexpr int64_t kAhead = 4096;

SmallVector<int64_t> cpu::streamHeights(int64_t rows, int64_t most) {
  SmallVector<int64_t> heights;
  for (int64_t height = most; height; height /= 2)
    if (rows == 0 || height <= rows)
      heights.push_back(height);
  return heights;
}

namespace {

class StreamEmitter {
public:
  StreamEmitter(KernelContext &k, const MachineModel &machine, const Stream &s)
      : k(k), v(k.b, k.loc, machine), s(s) {}

  void emit();

private:
  void emitPanel(const GemmBlock &block);
  void write(const GemmBlock &block, Value row, ArrayRef<Value> sums);

  KernelContext &k;
  VectorBuilder v;
  const Stream &s;
};

} // namespace

void StreamEmitter::emit() {
  Value one = k.index(1), zero = k.index(0), width = k.index(s.width);
  Value panels = k.ceilDivI(s.cols, width);
  Value most = k.index(s.maxRows);
  Value blocks = k.ceilDivI(s.rows, most);
  auto [begin, end] = k.share(k.mulI(k.mulI(s.batches, blocks), panels));
  Value somePanels = k.maxI(panels, one), someBlocks = k.maxI(blocks, one);
  // A run is what this part computes of one block of rows.
  Value firstRun = k.divI(begin, somePanels);
  Value endRun =
      k.selectV(k.lessI(begin, end), k.ceilDivI(end, somePanels), firstRun);
  Value from = begin, to = end;
  k.forLoop(firstRun, endRun, one, [&](Value run) {
    Value base = k.mulI(run, panels);
    GemmBlock block;
    block.batch = k.divI(run, someBlocks);
    block.row = k.mulI(k.remI(run, someBlocks), most);
    block.rows = k.minI(k.subI(s.rows, block.row), most);
    if (s.prepare)
      s.prepare(block);
    k.forLoop(k.maxI(k.subI(from, base), zero),
              k.minI(k.subI(to, base), panels), one, [&](Value panel) {
                block.col = k.mulI(panel, width);
                block.cols = k.minI(k.subI(s.cols, block.col), width);
                emitPanel(block);
              });
  });
}

void StreamEmitter::emitPanel(const GemmBlock &block) {
  auto rows = [&](ArrayRef<int64_t> heights, auto &product) {
    Value done = k.index(0);
    for (int64_t height : heights) {
      Value step = k.index(height);
      Value count = k.divI(k.subI(block.rows, done), step);
      Value end = k.addI(done, k.mulI(count, step));
      k.forLoop(done, end, step, [&](Value row) {
        write(block, row, product(block, row, height));
      });
      done = end;
    }
    return SmallVector<Value>();
  };
  auto many = [&] {
    if (s.panel)
      s.panel(block);
    return rows(s.heights, s.product);
  };
  auto few = [&] { return rows(s.fewHeights, s.few); };
  if (!s.fewRows)
    many();
  else if (s.maxRows <= s.fewRows)
    few();
  else
    k.ifElse(k.lessI(k.index(s.fewRows), block.rows), {}, many, few);
  if (!s.output)
    s.finish(block, s.tile);
}

void StreamEmitter::write(const GemmBlock &block, Value row,
                          ArrayRef<Value> sums) {
  Value ld = s.output ? s.ldc : k.index(s.width);
  Value to = s.output ? s.output(block) : s.tile;
  int64_t columns = s.width / v.lanes;
  for (auto [i, sum] : llvm::enumerate(sums)) {
    Value line = k.mulI(k.addI(row, k.index(i / columns)), ld);
    v.store(sum, v.at(v.at(to, line), int64_t(i % columns * v.lanes)));
  }
}

void cpu::emitStream(KernelContext &k, const MachineModel &machine,
                     const Stream &stream) {
  StreamEmitter(k, machine, stream).emit();
}

//===----------------------------------------------------------------------===//
// Narrow floats
//===----------------------------------------------------------------------===//

SmallVector<Value> cpu::narrowProduct(KernelContext &k, VectorBuilder &v,
                                      Value panel, Type element, int64_t depth,
                                      Value x, int64_t ld, int64_t height) {
  ByteVectors bytes(v);
  int64_t size = element.getIntOrFloatBitWidth() / 8;
  int64_t width = 2 * v.lanes;
  // Chains of additions enough to hide their latency.
  int64_t unroll = std::max<int64_t>(1, 4 / height);
  SmallVector<Value> sums(unroll * height * 2, v.zero());
  auto step = [&](Value at, int64_t count, ValueRange carried) {
    SmallVector<Value> next(carried);
    Value row = bytes.at(panel, k.mulI(at, k.index(width * size)));
    Value here = v.at(x, at);
    for (int64_t u = 0; u < count; ++u) {
      Value line = bytes.at(row, u * width * size);
      bytes.prefetch(bytes.at(line, kAhead));
      auto [low, high] = bytes.loadNarrow(element, line);
      Value b[2] = {low, high};
      for (int64_t i = 0; i < height; ++i) {
        Value a = v.broadcast(v.loadScalar(v.at(here, i * ld + u)));
        for (int64_t j = 0; j < 2; ++j) {
          Value &sum = next[(u * height + i) * 2 + j];
          sum = v.fma(a, b[j], sum);
        }
      }
    }
    return next;
  };
  int64_t whole = depth / unroll * unroll;
  sums = k.forLoop(
      k.index(0), k.index(whole), k.index(unroll), sums,
      [&](Value at, ValueRange carried) { return step(at, unroll, carried); });
  if (whole < depth)
    sums = k.forLoop(
        k.index(whole), k.index(depth), k.index(1), sums,
        [&](Value at, ValueRange carried) { return step(at, 1, carried); });
  int64_t chains = height * 2;
  for (int64_t u = 1; u < unroll; ++u)
    for (int64_t i = 0; i < chains; ++i)
      sums[i] = v.add(sums[i], sums[u * chains + i]);
  sums.resize(chains);
  if (double factor = ByteVectors::narrowFactor(element); factor != 1)
    for (Value &sum : sums)
      sum = v.mul(sum, v.splat(factor));
  return sums;
}
