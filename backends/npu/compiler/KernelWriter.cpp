//===- KernelWriter.cpp - Kernels as programs -----------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Cuts the results of a kernel into tiles, which all cores share out, and lets
// each tile be evaluated and stored. Tiles are as large as memory allows, but
// no larger than it takes to keep every core busy: both follow from the
// launch's dimensions, by arithmetic that the host does.
//
//===----------------------------------------------------------------------===//

#include "backends/npu/compiler/KernelWriter.h"
#include "backends/npu/compiler/Registry.h"

using namespace mlir;
using namespace narae;
using namespace narae::npu;

/// Elements of a tile below which cutting it further does not pay.
static constexpr int64_t kSmallTile = 2048;
/// Dimensions of a view.
static constexpr size_t kViewRank = maxRank;

namespace narae::npu {
class KernelWriter {
public:
  explicit KernelWriter(TileBuilder &b) : b(b) {}

  LogicalResult run();

private:
  LogicalResult writeResults(unsigned first, unsigned count);
  TileWish wishOf(Value result);
  TileBuilder &b;
};
} // namespace narae::npu

LogicalResult KernelWriter::run() {
  Block &block = b.kernel.block();
  for (Operation &op : block.without_terminator())
    if (failed(b.scope.add(&op)))
      return failure();
  for (Operation &op : block.without_terminator())
    if (OpEntry entry = findOp(op.getName().getStringRef()); entry.kernel)
      return entry.kernel(b, &op);
  // Results of the same dimensions are computed together.
  OperandRange results = b.kernel.yield()->getOperands();
  for (unsigned i = 0; i < results.size();) {
    unsigned end = i + 1;
    while (end < results.size() && b.dims(results[end]) == b.dims(results[i]))
      ++end;
    if (failed(writeResults(i, end - i)))
      return failure();
    i = end;
  }
  return success();
}

TileWish KernelWriter::wishOf(Value result) {
  ArrayRef<Expr> dims = b.dims(result);
  TileWish wish;
  wish.whole.assign(dims.size(), false);
  wish.single.assign(dims.size(), false);
  wish.most.assign(dims.size(), 0);
  wish.inner = b.scope.cst(1);
  for (Operation &op : b.kernel.block().without_terminator())
    if (OpEntry entry = findOp(op.getName().getStringRef()); entry.wish)
      if (b.dims(op.getResult(0)) == dims)
        entry.wish(b, &op, wish);
  // Views have five dimensions, and ops that have wishes may add one of their
  // own: the outer ones go one by one.
  bool hasInner = false;
  for (Operation &op : b.kernel.block().without_terminator())
    hasInner |= findOp(op.getName().getStringRef()).wish != nullptr;
  size_t room = hasInner ? kViewRank - 1 : kViewRank;
  for (size_t i = 0; i < dims.size(); ++i)
    if (wish.whole[i] && fm::constantOf(dims[i]) != 1 && room)
      --room;
  for (size_t i = dims.size(); i-- > 0;) {
    if (fm::constantOf(dims[i]) == 1 || wish.single[i] || wish.whole[i])
      continue;
    if (room)
      --room;
    else
      wish.single[i] = true;
  }
  return wish;
}

Access narae::npu::openTiles(TileBuilder &b, ArrayRef<Expr> dims,
                             const TileWish &wish) {
  fm::SymbolicScope &s = b.scope;
  Scalars &n = b.scalars;
  Expr one = s.cst(1), budget = s.cst(b.budget);
  auto positive = [&](Expr e) { return s.max(e, one); };
  Expr whole = positive(wish.inner), cut = one;
  for (auto [i, dim] : llvm::enumerate(dims)) {
    if (wish.whole[i])
      whole = s.mul(whole, positive(dim));
    else
      cut = s.mul(cut, positive(dim));
  }
  b.require(whole, budget,
            "a row of kernel '" + b.kernel.getSymName().str() +
                "' does not fit the scratchpad, where " +
                std::to_string(b.budget) +
                " elements are room for; use smaller dimensions, or compile "
                "for cpu");
  Expr room = positive(s.floorDiv(budget, whole));
  Expr share = s.ceilDiv(cut, s.cst(b.machine.allCores()));
  Expr least =
      positive(s.floorDiv(s.cst(wish.least ? wish.least : kSmallTile), whole));
  room = s.min(room, s.max(share, least));
  // From the innermost dimension outwards.
  SmallVector<Expr> tiles(dims.size()), counts(dims.size());
  for (size_t i = dims.size(); i-- > 0;) {
    if (wish.whole[i]) {
      tiles[i] = dims[i];
      counts[i] = one;
      continue;
    }
    Expr tile = wish.single[i] ? one : s.min(dims[i], room);
    if (wish.most[i])
      tile = s.min(tile, s.cst(wish.most[i]));
    if (fm::constantOf(dims[i]) == 1)
      tile = one;
    tiles[i] = tile;
    counts[i] = tile == dims[i] && fm::constantOf(dims[i])
                    ? one
                    : s.ceilDiv(dims[i], positive(tile));
    if (!wish.single[i])
      room = positive(s.floorDiv(room, positive(tile)));
  }
  Scalar rounds = n.host(s.product(counts));
  unsigned loop = b.beginLoop(rounds, /*isSharedOut=*/true);
  Scalar rest = n.pinned(loop, LoopValue::Item);
  Access access(dims.size());
  for (size_t i = dims.size(); i-- > 0;) {
    if (fm::constantOf(dims[i]) == 1) {
      access[i] = b.fixed(n.constant(0));
      continue;
    }
    Axis axis;
    axis.extent = dims[i];
    axis.tile = tiles[i];
    axis.isWhole = wish.whole[i];
    axis.start = n.constant(0);
    axis.size = n.host(dims[i]);
    if (fm::constantOf(counts[i]) != 1) {
      Scalar place = n.rem(rest, n.host(positive(counts[i])));
      rest = n.div(rest, n.host(positive(counts[i])));
      axis.start = n.mul(place, n.host(tiles[i]));
      axis.size = n.min(n.host(tiles[i]), n.sub(n.host(dims[i]), axis.start));
      if (wish.single[i])
        axis.size = n.constant(1);
    }
    int64_t most = s.range(tiles[i]).second;
    axis.most = std::clamp<int64_t>(most, 1, b.budget);
    // Later axes are the inner ones; ids must follow the order of dimensions.
    access[i].terms = {{0, one}};
    access[i].offset = axis.start;
    b.axes.push_back(axis);
  }
  // The axes were added from the innermost on.
  size_t count = llvm::count_if(
      access, [](const Index &index) { return !index.terms.empty(); });
  size_t first = b.axes.size() - count;
  std::reverse(b.axes.begin() + first, b.axes.end());
  AxisId next = AxisId(first);
  for (Index &index : access)
    if (!index.terms.empty())
      index.terms[0].first = next++;
  return access;
}

LogicalResult KernelWriter::writeResults(unsigned first, unsigned count) {
  OperandRange results = b.kernel.yield()->getOperands();
  Value lead = results[first];
  Access access = openTiles(b, b.dims(lead), wishOf(lead));
  for (unsigned i = first; i < first + count; ++i) {
    FailureOr<Tile> tile = b.evaluate(results[i], access);
    if (failed(tile))
      return failure();
    b.storeBuffer(b.kernel.block().getNumArguments() + i,
                  cast<ShapedType>(results[i].getType()).getElementType(),
                  b.dims(results[i]), access, *tile);
  }
  b.endLoop();
  return success();
}

//===----------------------------------------------------------------------===//
// The search for a tile size
//===----------------------------------------------------------------------===//

/// Elements of the largest tile that is tried.
static constexpr int64_t kLargestTile = 1 << 17;
static constexpr int64_t kSmallestTile = 256;

FailureOr<Kernel> narae::npu::writeKernel(rt::KernelOp kernel,
                                          const Machine &machine) {
  uint64_t needed = 0;
  for (int64_t budget = kLargestTile; budget >= kSmallestTile; budget /= 2) {
    TileBuilder b(kernel, machine, budget);
    if (failed(KernelWriter(b).run()))
      return failure();
    if (!b.numbers.problem.empty())
      return kernel.emitError("kernel @")
             << kernel.getSymName() << ": " << b.numbers.problem
             << "; compile this model for cpu";
    b.schedule.plan(/*copies=*/2);
    needed = b.schedule.scratchpadBytes;
    if (needed > uint64_t(machine.scratchpad.bytes) ||
        b.schedule.accumulatorBytes > uint64_t(machine.tensor.accumulatorBytes))
      continue;
    Kernel result;
    result.name = kernel.getSymName().str();
    result.buffers =
        kernel.block().getNumArguments() + kernel.yield()->getNumOperands();
    result.params = rt::paramCount(kernel);
    result.program.machineHash = machine.hash();
    std::string problem =
        assemble(b.schedule, b.scalars, b.numbers, result.program);
    if (!problem.empty())
      return kernel.emitError("kernel @")
             << kernel.getSymName() << ": " << problem;
    for (size_t i = 0; i < b.numbers.bindings.size(); ++i)
      result.program.parameters.push_back({"p" + std::to_string(i)});
    result.numbers = std::move(b.numbers.numbers);
    result.bindings = std::move(b.numbers.bindings);
    result.requirements = std::move(b.requirements);
    result.constants = std::move(b.constants);
    for (const std::string &problem : verify(result.program, machine))
      return kernel.emitError("internal error: the program of kernel @")
             << kernel.getSymName() << ": " << problem;
    return result;
  }
  return kernel.emitError("kernel @")
         << kernel.getSymName() << " needs " << needed
         << " bytes of scratchpad for the smallest tiles; the machine has "
         << machine.scratchpad.bytes << " a core (npu.scratchpad.bytes)";
}
