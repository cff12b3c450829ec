//===- PackNarrow.cpp - Weights that stay in their own type ---------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A matrix of bf16, f16, f8 or quantised blocks that a matmul reads, or experts
// that an expert_matmul reads, are packed in their own type, at compile time,
// and widened inside the kernels. Every kernel that reads the weight, also the
// gather of a tied embedding, then reads the packed copy, so that there is one.
// A gather from a matrix of f32 reads the panels of PackWeights.cpp likewise:
//
//   matmul(x, cast(w))            matmul(x, cast(unpack_panels(p)))
//   matmul(x, dequantize(w, s))   matmul(x, dequantize(unpack_panels(p), s))
//   matmul(x, dequantize(w))      matmul(x, block_panels(p))
//
//===----------------------------------------------------------------------===//

#include "backends/cpu/compiler/kernels/CpuKernels.h"
#include "backends/cpu/compiler/kernels/Emitters.h"
#include "backends/cpu/compiler/kernels/MicroKernel.h"

#include "mlir/IR/SymbolTable.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace narae;
using namespace narae::cpu;

namespace {

/// How a weight is packed.
struct Layout {
  bool isBlocks = false, transposed = false;
  bool operator==(const Layout &other) const {
    return isBlocks == other.isBlocks && transposed == other.transposed;
  }
};

/// A kernel's op that widens one of its arguments, or gathers from it.
struct Reader {
  rt::KernelOp kernel;
  Operation *op;
  BlockArgument arg;
};

class NarrowPacker {
public:
  NarrowPacker(ModuleOp module, const MachineModel &machine)
      : module(module), symbols(module), b(module.getContext()),
        width(RegisterTile::of(machine).nr) {
    module.walk(
        [&](rt::DispatchOp op) { dispatches[op.getKernel()].push_back(op); });
  }
  LogicalResult run();

private:
  void findReaders(rt::KernelOp kernel);
  void findWide(rt::KernelOp kernel);
  /// The layout that a reader's matmul wants; none where none reads it.
  std::optional<Layout> wanted(Reader reader);
  /// The weights that dispatches pass; empty where one is something else.
  SmallVector<fm::WeightOp> weightsOf(Reader reader);
  Value packed(fm::WeightOp weight, Layout layout);
  rt::KernelOp packKernel(Type type, Layout layout);
  LogicalResult rewrite(Reader reader, Layout layout);

  ModuleOp module;
  SymbolTable symbols;
  OpBuilder b;
  int64_t width;
  llvm::StringMap<SmallVector<rt::DispatchOp, 4>> dispatches;
  SmallVector<Reader> readers;
  llvm::StringMap<Layout> layouts; ///< of weights, by symbol
  llvm::DenseMap<std::pair<Block *, Attribute>, Value> packedValues;
  llvm::DenseMap<Type, SmallVector<std::pair<Layout, rt::KernelOp>, 2>>
      packKernels;
};

} // namespace

void NarrowPacker::findReaders(rt::KernelOp kernel) {
  for (Operation &op : kernel.block().without_terminator()) {
    auto cast = dyn_cast<fm::CastOp>(op);
    auto gather = dyn_cast<fm::GatherOp>(op);
    if (!cast && !gather && !isa<fm::DequantizeOp>(op))
      continue;
    auto arg = dyn_cast<BlockArgument>(op.getOperand(0));
    auto type =
        arg ? llvm::cast<RankedTensorType>(arg.getType()) : RankedTensorType();
    if (!arg || !arg.hasOneUse() || !type.hasStaticShape() ||
        type.getRank() < 2)
      continue;
    Type element = type.getElementType();
    bool isNarrow =
        element.isF16() || element.isBF16() || element.isFloat8E4M3FN();
    if ((cast && (!cast.getTo().isF32() || !isNarrow)) ||
        (gather && !isNarrow && !element.isF32()))
      continue;
    readers.push_back({kernel, &op, arg});
  }
}

/// Matrices of f32 that a matmul reads: PackWeights.cpp packs these for it, and
/// gathers can read the same panels.
void NarrowPacker::findWide(rt::KernelOp kernel) {
  auto matmul = dyn_cast_or_null<fm::MatmulOp>(codegen::anchorOf(kernel));
  auto arg = matmul ? dyn_cast<BlockArgument>(matmul.getRhs()) : nullptr;
  if (!arg || !arg.hasOneUse() || !isF32(arg) || !isF32(matmul.getLhs()) ||
      cast<RankedTensorType>(arg.getType()).getRank() != 2)
    return;
  for (fm::WeightOp weight : weightsOf({kernel, matmul, arg}))
    layouts.try_emplace(weight.getData(),
                        Layout{false, matmul.getTransposeRhs()});
}

std::optional<Layout> NarrowPacker::wanted(Reader reader) {
  auto type = cast<RankedTensorType>(reader.arg.getType());
  auto format = fm::blockFormatOf(type.getElementType());
  if (isa<fm::GatherOp>(reader.op)) // takes what others want
    return std::nullopt;
  for (Operation *user : reader.op->getUsers()) {
    bool transposed = true;
    if (auto matmul = dyn_cast<fm::MatmulOp>(user)) {
      if (matmul.getRhs() != reader.op->getResult(0) || !isF32(matmul.getLhs()))
        continue;
      transposed = matmul.getTransposeRhs();
    } else if (auto matmul = dyn_cast<fm::ExpertMatmulOp>(user);
               !matmul || matmul.getExperts() != reader.op->getResult(0) ||
               !isF32(matmul.getInput())) {
      continue;
    }
    if (!format)
      return Layout{false, transposed};
    int64_t elements = fm::blockInfo(*format).elements;
    if (transposed && type.getShape().back() % elements == 0)
      return Layout{true, true};
  }
  return std::nullopt;
}

SmallVector<fm::WeightOp> NarrowPacker::weightsOf(Reader reader) {
  SmallVector<fm::WeightOp> weights;
  for (rt::DispatchOp user : dispatches[reader.kernel.getSymName()]) {
    Value input = user.getInputs()[reader.arg.getArgNumber()];
    auto weight = input.getDefiningOp<fm::WeightOp>();
    if (!weight)
      return {};
    weights.push_back(weight);
  }
  return weights;
}

rt::KernelOp NarrowPacker::packKernel(Type type, Layout layout) {
  auto &known = packKernels[type];
  for (auto &[have, kernel] : known)
    if (have == layout)
      return kernel;
  MLIRContext *context = b.getContext();
  Location loc = module.getLoc();
  fm::SymbolicScope scope(context);
  b.clearInsertionPoint();
  OperationState state(loc, rt::KernelOp::getOperationName());
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(module.getBody());
  state.addRegion();
  state.addAttribute("sym_name", b.getStringAttr("pack"));
  for (StringRef name : {"symbols", "arg_dims", "result_dims", "nodes"})
    state.addAttribute(name, b.getArrayAttr({}));
  state.addAttribute("device", b.getStringAttr("cpu"));
  auto pack = cast<rt::KernelOp>(b.create(state));
  Block *body = b.createBlock(&pack.getBody());
  Value input = body->addArgument(type, loc), result;
  if (layout.isBlocks) {
    if (auto op = fm::createOp<fm::PackBlocksOp>(b, loc, scope, input))
      result = op.getResult();
  } else if (auto op = fm::createOp<fm::PackPanelsOp>(
                 b, loc, scope, input, uint64_t(width), layout.transposed)) {
    result = op.getResult();
  }
  if (!result) {
    pack.erase();
    return {};
  }
  b.create<fm::YieldOp>(loc, result);
  auto dimsOf = [&](Value value) -> Attribute {
    SmallVector<AffineExpr> sizes;
    for (int64_t size : cast<RankedTensorType>(value.getType()).getShape())
      sizes.push_back(b.getAffineConstantExpr(size));
    return AffineMapAttr::get(AffineMap::get(0, 0, sizes, context));
  };
  pack.setArgDimsAttr(b.getArrayAttr(dimsOf(input)));
  pack.setResultDimsAttr(b.getArrayAttr(dimsOf(result)));
  symbols.insert(pack);
  known.push_back({layout, pack});
  return pack;
}

Value NarrowPacker::packed(fm::WeightOp weight, Layout layout) {
  Value &known = packedValues[{weight->getBlock(), weight.getDataAttr()}];
  if (known)
    return known;
  rt::KernelOp pack = packKernel(weight.getType(), layout);
  if (!pack)
    return {};
  OpBuilder::InsertionGuard guard(b);
  // Before all who read any use of the weight in this block.
  b.setInsertionPointToStart(weight->getBlock());
  Value source = b.clone(*weight)->getResult(0);
  auto op = b.create<rt::DispatchOp>(
      weight.getLoc(), pack.yield()->getOperandTypes(), pack.getSymName(),
      ValueRange{source}, ValueRange());
  op->setAttr("nodes", b.getArrayAttr({}));
  return known = op->getResult(0);
}

LogicalResult NarrowPacker::rewrite(Reader reader, Layout layout) {
  rt::KernelOp kernel = reader.kernel;
  Block &block = kernel.block();
  auto &users = dispatches[kernel.getSymName()];
  SmallVector<Value> values;
  for (fm::WeightOp weight : weightsOf(reader)) {
    values.push_back(packed(weight, layout));
    if (!values.back())
      return failure();
  }
  rt::KernelOp pack = packKernel(reader.arg.getType(), layout);
  auto type = cast<RankedTensorType>(values.front().getType());
  unsigned number = reader.arg.getArgNumber();
  SmallVector<Attribute> dims(kernel.getArgDims().begin(),
                              kernel.getArgDims().end());
  BlockArgument fresh =
      block.insertArgument(number + 1, type, reader.arg.getLoc());
  dims[number] = pack.getResultDims()[0];
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(reader.op);
  auto shape = cast<RankedTensorType>(reader.arg.getType()).getShape();
  Location loc = reader.op->getLoc();
  if (layout.isBlocks) {
    auto format = fm::blockFormatOf(
        cast<RankedTensorType>(reader.arg.getType()).getElementType());
    Value wide = b.create<fm::BlockPanelsOp>(
        loc, reader.op->getResult(0).getType(), fresh,
        fm::blockInfo(*format).name, shape[shape.size() - 2]);
    reader.op->replaceAllUsesWith(ValueRange{wide});
    reader.op->erase();
  } else {
    int64_t n = shape[shape.size() - (layout.transposed ? 2 : 1)];
    Value unpacked = b.create<fm::UnpackPanelsOp>(loc, reader.arg.getType(),
                                                  fresh, n, layout.transposed);
    reader.op->setOperand(0, unpacked);
  }
  block.eraseArgument(number);
  kernel.setArgDimsAttr(b.getArrayAttr(dims));
  for (auto [user, value] : llvm::zip(users, values))
    user.getInputsMutable()[number].assign(value);
  return success();
}

LogicalResult NarrowPacker::run() {
  for (auto kernel : module.getOps<rt::KernelOp>())
    if (kernel.getDevice().split(':').first == "cpu")
      findReaders(kernel);
  // Matmuls decide; the first one where two want different things.
  for (const Reader &reader : readers)
    if (auto layout = wanted(reader))
      for (fm::WeightOp weight : weightsOf(reader))
        layouts.try_emplace(weight.getData(), *layout);
  for (auto kernel : module.getOps<rt::KernelOp>())
    if (kernel.getDevice().split(':').first == "cpu")
      findWide(kernel);
  for (const Reader &reader : readers) {
    SmallVector<fm::WeightOp> weights = weightsOf(reader);
    if (weights.empty())
      continue;
    auto first = layouts.find(weights.front().getData());
    if (first == layouts.end())
      continue;
    bool same = llvm::all_of(weights, [&](fm::WeightOp weight) {
      auto it = layouts.find(weight.getData());
      return it != layouts.end() && it->second == first->second;
    });
    if (same && failed(rewrite(reader, first->second)))
      return failure();
  }
  return success();
}

LogicalResult cpu::packNarrowWeights(ModuleOp module,
                                     const MachineModel &machine) {
  return NarrowPacker(module, machine).run();
}
