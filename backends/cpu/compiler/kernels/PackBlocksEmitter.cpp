//===- PackBlocksEmitter.cpp - Quantised weights into panel blocks --------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// fm.pack_blocks, which runs at compile time: GGUF's blocks into panels, which
// parts share out.
//
//===----------------------------------------------------------------------===//

#include "backends/cpu/compiler/kernels/Emitters.h"
#include "backends/cpu/compiler/kernels/PackRows.h"
#include "dialects/rt/KernelScope.h"

using namespace mlir;
using namespace narae;
using namespace narae::cpu;
using codegen::BlockPanelLayout;

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

  LogicalResult emit(KernelContext &k, const MachineModel &machine) override {
    auto pack = cast<fm::PackBlocksOp>(codegen::anchorOf(k.kernel));
    Value input = pack.getInput(), result = pack.getResult();
    auto format = *fm::blockFormatOf(k.elementType(input));
    const auto &layout = BlockPanelLayout::of(format);
    VectorBuilder v(k.b, k.loc, machine);
    ByteVectors b8(v);
    ArrayRef<fm::Expr> dims = k.dims(result);
    Value blocks = k.expr(dims[dims.size() - 2]);
    Value panels = k.expr(dims[dims.size() - 3]);
    Value rows = k.dim(input, dims.size() - 3), one = k.index(1);
    Value rowBytes = k.mulI(blocks, k.index(fm::blockInfo(format).bytes));
    Value panelBytes = k.mulI(blocks, k.index(layout.bytes()));
    Value from = k.pointerOf(input), to = k.args.outputs[0];
    Value total = k.expr(k.scope.product(dims.drop_back(2)));
    auto shared = k.share(total);
    k.forLoop(shared.first, shared.second, one, [&](Value item) {
      Value panel = k.remI(item, panels), batch = k.divI(item, panels);
      Value first = k.mulI(panel, k.index(BlockPanelLayout::rows));
      // Rows that are missing repeat the last one.
      Value last = k.subI(k.subI(rows, first), one);
      Value line = k.addI(k.mulI(batch, rows), first);
      PanelRows lines{b8.at(from, k.mulI(line, rowBytes)), rowBytes, last};
      RowPacker(k, v, layout, lines)
          .panel(blocks, b8.at(to, k.mulI(item, panelBytes)));
    });
    return success();
  }
};

} // namespace

std::unique_ptr<codegen::KernelEmitter> cpu::createPackBlocksEmitter() {
  return std::make_unique<PackBlocksEmitter>();
}
