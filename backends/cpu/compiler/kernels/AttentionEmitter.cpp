//===- AttentionEmitter.cpp - Attention without a score matrix ------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// As FlashAttention (Dao et al., 2022) on one core: a block of queries of one
// head meets the keys in blocks. The scores of a block become probabilities
// relative to the largest score so far; sums and the output so far are scaled
// when that grows. Both products go through the micro-kernel; few queries
// (decoding) take dot products instead, which read keys and values in place.
//
//===----------------------------------------------------------------------===//

#include "backends/cpu/compiler/kernels/AttentionSteps.h"
#include "backends/cpu/compiler/kernels/Emitters.h"
#include "backends/cpu/compiler/kernels/Gemm.h"
#include "dialects/rt/KernelScope.h"
#include "lib/codegen/Scalar.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace narae;
using namespace narae::cpu;
using codegen::Indices;

namespace {

class AttentionBody {
public:
  AttentionBody(KernelContext &k, const MachineModel &machine,
                const Attention &a)
      : k(k), a(a), plan(AttentionPlan::make(machine, a)),
        steps(k, machine, a, plan) {}
  void emit();

private:
  void emitBlock(AttentionBlock block);
  Value endOfKeys(const AttentionBlock &block);
  void finish(const AttentionBlock &block);
  Value chooseBlocks();

  KernelContext &k;
  const Attention &a;
  AttentionPlan plan;
  AttentionSteps steps;
};

} // namespace

/// Blocks of queries of a head: more than needed when parts would not get the
/// same number.
Value AttentionBody::chooseBlocks() {
  Value one = k.index(1), parts = k.args.parts;
  Value queries = k.expr(a.queries);
  Value heads = k.maxI(k.mulI(k.expr(a.batch), k.expr(a.heads)), one);
  Value blocks = k.maxI(k.ceilDivI(queries, k.index(plan.rows)), one);
  Value items = k.mulI(heads, blocks);
  Value wanted = k.mulI(parts, k.index(8));
  Value isUneven = k.lessI(k.index(0), k.remI(items, parts));
  Value isFew = k.lessI(items, wanted);
  Value most = k.maxI(k.divI(queries, k.index(2 * plan.tile.mr)), blocks);
  Value more = k.minI(k.ceilDivI(wanted, heads), most);
  Value split = k.b.create<arith::AndIOp>(k.loc, isUneven, isFew);
  return k.selectV(split, k.maxI(more, blocks), blocks);
}

void AttentionBody::emit() {
  Value one = k.index(1), queries = k.expr(a.queries);
  Value rows = k.ceilDivI(queries, chooseBlocks());
  rows = k.maxI(k.minI(rows, k.index(plan.rows)), one);
  Value blocks = k.ceilDivI(queries, rows), some = k.maxI(blocks, one);
  Value heads = k.expr(a.heads), someHeads = k.maxI(heads, one);
  Value total = k.mulI(k.mulI(k.expr(a.batch), heads), blocks);
  auto [begin, end] = k.share(total);
  k.forLoop(begin, end, one, [&](Value item) {
    AttentionBlock block;
    block.row = k.mulI(k.remI(item, some), rows);
    block.rows = k.minI(k.subI(queries, block.row), rows);
    Value pair = k.divI(item, some);
    block.batch = k.divI(pair, someHeads);
    block.head = k.remI(pair, someHeads);
    Value perGroup = k.divI(heads, k.maxI(k.expr(a.groups), one));
    block.group = k.divI(block.head, k.maxI(perGroup, one));
    emitBlock(block);
  });
}

/// The keys that some query of the block sees.
Value AttentionBody::endOfKeys(const AttentionBlock &block) {
  Value keys = k.expr(a.keys);
  if (!a.op.getCausal())
    return keys;
  Value last = k.addI(block.row, block.rows);
  return k.maxI(k.minI(k.addI(last, steps.causalShift()), keys), k.index(0));
}

void AttentionBody::emitBlock(AttentionBlock block) {
  steps.start(block);
  Value end = endOfKeys(block), size = k.index(plan.keys);
  k.forLoop(k.index(0), end, size, [&](Value key) {
    block.key = key;
    block.keys = k.minI(k.subI(end, key), size);
    auto none = [](auto &&emit) {
      return [&emit]() {
        emit();
        return SmallVector<Value>();
      };
    };
    Value few = steps.hasFewPath() ? k.lessI(k.expr(a.queries), k.index(5))
                                   : k.constantAttr(k.b.getBoolAttr(false));
    auto scoresFew = [&] { steps.scoresByDots(block); };
    auto scores = [&] { steps.scores(block); };
    k.ifElse(few, {}, none(scoresFew), none(scores));
    steps.softmax(block);
    auto outputFew = [&] { steps.outputByRows(block); };
    auto output = [&] { steps.output(block); };
    k.ifElse(few, {}, none(outputFew), none(output));
  });
  finish(block);
}

void AttentionBody::finish(const AttentionBlock &block) {
  Value zero = k.index(0), one = k.index(1);
  Type f32 = k.b.getF32Type();
  Value result = a.op.getResult();
  k.forLoop(zero, block.rows, one, [&](Value r) {
    Value sum = k.load(steps.sums, f32, r);
    Value factor = k.b.create<arith::DivFOp>(k.loc, k.constant(f32, 1), sum);
    // A query that sees no key gets 0.
    Value isNone = k.b.create<arith::CmpFOp>(k.loc, arith::CmpFPredicate::OEQ,
                                             sum, k.zero(f32));
    factor = k.selectV(isNone, k.zero(f32), factor);
    Value start = k.mulI(r, steps.outputRow), query = k.addI(block.row, r);
    k.forLoop(zero, k.expr(a.width), one, [&](Value e) {
      Indices at{block.batch, block.head, query, e};
      if (a.op.getOutBshd())
        std::swap(at[1], at[2]);
      k.define(result, [&](ValueRange) -> Value {
        Value value = k.load(steps.out, f32, k.addI(start, e));
        value = k.b.create<arith::MulFOp>(k.loc, value, factor);
        return codegen::convert(k, value, f32, k.elementType(result));
      });
      storeYields(k, at);
      k.undefine(result);
    });
  });
}

namespace {

class AttentionEmitter final : public codegen::KernelEmitter {
public:
  StringRef name() const override { return "attention"; }

  bool matches(rt::KernelOp kernel, const MachineModel &machine) override {
    fm::SymbolicScope scope = rt::scopeOf(kernel);
    auto a = Attention::of(scope, codegen::anchorOf(kernel));
    return a && yieldsFollow(kernel, scope, a->op.getResult());
  }

  DictionaryAttr configure(rt::KernelOp kernel, const MachineModel &machine,
                           fm::Expr &scratch) override {
    fm::SymbolicScope scope = rt::scopeOf(kernel);
    Attention a = *Attention::of(scope, codegen::anchorOf(kernel));
    scratch = AttentionPlan::make(machine, a).scratch(scope, a);
    return DictionaryAttr::get(kernel.getContext());
  }

  LogicalResult emit(KernelContext &k, const MachineModel &machine) override {
    Attention a = *Attention::of(k.scope, codegen::anchorOf(k.kernel));
    AttentionBody(k, machine, a).emit();
    return success();
  }
};

} // namespace

std::unique_ptr<codegen::KernelEmitter> cpu::createAttentionEmitter() {
  return std::make_unique<AttentionEmitter>();
}
