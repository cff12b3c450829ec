//===- CachedAttentionEmitter.cpp - Attention over a cache ----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// As AttentionEmitter.cpp, but with the keys and values of a cache: only the
// positions that some query of a block sees are visited, wherever a ring has
// them. Parts get blocks of tokens of a group, or some of the group's heads
// when there are few of those.
//
//===----------------------------------------------------------------------===//

#include "backends/cpu/compiler/kernels/CachedAttention.h"
#include "backends/cpu/compiler/kernels/Emitters.h"
#include "backends/cpu/compiler/kernels/Gemm.h"
#include "dialects/rt/KernelScope.h"
#include "lib/codegen/elemental/Cache.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace narae;
using namespace narae::cpu;
using codegen::CacheRange;

/// Up to so many rows (tokens by heads of a group) dot products are faster
/// than packing keys for the micro-kernel.
static constexpr int64_t kFewRows = 16;
static constexpr int64_t kMaxSize = 1024; ///< of a head

std::optional<CachedAttention> CachedAttention::of(fm::SymbolicScope &scope,
                                                   Operation *op) {
  auto attention = dyn_cast_or_null<fm::CachedAttentionOp>(op);
  if (!attention)
    return std::nullopt;
  CachedAttention a;
  a.op = attention;
  auto isRead = [](Value cache) { return isa<BlockArgument>(cache); };
  if (!isRead(attention.getKey()) || !isRead(a.valueCache()))
    return std::nullopt;
  ArrayRef<fm::Expr> query = scope.dims(attention.getQuery());
  a.batch = query[0], a.tokens = query[1];
  auto heads = fm::constantOf(query[2]), depth = fm::constantOf(query[3]);
  auto groups = fm::constantOf(scope.dim(attention.getKey(), 1));
  auto width = fm::constantOf(scope.dim(attention.getResult(), 3));
  auto full = fm::constantOf(scope.dim(a.valueCache(), 3));
  if (!heads || !depth || !groups || !width || !full || *groups < 1 ||
      *heads < 1 || *depth < 1 || *width < 1 || *depth > kMaxSize ||
      *width > kMaxSize)
    return std::nullopt;
  a.heads = *heads, a.groups = *groups, a.depth = *depth, a.width = *width;
  return a;
}

CachedAttentionPlan CachedAttentionPlan::make(const MachineModel &machine,
                                              const CachedAttention &a) {
  CachedAttentionPlan plan;
  plan.tile = RegisterTile::of(machine);
  plan.rows = plan.keys = 128;
  if (auto tokens = fm::constantOf(a.tokens))
    plan.rows = std::clamp<int64_t>(*tokens * a.headsPerGroup(), 1, plan.rows);
  plan.lda = rowDistance(std::max(plan.keys, a.depth));
  plan.outputRow = llvm::alignTo(a.width, 16);
  plan.wideRow = llvm::alignTo(std::max(a.depth, a.width), 16) + 16;
  return plan;
}

namespace {

class CachedAttentionBody {
public:
  CachedAttentionBody(KernelContext &k, const MachineModel &machine,
                      const CachedAttention &a)
      : k(k), a(a), plan(CachedAttentionPlan::make(machine, a)),
        steps(k, machine, a, plan) {}
  void emit();

private:
  void emitBlock(CachedBlock block);
  void emitKeys(CachedBlock block);
  void finish(const CachedBlock &block);
  void chooseBlocks();

  KernelContext &k;
  const CachedAttention &a;
  CachedAttentionPlan plan;
  CachedAttentionSteps steps;
  Value zero = k.index(0), one = k.index(1);
  Value tokens; ///< of a block
  Value heads;  ///< of a block
  Value isFew;  ///< i1
};

} // namespace

/// Smaller blocks than scratch memory has room for when parts would not get
/// the same number of them.
void CachedAttentionBody::chooseBlocks() {
  int64_t perGroup = a.headsPerGroup();
  int64_t most = std::max<int64_t>(plan.rows / perGroup, 1);
  Value all = k.expr(a.tokens), parts = k.args.parts;
  Value pairs = k.maxI(k.mulI(k.expr(a.batch), k.index(a.groups)), one);
  Value blocks = k.maxI(k.ceilDivI(all, k.index(most)), one);
  isFew = k.constantAttr(k.b.getBoolAttr(false));
  if (steps.hasFewPath())
    isFew = k.lessI(k.mulI(all, k.index(perGroup)), k.index(kFewRows + 1));
  Value items = k.mulI(pairs, blocks);
  Value isUneven = k.lessI(zero, k.remI(items, parts));
  Value isScarce = k.lessI(items, k.mulI(parts, k.index(8)));
  Value split = k.b.create<arith::AndIOp>(k.loc, isUneven, isScarce);
  Value wanted = k.ceilDivI(k.mulI(parts, k.index(8)), pairs);
  int64_t least = std::max<int64_t>(16 / perGroup, 1);
  Value more = k.minI(wanted, k.divI(all, k.index(least)));
  blocks = k.selectV(split, k.maxI(more, blocks), blocks);
  tokens = k.maxI(k.ceilDivI(all, blocks), one);
  // Heads share keys, so they part only when there is nothing else.
  items = k.mulI(pairs, k.ceilDivI(all, tokens));
  heads = k.index(std::min(perGroup, plan.rows));
  Value pieces = k.ceilDivI(parts, k.maxI(items, one));
  pieces = k.minI(pieces, k.index(perGroup));
  heads = k.minI(heads, k.ceilDivI(k.index(perGroup), pieces));
}

void CachedAttentionBody::emit() {
  chooseBlocks();
  Value all = k.expr(a.tokens), perGroup = k.index(a.headsPerGroup());
  Value blocks = k.ceilDivI(all, tokens), some = k.maxI(blocks, one);
  Value pieces = k.ceilDivI(perGroup, heads);
  Value groups = k.index(a.groups);
  Value total = k.mulI(k.mulI(k.expr(a.batch), groups), k.mulI(blocks, pieces));
  auto [begin, end] = k.share(total);
  k.forLoop(begin, end, one, [&](Value item) {
    CachedBlock block;
    block.head = k.mulI(k.remI(item, pieces), heads);
    block.heads = k.minI(k.subI(perGroup, block.head), heads);
    Value rest = k.divI(item, pieces);
    block.token = k.mulI(k.remI(rest, some), tokens);
    block.tokens = k.minI(k.subI(all, block.token), tokens);
    rest = k.divI(rest, some);
    block.group = k.remI(rest, groups);
    block.batch = k.divI(rest, groups);
    Value length = codegen::cacheLength(k, a.op.getLengths(), block.batch, all);
    Value real = k.minI(k.subI(length, block.token), block.tokens);
    block.rows = k.mulI(k.maxI(real, zero), block.heads);
    emitBlock(block);
  });
}

void CachedAttentionBody::emitBlock(CachedBlock block) {
  steps.start(block);
  k.ifThen(k.lessI(zero, block.rows), [&] {
    Value last = k.subI(k.divI(block.rows, block.heads), one);
    CacheRange range = codegen::visibleRange(k, a.op, block.batch, block.token,
                                             k.addI(block.token, last));
    Value start = codegen::cacheStart(k, a.op.getStart(), block.batch);
    block.position = k.addI(start, block.token);
    Value size = k.index(plan.keys);
    // Pieces that lie in one piece in the cache: one a turn of the ring.
    Value first = zero, turns = one, slots = range.slots;
    if (range.ring) {
      slots = k.maxI(slots, one);
      // What is older than a turn was overwritten.
      Value oldest = k.maxI(range.begin, k.subI(range.end, slots));
      range.begin = oldest;
      first = k.divI(range.begin, slots);
      turns = k.ceilDivI(range.end, slots);
    }
    k.forLoop(first, turns, one, [&](Value turn) {
      Value origin = range.ring ? k.mulI(turn, slots) : zero;
      Value from = range.begin, to = range.end;
      if (range.ring) {
        from = k.maxI(from, origin);
        to = k.minI(to, k.addI(origin, slots));
      }
      Value aligned = k.mulI(k.divI(from, size), size);
      k.forLoop(aligned, to, size, [&](Value key) {
        CachedBlock piece = block;
        piece.key = range.ring ? k.maxI(key, origin) : key;
        piece.keys = k.subI(k.minI(to, k.addI(key, size)), piece.key);
        piece.slot = k.subI(piece.key, origin);
        emitKeys(piece);
      });
    });
  });
  finish(block);
}

void CachedAttentionBody::emitKeys(CachedBlock block) {
  auto either = [&](llvm::function_ref<void()> few,
                    llvm::function_ref<void()> many) {
    if (!steps.hasFewPath())
      return many();
    auto none = [](llvm::function_ref<void()> emit) {
      return [emit]() {
        emit();
        return SmallVector<Value>();
      };
    };
    k.ifElse(isFew, {}, none(few), none(many));
  };
  either([&] { steps.scoresByDots(block); }, [&] { steps.scores(block); });
  steps.softmax(block);
  either([&] { steps.outputByRows(block); }, [&] { steps.output(block); });
}

void CachedAttentionBody::finish(const CachedBlock &block) {
  Type f32 = k.b.getF32Type();
  Value result = a.op.getResult();
  Value firstHead =
      k.addI(k.mulI(block.group, k.index(a.headsPerGroup())), block.head);
  k.forLoop(zero, k.mulI(block.tokens, block.heads), one, [&](Value r) {
    Value sum = k.load(steps.sums, f32, r);
    Value factor = k.b.create<arith::DivFOp>(k.loc, k.constant(f32, 1), sum);
    // Rows that see nothing, or are not real, are 0.
    Value isNone = k.b.create<arith::CmpFOp>(k.loc, arith::CmpFPredicate::OEQ,
                                             sum, k.zero(f32));
    factor = k.selectV(isNone, k.zero(f32), factor);
    Value token = k.addI(block.token, k.divI(r, block.heads));
    Value head = k.addI(firstHead, k.remI(r, block.heads));
    Value start = k.mulI(r, k.index(plan.outputRow));
    k.forLoop(zero, k.index(a.width), one, [&](Value e) {
      k.define(result, [&](ValueRange) -> Value {
        Value value = k.load(steps.out, f32, k.addI(start, e));
        return k.b.create<arith::MulFOp>(k.loc, value, factor);
      });
      storeYields(k, {block.batch, token, head, e});
      k.undefine(result);
    });
  });
}

namespace {

class CachedAttentionEmitter final : public codegen::KernelEmitter {
public:
  StringRef name() const override { return "cached_attention"; }

  bool matches(rt::KernelOp kernel, const MachineModel &) override {
    fm::SymbolicScope scope = rt::scopeOf(kernel);
    auto a = CachedAttention::of(scope, codegen::anchorOf(kernel));
    return a && yieldsFollow(kernel, scope, a->op.getResult());
  }

  DictionaryAttr configure(rt::KernelOp kernel, const MachineModel &machine,
                           fm::Expr &scratch) override {
    fm::SymbolicScope scope = rt::scopeOf(kernel);
    auto a = *CachedAttention::of(scope, codegen::anchorOf(kernel));
    scratch = scope.cst(CachedAttentionPlan::make(machine, a).scratch());
    return DictionaryAttr::get(kernel.getContext());
  }

  LogicalResult emit(KernelContext &k, const MachineModel &machine) override {
    auto a = *CachedAttention::of(k.scope, codegen::anchorOf(k.kernel));
    CachedAttentionBody(k, machine, a).emit();
    return success();
  }
};

} // namespace

std::unique_ptr<codegen::KernelEmitter> cpu::createCachedAttentionEmitter() {
  return std::make_unique<CachedAttentionEmitter>();
}
