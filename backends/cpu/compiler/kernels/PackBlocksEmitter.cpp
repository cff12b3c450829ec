//===- PackBlocksEmitter.cpp - Quantised weights into panel blocks --------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// fm.pack_blocks, which runs at compile time: GGUF's blocks, row by row, into
// the planes of lib/codegen/BlockPanels.h. Four numbers, which are neighbours
// in both layouts, are moved as one word.
//
//===----------------------------------------------------------------------===//

#include "backends/cpu/compiler/kernels/Emitters.h"
#include "dialects/rt/KernelScope.h"
#include "lib/codegen/BlockPanels.h"
#include "lib/codegen/Blocks.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace narae;
using namespace narae::cpu;
using codegen::BlockPanelLayout;
using codegen::ByteReader;
using codegen::KernelContext;
using codegen::MachineModel;
using fm::BlockFormat;

namespace {

/// Packs one row of a panel block.
class RowPacker {
public:
  RowPacker(KernelContext &k, const BlockPanelLayout &layout, Value from,
            Value source, Value to, Value target, Value row)
      : k(k), layout(layout), r(k, from, source), w(k, to, target), from(from),
        source(source), to(to), target(target), row(row) {}

  void emit();

private:
  void group(Value g);
  void blockScales();
  /// Low parts of four numbers from k = 16 h + 4 l of a group on, a byte each.
  Value lowWord(Value g, unsigned h, unsigned l);
  /// What goes above them: pairs, or single bits.
  Value highWord(Value g, unsigned h, unsigned l);
  /// Four bits, one of each number.
  Value highBits(Value g, unsigned h, unsigned l);
  /// Scale and minimum of half h of a group.
  std::pair<Value, Value> subScales(Value g, unsigned h);

  Value plus(Value x, int64_t n) { return k.addI(x, k.index(n)); }
  Value times(Value x, int64_t n) { return k.mulI(x, k.index(n)); }
  Value div(Value x, int64_t n) { return k.divI(x, k.index(n)); }
  Value rem(Value x, int64_t n) { return k.remI(x, k.index(n)); }
  Value word(Value at);
  void storeWord(Value value, Value at);
  void storeByte(Value value, Value at);
  void copyHalf(int64_t source, int64_t target);

  KernelContext &k;
  const BlockPanelLayout &layout;
  ByteReader r, w;
  Value from, source, to, target, row;
};

} // namespace

Value RowPacker::word(Value at) {
  Value pointer = k.address(from, k.b.getI8Type(), k.addI(source, at));
  return k.b.create<LLVM::LoadOp>(k.loc, k.b.getI32Type(), pointer, 1);
}

void RowPacker::storeWord(Value value, Value at) {
  Value pointer = k.address(to, k.b.getI8Type(), k.addI(target, at));
  k.b.create<LLVM::StoreOp>(k.loc, value, pointer, 1);
}

void RowPacker::storeByte(Value value, Value at) {
  Value byte = k.b.create<arith::TruncIOp>(k.loc, k.b.getI8Type(), value);
  k.store(byte, to, k.b.getI8Type(), k.addI(target, at));
}

void RowPacker::copyHalf(int64_t source, int64_t target) {
  Value at = plus(times(row, 2), target);
  storeByte(r.u8(source), at);
  storeByte(r.u8(source + 1), plus(at, 1));
}

Value RowPacker::lowWord(Value g, unsigned h, unsigned l) {
  int64_t t = 16 * h + 4 * l;
  auto nibbles = [&](int64_t qs) {
    return r.band(r.shr(word(k.index(qs + 4 * l)), 4 * int64_t(h)), 0x0f0f0f0f);
  };
  auto pairs = [&](int64_t qs) {
    Value shift = r.toInt(times(rem(g, 4), 2));
    return r.band(r.shr(word(plus(times(div(g, 4), 32), qs + t)), shift),
                  0x03030303);
  };
  auto wide = [&](Value byte, Value high) {
    return r.band(r.shr(word(byte), r.toInt(times(high, 4))), 0x0f0f0f0f);
  };
  switch (layout.format) {
  case BlockFormat::Q4_0:
  case BlockFormat::IQ4_NL:
    return nibbles(2);
  case BlockFormat::Q4_1:
    return nibbles(4);
  case BlockFormat::Q5_0:
    return nibbles(6);
  case BlockFormat::Q5_1:
    return nibbles(8);
  case BlockFormat::Q8_0:
    return k.b.create<arith::XOrIOp>(k.loc, word(k.index(2 + t)),
                                     r.cst(int32_t(0x80808080)));
  case BlockFormat::Q2_K:
    return pairs(16);
  case BlockFormat::Q3_K:
    return pairs(32);
  case BlockFormat::Q4_K:
    return wide(plus(times(div(g, 2), 32), 16 + t), rem(g, 2));
  case BlockFormat::Q5_K:
    return wide(plus(times(div(g, 2), 32), 48 + t), rem(g, 2));
  case BlockFormat::Q6_K:
    return wide(plus(k.addI(times(div(g, 4), 64), times(rem(g, 2), 32)), t),
                div(rem(g, 4), 2));
  }
  return {};
}

Value RowPacker::highWord(Value g, unsigned h, unsigned l) {
  // q6_k alone has pairs above.
  Value shift = r.toInt(times(rem(g, 4), 2));
  Value at = plus(times(div(g, 4), 32), 128 + 16 * h + 4 * l);
  return r.band(r.shr(word(at), shift), 0x03030303);
}

Value RowPacker::highBits(Value g, unsigned h, unsigned l) {
  int64_t t = 16 * h + 4 * l;
  if (layout.format == BlockFormat::Q5_0 ||
      layout.format == BlockFormat::Q5_1) {
    int64_t qh = layout.format == BlockFormat::Q5_0 ? 2 : 4;
    return r.band(r.shr(word(k.index(qh)), t), 15);
  }
  int64_t qh = layout.format == BlockFormat::Q5_K ? 16 : 0;
  Value bits = r.band(r.shr(word(k.index(qh + t)), r.toInt(g)), 0x01010101);
  // The bits of four bytes come together at bit 24.
  Value product = k.b.create<arith::MulIOp>(k.loc, bits, r.cst(0x01020408));
  return r.band(r.shr(product, 24), 15);
}

std::pair<Value, Value> RowPacker::subScales(Value g, unsigned h) {
  Value sub = plus(times(g, 2), h);
  if (layout.format == BlockFormat::Q2_K) {
    Value both = r.u8(sub);
    return {r.band(both, 15), r.shr(both, 4)};
  }
  if (layout.format == BlockFormat::Q6_K)
    return {r.s8(plus(sub, 192)), {}};
  if (layout.format == BlockFormat::Q3_K) {
    Value s = r.toInt(sub);
    Value low = r.shr(r.u8(plus(rem(sub, 8), 96)), r.shl(r.shr(s, 3), 2));
    Value high = r.shr(r.u8(plus(rem(sub, 4), 104)), r.shl(r.shr(s, 2), 1));
    Value scale = r.bor(r.band(low, 15), r.shl(r.band(high, 3), 4));
    return {r.sub(scale, 32), {}};
  }
  // q4_k and q5_k: one a group, six bits each in twelve bytes.
  Value isLow = k.lessI(g, k.index(4)), low = plus(rem(g, 4), 4);
  Value a = r.u8(low), b = r.u8(plus(low, 4)), c = r.u8(plus(low, 8));
  return {k.selectV(isLow, r.band(a, 63),
                    r.bor(r.band(c, 15), r.shl(r.shr(a, 6), 4))),
          k.selectV(isLow, r.band(b, 63),
                    r.bor(r.shr(c, 4), r.shl(r.shr(b, 6), 4)))};
}

void RowPacker::group(Value g) {
  Value base = times(g, layout.groupBytes()), byte = times(row, 4);
  auto line = [&](int64_t from, int64_t i) {
    return k.addI(plus(base, from + 64 * i), byte);
  };
  auto storePairs = [&](int64_t from,
                        function_ref<Value(unsigned, unsigned)> pair) {
    for (unsigned h = 0; h < 2; ++h) {
      Value all;
      for (unsigned l = 0; l < 4; ++l) {
        Value moved = r.shl(pair(h, l), 2 * int64_t(l));
        all = all ? r.bor(all, moved) : moved;
      }
      storeWord(all, line(from, h));
    }
  };
  if (layout.low == BlockPanelLayout::Nibbles) {
    for (unsigned l = 0; l < 4; ++l)
      storeWord(r.bor(lowWord(g, 0, l), r.shl(lowWord(g, 1, l), 4)),
                line(0, l));
  } else if (layout.low == BlockPanelLayout::Bytes) {
    for (unsigned i = 0; i < 8; ++i)
      storeWord(lowWord(g, i / 4, i % 4), line(0, i));
  } else {
    storePairs(0, [&](unsigned h, unsigned l) { return lowWord(g, h, l); });
  }
  if (layout.highBytes == 128) {
    storePairs(layout.lowBytes,
               [&](unsigned h, unsigned l) { return highWord(g, h, l); });
  } else if (layout.highBytes == 64) {
    // Two rows share a byte, which is 0 before the first.
    Value shift = r.toInt(times(rem(row, 2), 4));
    for (unsigned i = 0; i < 8; ++i) {
      Value at = k.addI(plus(base, layout.lowBytes + 8 * i), div(row, 2));
      Value bits = r.shl(highBits(g, i / 4, i % 4), shift);
      storeByte(r.bor(w.u8(at), bits), at);
    }
  }
  for (unsigned h = 0; h < layout.subScales; ++h) {
    auto [scale, min] = subScales(g, h);
    Value at = k.addI(plus(base, 16 * h), row);
    storeByte(scale, plus(at, layout.scalesAt()));
    if (layout.subMins)
      storeByte(min, plus(at, layout.minsAt()));
  }
}

void RowPacker::blockScales() {
  int64_t d = 0, m = 2;
  if (layout.format == BlockFormat::Q2_K)
    d = 80, m = 82;
  else if (layout.format == BlockFormat::Q3_K)
    d = 108;
  else if (layout.format == BlockFormat::Q6_K)
    d = 208;
  copyHalf(d, layout.blockScalesAt());
  if (layout.blockMins)
    copyHalf(m, layout.blockMinsAt());
}

void RowPacker::emit() {
  k.forLoop(k.index(0), k.index(layout.groups()), k.index(1),
            [&](Value g) { group(g); });
  blockScales();
}

namespace {

class PackBlocksEmitter final : public codegen::KernelEmitter {
public:
  StringRef name() const override { return "pack_blocks"; }

  bool matches(rt::KernelOp kernel, const MachineModel &) override {
    auto pack = dyn_cast_or_null<fm::PackBlocksOp>(codegen::anchorOf(kernel));
    return pack && kernel.yield()->getNumOperands() == 1 &&
           kernel.yield()->getOperand(0) == pack.getResult() &&
           isa<BlockArgument>(pack.getInput());
  }

  LogicalResult emit(KernelContext &k, const MachineModel &) override {
    auto pack = cast<fm::PackBlocksOp>(codegen::anchorOf(k.kernel));
    Value input = pack.getInput(), result = pack.getResult();
    auto format = *fm::blockFormatOf(k.elementType(input));
    const auto &layout = BlockPanelLayout::of(format);
    ArrayRef<fm::Expr> dims = k.dims(result);
    Value blocks = k.expr(dims[dims.size() - 2]);
    Value panels = k.expr(dims[dims.size() - 3]);
    Value rows = k.dim(input, dims.size() - 3);
    Value zero = k.index(0), one = k.index(1), sixteen = k.index(16);
    Value bytes = k.index(fm::blockInfo(format).bytes);
    Value from = k.pointerOf(input), to = k.args.outputs[0];
    Value total = k.expr(k.scope.product(dims.drop_back()));
    auto shared = k.share(total);
    k.forLoop(shared.first, shared.second, one, [&](Value item) {
      Value block = k.remI(item, blocks), rest = k.divI(item, blocks);
      Value panel = k.remI(rest, panels), batch = k.divI(rest, panels);
      Value target = k.mulI(item, k.index(layout.bytes()));
      Value nothing =
          k.b.create<arith::ConstantOp>(k.loc, k.b.getI8IntegerAttr(0));
      k.forLoop(zero, k.index(layout.bytes()), one, [&](Value i) {
        k.store(nothing, to, k.b.getI8Type(), k.addI(target, i));
      });
      Value first = k.mulI(panel, sixteen);
      Value count = k.minI(k.subI(rows, first), sixteen);
      k.forLoop(zero, count, one, [&](Value row) {
        Value line = k.addI(k.mulI(batch, rows), k.addI(first, row));
        Value source = k.mulI(k.addI(k.mulI(line, blocks), block), bytes);
        RowPacker(k, layout, from, source, to, target, row).emit();
      });
    });
    return success();
  }
};

} // namespace

std::unique_ptr<codegen::KernelEmitter> cpu::createPackBlocksEmitter() {
  return std::make_unique<PackBlocksEmitter>();
}
