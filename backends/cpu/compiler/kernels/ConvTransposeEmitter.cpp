//===- ConvTransposeEmitter.cpp - Transposed convolutions in f32 ----------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The common case where windows do not overlap: strides equal the kernel and
// nothing is padded. Then every input pixel makes a patch of the output: one
// product with (filter, position in the window) as rows and input pixels as
// columns, whose tiles are scattered. Other cases are left to the generic
// emitter.
//
//===----------------------------------------------------------------------===//

#include "backends/cpu/compiler/kernels/Emitters.h"
#include "backends/cpu/compiler/kernels/Gemm.h"
#include "backends/cpu/compiler/kernels/Packing.h"
#include "dialects/rt/KernelScope.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace narae;
using namespace narae::cpu;
using codegen::Indices;
using fm::Expr;

namespace {

struct Patches {
  Value input, filter, bias, result;
  int64_t groups = 1;
  Expr batch, channels, pixels, rows; ///< channels and rows of one group
  fm::Exprs patch;                    ///< filters of a group, then the window
  fm::Exprs spatial;                  ///< of the input

  static std::optional<Patches> of(fm::SymbolicScope &scope, Operation *op);
};

} // namespace

std::optional<Patches> Patches::of(fm::SymbolicScope &scope, Operation *op) {
  auto conv = dyn_cast_or_null<fm::ConvTransposeOp>(op);
  if (!conv || !isF32(conv.getInput()) || !isF32(conv.getFilter()))
    return std::nullopt;
  Patches p;
  p.input = conv.getInput(), p.filter = conv.getFilter();
  p.bias = conv.getBias(), p.result = conv.getResult();
  p.groups = conv.getGroups();
  ArrayRef<Expr> in = scope.dims(p.input), filter = scope.dims(p.filter);
  ArrayRef<Expr> out = scope.dims(p.result);
  for (size_t i = 2; i < in.size(); ++i) {
    Expr stride = scope.cst(conv.getStrides()[i - 2]);
    bool fits = filter[i] == stride && conv.getDilations()[i - 2] == 1 &&
                out[i] == scope.mul(in[i], stride);
    if (!fits)
      return std::nullopt;
  }
  auto isZero = [](int64_t i) { return i == 0; };
  bool padded =
      conv.getAutoPad() == "explicit" && !llvm::all_of(conv.getPads(), isZero);
  if (padded || !llvm::all_of(conv.getOutputPadding(), isZero))
    return std::nullopt;
  p.batch = in[0];
  p.channels = scope.floorDiv(filter[0], scope.cst(p.groups));
  p.patch.assign(filter.begin() + 1, filter.end());
  p.spatial.assign(in.begin() + 2, in.end());
  p.rows = scope.product(p.patch);
  p.pixels = scope.product(p.spatial);
  return p;
}

static GemmPlan planOf(fm::SymbolicScope &scope, const Patches &p,
                       const MachineModel &machine) {
  GemmPlan plan =
      GemmPlan::make(machine, p.rows, p.channels, 1, /*packsB=*/true);
  plan.hasTile = true;
  return plan;
}

namespace {

class ConvTransposeEmitter final : public codegen::KernelEmitter {
public:
  StringRef name() const override { return "conv_transpose"; }

  bool matches(rt::KernelOp kernel, const MachineModel &machine) override {
    fm::SymbolicScope scope = rt::scopeOf(kernel);
    auto p = Patches::of(scope, codegen::anchorOf(kernel));
    return p && isa<BlockArgument>(p->input) && isa<BlockArgument>(p->filter) &&
           yieldsFollow(kernel, scope, p->result);
  }

  DictionaryAttr configure(rt::KernelOp kernel, const MachineModel &machine,
                           Expr &scratch) override {
    fm::SymbolicScope scope = rt::scopeOf(kernel);
    Patches p = *Patches::of(scope, codegen::anchorOf(kernel));
    scratch = planOf(scope, p, machine).scratch(scope, p.channels);
    return DictionaryAttr::get(kernel.getContext());
  }

  LogicalResult emit(KernelContext &k, const MachineModel &machine) override;
};

} // namespace

LogicalResult ConvTransposeEmitter::emit(KernelContext &k,
                                         const MachineModel &machine) {
  Patches p = *Patches::of(k.scope, codegen::anchorOf(k.kernel));
  GemmPlan plan = planOf(k.scope, p, machine);
  VectorBuilder v(k.b, k.loc, machine);
  Value rows = k.expr(p.rows), pixels = k.expr(p.pixels);
  Value channels = k.expr(p.channels);
  auto split = [&](Value batch) {
    Value groups = k.index(p.groups);
    return std::make_pair(k.divI(batch, groups), k.remI(batch, groups));
  };
  Gemm g;
  g.batches = k.mulI(k.expr(p.batch), k.index(p.groups));
  g.rows = rows, g.cols = pixels, g.depth = channels;
  g.packA = [&](const GemmBlock &block, Value k0, Value kc, Value to) {
    // The filter is [channels, rows]: transposed on the way.
    Value channel = k.addI(k.mulI(split(block.batch).second, channels), k0);
    Value from =
        v.at(k.pointerOf(p.filter), k.addI(k.mulI(channel, rows), block.row));
    packTransposed(k, v, from, rows, kc, block.rows, to, k.index(plan.lda));
  };
  g.panelB = [&](const GemmBlock &block, Value k0, Value kc, Value room) {
    Value channel = k.addI(k.mulI(block.batch, channels), k0);
    Value from =
        v.at(k.pointerOf(p.input), k.addI(k.mulI(channel, pixels), block.col));
    packRows(k, v, from, pixels, kc, block.cols, room, k.index(plan.tile.nr));
    return room;
  };
  g.finish = [&](const GemmBlock &block, Value tile) {
    auto [n, group] = split(block.batch);
    TileStore store;
    store.anchor = p.result;
    Indices position; // in the window
    store.row = [&, n = n, group = group](Value row) {
      position = k.delinear(p.patch, row);
      Value filters = k.mulI(group, k.expr(p.patch[0]));
      return Indices{n, k.addI(filters, position[0])};
    };
    store.at = [&](Indices at, Value col) {
      Indices pixel = k.delinear(p.spatial, col);
      for (auto [i, index] : llvm::enumerate(pixel))
        at.push_back(
            k.addI(k.mulI(index, k.expr(p.patch[i + 1])), position[i + 1]));
      return at;
    };
    if (p.bias)
      store.change = [&](Value element, ValueRange at) -> Value {
        Value bias = k.element(p.bias, {at[1]});
        return bias ? k.b.create<arith::AddFOp>(k.loc, element, bias) : element;
      };
    storeTile(k, plan, block, tile, store);
  };
  emitGemm(k, machine, plan, g);
  return success();
}

std::unique_ptr<codegen::KernelEmitter> cpu::createConvTransposeEmitter() {
  return std::make_unique<ConvTransposeEmitter>();
}
