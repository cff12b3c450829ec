//===- PackWeights.cpp - Weights of matmuls as panels ---------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Where the rhs of a kernel's matmul comes from weights alone, in all of its
// dispatches, the matmul takes panels instead. A kernel of its own packs them,
// together with what the matmul's kernel did to the weights before; since its
// operands are known, it runs at compile time. Matmuls of the same weight, also
// in other kernels, share the packed copy.
//
// A rhs that is computed at run time is packed by the matmul's kernel itself,
// panel by panel: a pass over memory and a barrier less.
//
//===----------------------------------------------------------------------===//

#include "backends/cpu/compiler/kernels/CpuKernels.h"
#include "backends/cpu/compiler/kernels/Emitters.h"
#include "backends/cpu/compiler/kernels/MicroKernel.h"
#include "dialects/rt/KernelScope.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/SymbolTable.h"
#include "llvm/ADT/SetVector.h"

#include <map>

using namespace mlir;
using namespace narae;
using namespace narae::cpu;
using fm::Expr;

namespace {

class WeightPacker {
public:
  WeightPacker(ModuleOp module, const MachineModel &machine)
      : module(module), symbols(module), b(module.getContext()),
        width(RegisterTile::of(machine).nr) {
    module.walk(
        [&](rt::DispatchOp op) { dispatches[op.getKernel()].push_back(op); });
  }

  LogicalResult run();

private:
  using Dispatches = SmallVector<rt::DispatchOp, 4>;
  /// The ops of a kernel that make the rhs, in order, and the arguments they
  /// use.
  struct Source {
    llvm::SetVector<Operation *> ops;
    llvm::SetVector<BlockArgument> args;
  };

  bool isWanted(rt::KernelOp kernel, fm::MatmulOp matmul, Source &source);
  std::optional<Source> sourceOf(fm::MatmulOp matmul);
  bool isConstant(Value value);
  rt::KernelOp packKernel(rt::KernelOp kernel, fm::MatmulOp matmul,
                          const Source &source);
  Value packed(rt::DispatchOp dispatch, rt::KernelOp pack,
               const Source &source);
  LogicalResult rewrite(rt::KernelOp kernel, fm::MatmulOp matmul,
                        Source &source);

  ModuleOp module;
  SymbolTable symbols;
  OpBuilder b;
  int64_t width;
  llvm::StringMap<Dispatches> dispatches;
  llvm::DenseMap<Value, bool> constants;
  std::map<std::string, rt::KernelOp> kernelsByText;
  std::map<std::pair<Operation *, std::vector<void *>>, Value> packedValues;
};

} // namespace

//===----------------------------------------------------------------------===//
// What is packed
//===----------------------------------------------------------------------===//

/// Whether a value of `main` is known at compile time.
bool WeightPacker::isConstant(Value value) {
  auto it = constants.find(value);
  if (it != constants.end())
    return it->second;
  Operation *op = value.getDefiningOp();
  bool result =
      op &&
      (isa<fm::WeightOp>(op) || matchPattern(op, m_Constant()) ||
       isa<rt::DispatchOp, rt::ViewOp, rt::EvalOp>(op)) &&
      llvm::all_of(op->getOperands(), [&](Value v) { return isConstant(v); });
  return constants[value] = result;
}

std::optional<WeightPacker::Source>
WeightPacker::sourceOf(fm::MatmulOp matmul) {
  Source source;
  SmallVector<Value> worklist{matmul.getRhs()};
  llvm::SetVector<Operation *> ops;
  while (!worklist.empty()) {
    Value value = worklist.pop_back_val();
    if (auto arg = dyn_cast<BlockArgument>(value)) {
      source.args.insert(arg);
      continue;
    }
    Operation *op = value.getDefiningOp();
    if (auto shape = dyn_cast<rt::ShapeValueOp>(op))
      for (Expr e : shape.getElements().getResults())
        if (!fm::constantOf(e))
          return std::nullopt;
    if (ops.insert(op))
      worklist.append(op->operand_begin(), op->operand_end());
  }
  // In the order of the block.
  for (Operation &op : *matmul->getBlock())
    if (ops.contains(&op))
      source.ops.insert(&op);
  return source;
}

/// Weights in fewer bits stay in them: see PackNarrow.cpp.
static bool widensMatrix(Operation *op) {
  if (auto cast = dyn_cast<fm::CastOp>(op)) {
    auto type = llvm::cast<RankedTensorType>(cast.getInput().getType());
    return type.getRank() >= 2 && isa<FloatType>(type.getElementType()) &&
           type.getElementTypeBitWidth() < 32;
  }
  return isa<fm::DequantizeOp, fm::BlockPanelsOp, fm::UnpackPanelsOp>(op);
}

bool WeightPacker::isWanted(rt::KernelOp kernel, fm::MatmulOp matmul,
                            Source &source) {
  fm::SymbolicScope scope = rt::scopeOf(kernel);
  bool isFloat = isF32(matmul.getLhs()) && isF32(matmul.getRhs()) &&
                 isF32(matmul.getResult()) &&
                 (!matmul.getBias() || isF32(matmul.getBias())) &&
                 (!matmul.getAcc() || matmul.getAcc()->isF32());
  if (!isFloat || !yieldsFollow(kernel, scope, matmul.getResult()) ||
      !cast<RankedTensorType>(matmul.getRhs().getType()).hasStaticShape())
    return false;
  Dispatches &users = dispatches[kernel.getSymName()];
  auto slice = sourceOf(matmul);
  if (users.empty() || !slice || llvm::any_of(slice->ops, widensMatrix))
    return false;
  for (rt::DispatchOp user : users)
    for (BlockArgument arg : slice->args)
      if (!cast<RankedTensorType>(arg.getType()).hasStaticShape() ||
          !isConstant(user.getInputs()[arg.getArgNumber()]))
        return false;
  source = std::move(*slice);
  return true;
}

//===----------------------------------------------------------------------===//
// Packing
//===----------------------------------------------------------------------===//

/// The kernel that packs; one for all with the same text.
rt::KernelOp WeightPacker::packKernel(rt::KernelOp kernel, fm::MatmulOp matmul,
                                      const Source &source) {
  MLIRContext *context = b.getContext();
  fm::SymbolicScope scope(context);
  Location loc = kernel.getLoc();
  b.clearInsertionPoint();
  auto pack = b.create<rt::KernelOp>(
      loc, "pack", b.getArrayAttr({}), b.getArrayAttr({}), b.getArrayAttr({}),
      b.getArrayAttr({}), kernel.getDeviceAttr(), DictionaryAttr(),
      AffineMapAttr(), AffineMapAttr(), FlatSymbolRefAttr(),
      DenseI64ArrayAttr(), DenseI64ArrayAttr());
  OpBuilder::InsertionGuard guard(b);
  Block *body = b.createBlock(&pack.getBody());
  IRMapping map;
  auto dimsOf = [&](Value value) -> Attribute {
    SmallVector<AffineExpr> sizes;
    for (int64_t size : cast<RankedTensorType>(value.getType()).getShape())
      sizes.push_back(b.getAffineConstantExpr(size));
    return AffineMapAttr::get(AffineMap::get(0, 0, sizes, context));
  };
  SmallVector<Attribute> argDims;
  for (BlockArgument arg : source.args) {
    map.map(arg, body->addArgument(arg.getType(), loc));
    argDims.push_back(dimsOf(arg));
  }
  for (Operation *op : source.ops) {
    Operation *copy = b.clone(*op, map);
    if (auto shape = dyn_cast<rt::ShapeValueOp>(copy))
      shape.setElementsAttr(AffineMapAttr::get(
          AffineMap::get(0, 0, shape.getElements().getResults(), context)));
  }
  auto panels =
      fm::createOp<fm::PackPanelsOp>(b, loc, scope, map.lookup(matmul.getRhs()),
                                     uint64_t(width), matmul.getTransposeRhs());
  if (!panels) {
    pack.erase();
    return {};
  }
  b.create<fm::YieldOp>(loc, panels.getResult());
  pack.setArgDimsAttr(b.getArrayAttr(argDims));
  pack.setResultDimsAttr(b.getArrayAttr(dimsOf(panels.getResult())));

  std::string text;
  llvm::raw_string_ostream(text) << *pack;
  if (auto it = kernelsByText.find(text); it != kernelsByText.end()) {
    pack.erase();
    return it->second;
  }
  pack.setNodesAttr(kernel.getNodesAttr());
  pack.setSymName((kernel.getSymName() + "_pack").str());
  symbols.insert(pack, module.getBody()->begin());
  return kernelsByText[text] = pack;
}

/// The panels of the weights that a dispatch passes.
Value WeightPacker::packed(rt::DispatchOp dispatch, rt::KernelOp pack,
                           const Source &source) {
  SmallVector<Value> inputs;
  std::vector<void *> key;
  for (BlockArgument arg : source.args) {
    inputs.push_back(dispatch.getInputs()[arg.getArgNumber()]);
    key.push_back(inputs.back().getAsOpaquePointer());
  }
  // Right behind the last of its operands it comes before all who share them.
  Operation *last = nullptr;
  bool sameBlock = true;
  for (Value input : inputs) {
    Operation *def = input.getDefiningOp();
    if (last && def->getBlock() != last->getBlock())
      sameBlock = false;
    else if (!last || last->isBeforeInBlock(def))
      last = def;
  }
  bool shared = last && sameBlock;
  Value &known = packedValues[{pack, key}];
  if (shared && known)
    return known;
  OpBuilder::InsertionGuard guard(b);
  if (shared)
    b.setInsertionPointAfter(last);
  else
    b.setInsertionPoint(dispatch);
  auto op = b.create<rt::DispatchOp>(dispatch.getLoc(),
                                     pack.yield()->getOperandTypes(),
                                     pack.getSymName(), inputs, ValueRange());
  op->setAttr("nodes", pack.getNodesAttr());
  Value result = op->getResult(0);
  constants[result] = true;
  if (shared)
    known = result;
  return result;
}

LogicalResult WeightPacker::rewrite(rt::KernelOp kernel, fm::MatmulOp matmul,
                                    Source &source) {
  rt::KernelOp pack = packKernel(kernel, matmul, source);
  if (!pack)
    return failure();
  // main
  Dispatches &users = dispatches[kernel.getSymName()];
  SmallVector<Value> panels;
  for (rt::DispatchOp user : users)
    panels.push_back(packed(user, pack, source));

  // The kernel's body.
  Block &block = kernel.block();
  fm::SymbolicScope scope = rt::scopeOf(kernel);
  auto type = cast<RankedTensorType>(pack.yield()->getOperand(0).getType());
  BlockArgument arg = block.addArgument(type, matmul.getLoc());
  SmallVector<Attribute> dims(kernel.getArgDims().begin(),
                              kernel.getArgDims().end());
  dims.push_back(cast<AffineMapAttr>(pack.getResultDims()[0]));
  auto rhs = cast<RankedTensorType>(matmul.getRhs().getType()).getShape();
  int64_t n = rhs[rhs.size() - (matmul.getTransposeRhs() ? 2 : 1)];
  b.setInsertionPoint(matmul);
  auto nType = RankedTensorType::get({1}, b.getI64Type());
  auto count = fm::createOp<fm::ConstantOp>(
      b, matmul.getLoc(), scope,
      cast<ElementsAttr>(DenseElementsAttr::get(nType, n)));
  auto product = b.create<fm::PackedMatmulOp>(
      matmul.getLoc(), matmul.getResult().getType(), matmul.getLhs(), arg,
      count, matmul.getBias(), matmul.getTransposeLhs(), matmul.getAccAttr());
  matmul.replaceAllUsesWith(product.getResult());
  matmul.erase();
  for (Operation *op : llvm::reverse(source.ops))
    if (op->use_empty())
      op->erase();

  // Arguments that nobody reads any more.
  llvm::BitVector unused(block.getNumArguments());
  for (BlockArgument old : source.args)
    if (old.use_empty())
      unused.set(old.getArgNumber());
  SmallVector<Attribute> kept;
  for (auto [i, attr] : llvm::enumerate(dims))
    if (!unused[i])
      kept.push_back(attr);
  block.eraseArguments(unused);
  kernel.setArgDimsAttr(b.getArrayAttr(kept));
  for (auto [user, value] : llvm::zip(users, panels)) {
    SmallVector<Value> inputs;
    for (auto [i, input] : llvm::enumerate(user.getInputs()))
      if (!unused[i])
        inputs.push_back(input);
    inputs.push_back(value);
    user.getInputsMutable().assign(inputs);
  }
  return success();
}

/// The text of a kernel that has the name of those that are not in the module.
static std::string textOf(rt::KernelOp kernel) {
  rt::KernelOp copy = kernel.clone();
  copy.setSymName("pack");
  std::string text;
  llvm::raw_string_ostream(text) << *copy;
  copy->destroy();
  return text;
}

LogicalResult WeightPacker::run() {
  SmallVector<rt::KernelOp> kernels;
  for (auto kernel : module.getOps<rt::KernelOp>())
    if (kernel.getDevice().split(':').first == "cpu")
      kernels.push_back(kernel);
  // Gathers may have had panels made already (PackNarrow.cpp).
  for (rt::KernelOp kernel : kernels)
    if (isa<fm::PackPanelsOp>(kernel.block().front()))
      kernelsByText.try_emplace(textOf(kernel), kernel);
  for (rt::KernelOp kernel : kernels) {
    auto matmul = dyn_cast_or_null<fm::MatmulOp>(codegen::anchorOf(kernel));
    Source source;
    if (matmul && isWanted(kernel, matmul, source) &&
        failed(rewrite(kernel, matmul, source)))
      return failure();
  }
  return success();
}

LogicalResult cpu::prepareContractions(ModuleOp module,
                                       const MachineModel &machine) {
  if (machine.keepWeights)
    return success();
  if (failed(packNarrowWeights(module, machine)))
    return failure();
  return WeightPacker(module, machine).run();
}
