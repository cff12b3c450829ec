//===- Cache.cpp - New entries of caches ----------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The result has the operand's contents already, since it is the same memory
// (fm.cache_update is updated in place): only new slots are written. Parts own
// sequences and groups, so that no two write the same slot.
//
//===----------------------------------------------------------------------===//

#include "lib/codegen/elemental/Cache.h"
#include "dialects/fm/Storage.h"
#include "lib/codegen/elemental/Helpers.h"
#include "lib/codegen/emitters/Generic.h"
#include "lib/codegen/emitters/Rows.h"

using namespace mlir;
using namespace narae;
using namespace narae::codegen;

namespace {

class CacheEmitter : public KernelEmitter {
public:
  StringRef name() const override { return "cache_update"; }
  bool matches(rt::KernelOp kernel, const MachineModel &) override;
  LogicalResult emit(KernelContext &k, const MachineModel &machine) override;
};

/// Writes one row of a cache.
class RowWriter {
public:
  RowWriter(KernelContext &k, fm::CacheUpdateOp op)
      : k(k), op(op), a(k, k.b.getF32Type()), type(elementOf(op.getCache())),
        size(k.dim(op.getUpdate(), 3)), pieces(rowPieces(k, op.getUpdate())) {}
  /// The new entry (batch, token, group) to `row`.
  void write(Value row, Value batch, Value token, Value group);
  bool failed = false;

private:
  Value element(Value d);
  void writeBlock(Value to, Value first, Value count);

  KernelContext &k;
  fm::CacheUpdateOp op;
  Arith a;
  Type type;
  Value size;
  SmallVector<int64_t> pieces;
  Indices at;
};

} // namespace

Value RowWriter::element(Value d) {
  at[3] = d;
  Value x = k.element(op.getUpdate(), at);
  failed |= !x;
  return x ? x : a.zero();
}

/// As GGUF's q8_0: the scale is the largest magnitude / 127.
void RowWriter::writeBlock(Value to, Value first, Value count) {
  Type i8 = k.b.getI8Type(), i32 = k.b.getI32Type(), f16 = k.b.getF16Type();
  Value zero = k.index(0), one = k.index(1);
  // Twice rather than through memory: elements are cheap.
  Value most = k.forLoop(zero, count, one, {a.zero()},
                         [&](Value i, ValueRange acc) -> SmallVector<Value> {
                           Value x = a.abs(element(k.addI(first, i)));
                           return {a.select(a.gt(x, acc[0]), x, acc[0])};
                         })[0];
  Value scale = a.mul(most, a.cst(1.0 / 127));
  Value isZero = a.cmp(Compare::Eq, scale, a.zero());
  Value inverse = a.div(a.select(isZero, a.zero(), a.one()),
                        a.select(isZero, a.one(), scale));
  k.store(convert(k, scale, a.type, f16), to, f16, zero);
  Value quants = k.address(to, i8, k.index(2));
  k.forLoop(zero, count, one, [&](Value i) {
    Value x = a.mul(element(k.addI(first, i)), inverse);
    Value whole = a.unary<math::RoundEvenOp>(x);
    Value q = k.b.create<arith::FPToSIOp>(k.loc, i32, whole);
    k.store(k.b.create<arith::TruncIOp>(k.loc, i8, q), quants, i8, i);
  });
  k.forLoop(count, k.index(kQ8Elements), one,
            [&](Value i) { k.store(k.zero(i8), quants, i8, i); });
}

void RowWriter::write(Value row, Value batch, Value token, Value group) {
  at = {batch, token, group, k.index(0)};
  Value zero = k.index(0), one = k.index(1);
  if (!fm::blockFormatOf(type)) {
    overPieces(k, pieces, size, [&](Value begin, Value end) {
      k.forLoop(begin, end, one, [&](Value d) {
        k.store(convert(k, element(d), a.type, type), row, type, d);
      });
    });
    return;
  }
  k.forLoop(zero, size, k.index(kQ8Elements), [&](Value first) {
    Value count = k.minI(k.subI(size, first), k.index(kQ8Elements));
    Value place = k.divI(first, k.index(kQ8Elements));
    writeBlock(
        k.address(row, k.b.getI8Type(), k.mulI(place, k.index(kQ8Bytes))),
        first, count);
  });
}

bool CacheEmitter::matches(rt::KernelOp kernel, const MachineModel &) {
  auto op = dyn_cast_or_null<fm::CacheUpdateOp>(anchorOf(kernel));
  if (!op || kernel.yield()->getNumOperands() != 1 ||
      kernel.yield()->getOperand(0) != op.getResult())
    return false;
  Type type = elementOf(op.getCache());
  auto format = fm::blockFormatOf(type);
  return type.isF32() || type.isF16() || type.isBF16() ||
         format == fm::BlockFormat::Q8_0;
}

LogicalResult CacheEmitter::emit(KernelContext &k, const MachineModel &) {
  auto op = cast<fm::CacheUpdateOp>(anchorOf(k.kernel));
  Value cache = op.getCache(), zero = k.index(0), one = k.index(1);
  Value slots = k.dim(cache, 2), groups = k.dim(cache, 1);
  Value rowBytes = k.expr(cacheRowBytes(k.scope, cache));
  RowWriter writer(k, op);
  auto [begin, end] = k.share(k.mulI(k.dim(cache, 0), groups));
  k.forLoop(begin, end, one, [&](Value item) {
    Value batch = k.divI(item, groups), group = k.remI(item, groups);
    Value start = cacheStart(k, op.getStart(), batch);
    Value count =
        cacheLength(k, op.getLengths(), batch, k.dim(op.getUpdate(), 1));
    k.forLoop(zero, count, one, [&](Value token) {
      Value slot = k.addI(start, token);
      Value fits = k.b.create<arith::CmpIOp>(k.loc, arith::CmpIPredicate::sge,
                                             slot, zero);
      if (op.getRing())
        slot = k.remI(slot, k.maxI(slots, one));
      fits = k.b.create<arith::AndIOp>(k.loc, fits, k.lessI(slot, slots));
      k.ifThen(fits, [&] {
        Value place = k.addI(k.mulI(item, slots), slot);
        Value row = k.address(k.args.outputs[0], k.b.getI8Type(),
                              k.mulI(place, rowBytes));
        writer.write(row, batch, token, group);
      });
    });
  });
  return failure(writer.failed);
}

std::unique_ptr<KernelEmitter> codegen::createCacheEmitter() {
  return std::make_unique<CacheEmitter>();
}
