//===- ConstantEvaluation.cpp - Work on weights at compile time ===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Dispatches that read weights alone run now, by the kernels that would have
// run them later: the host's backend compiles them into an artifact of their
// own, whose inputs are the weights, and the runtime runs it in this process.
// Packing weights for matmul kernels, transposing and folding them need no
// code of their own.
//
//===----------------------------------------------------------------------===//

#include "dialects/rt/RtDialect.h"
#include "lib/driver/Session.h"
#include "lib/driver/TypeCodes.h"
#include "lib/memory/Passes.h"
#include "lib/schedule/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"

using namespace mlir;
using namespace narae;
using namespace narae::driver;

/// Results may be this much larger than what they are made from, or small.
static constexpr int64_t kMaxGrowth = 4, kSmallBytes = 1 << 20;

static int64_t bytesOf(Type type) {
  return fm::storageBytes(cast<RankedTensorType>(type));
}

namespace {

/// The values of a function that depend on weights alone.
class ConstantSet {
public:
  explicit ConstantSet(func::FuncOp func) {
    func.walk<WalkOrder::PreOrder>([&](Operation *op) {
      if (isConstant(op))
        values.insert(op->result_begin(), op->result_end());
    });
    // What others read is worth keeping; the rest is on the way.
    func.walk<WalkOrder::PreOrder>([&](Operation *op) {
      if (!isa<rt::DispatchOp>(op) || !values.contains(op->getResult(0)))
        return;
      for (Value result : op->getResults())
        if (isReadByOthers(result))
          frontier.insert(result);
    });
  }
  llvm::SetVector<Value> frontier;

private:
  bool isConstant(Operation *op) {
    if (isa<fm::WeightOp>(op))
      return true;
    if (auto view = dyn_cast<rt::ViewOp>(op))
      return view.getDims().empty() && values.contains(view.getInput());
    auto dispatch = dyn_cast<rt::DispatchOp>(op);
    if (!dispatch || !dispatch.getParams().empty())
      return false;
    int64_t in = 0, out = 0;
    for (Value input : dispatch.getInputs()) {
      if (!values.contains(input))
        return false;
      in += bytesOf(input.getType());
    }
    for (Type type : dispatch.getResultTypes()) {
      if (!cast<RankedTensorType>(type).hasStaticShape())
        return false;
      out += bytesOf(type);
    }
    return out <= std::max(kMaxGrowth * in, kSmallBytes);
  }
  /// Whether anything but constant dispatches reads a value, through views.
  bool isReadByOthers(Value value) {
    for (Operation *user : value.getUsers()) {
      if (isa<rt::ViewOp>(user) && values.contains(user->getResult(0))) {
        if (isReadByOthers(user->getResult(0)))
          return true;
      } else if (!isa<rt::DispatchOp>(user) ||
                 !values.contains(user->getResult(0))) {
        return true;
      }
    }
    return false;
  }
  DenseSet<Value> values;
};

/// A module whose main computes the frontier from weights given as inputs.
struct ConstantModule {
  OwningOpRef<ModuleOp> module;
  SmallVector<fm::WeightOp> inputs;
};

ConstantModule extract(ModuleOp module, ArrayRef<Value> frontier) {
  ConstantModule result;
  MLIRContext *context = module.getContext();
  Location loc = UnknownLoc::get(context);
  result.module = ModuleOp::create(loc);
  OpBuilder b = OpBuilder::atBlockEnd(result.module->getBody());

  // Everything the frontier needs, in program order.
  llvm::SetVector<Operation *> needed;
  SmallVector<Operation *> stack;
  for (Value value : frontier)
    stack.push_back(value.getDefiningOp());
  while (!stack.empty()) {
    Operation *op = stack.pop_back_val();
    if (!needed.insert(op))
      continue;
    for (Value operand : op->getOperands())
      stack.push_back(operand.getDefiningOp());
  }
  llvm::StringSet<> kernels;
  llvm::StringMap<fm::WeightOp> weights;
  SmallVector<Operation *> work;
  // Program order: a walk visits ops in it.
  module.walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (!needed.contains(op))
      return;
    if (auto weight = dyn_cast<fm::WeightOp>(op)) {
      if (weights.try_emplace(weight.getData(), weight).second)
        result.inputs.push_back(weight);
      return;
    }
    work.push_back(op);
    if (auto dispatch = dyn_cast<rt::DispatchOp>(op))
      kernels.insert(dispatch.getKernel());
  });
  for (auto kernel : module.getOps<rt::KernelOp>())
    if (kernels.contains(kernel.getSymName())) {
      auto copy = cast<rt::KernelOp>(b.clone(*kernel));
      // Chosen again for the host.
      copy.removeConfigAttr();
      copy.removeScratchAttr();
      copy.removeWorkAttr();
    }
  SmallVector<Type> inputTypes, resultTypes;
  llvm::StringMap<unsigned> argument;
  for (auto [i, weight] : llvm::enumerate(result.inputs)) {
    inputTypes.push_back(weight.getType());
    argument[weight.getData()] = i;
  }
  for (Value value : frontier)
    resultTypes.push_back(value.getType());
  auto func = b.create<func::FuncOp>(
      loc, "main", b.getFunctionType(inputTypes, resultTypes));
  Block *entry = func.addEntryBlock();
  b.setInsertionPointToEnd(entry);
  IRMapping map;
  module.walk([&](fm::WeightOp op) {
    auto it = argument.find(op.getData());
    if (it != argument.end())
      map.map(op.getResult(), entry->getArgument(it->second));
  });
  for (Operation *op : work)
    b.clone(*op, map);
  SmallVector<Value> results;
  for (Value value : frontier)
    results.push_back(map.lookup(value));
  b.create<func::ReturnOp>(loc, results);
  return result;
}

/// Runs an artifact whose shapes are static; the results' bytes.
bool runArtifact(StringRef path, MLIRContext *context,
                 ArrayRef<narae_tensor> inputs,
                 MutableArrayRef<narae_tensor> outputs, int threads) {
  auto failed = [&](narae_status *status) {
    if (!status)
      return false;
    emitError(UnknownLoc::get(context))
        << "evaluating weights failed: " << narae_status_message(status);
    narae_status_free(status);
    return true;
  };
  narae_artifact *artifact = nullptr;
  narae_session *session = nullptr;
  narae_load_options load{sizeof(load), 0, nullptr};
  if (failed(narae_artifact_load(path.str().c_str(), &load, &artifact)))
    return false;
  narae_session_options options{sizeof(options), nullptr, threads};
  bool ok = !failed(narae_session_create(artifact, &options, &session)) &&
            !failed(narae_session_run(session, 0, inputs.data(), inputs.size(),
                                      outputs.data(), outputs.size()));
  if (session)
    narae_session_release(session);
  narae_artifact_release(artifact);
  return ok;
}

} // namespace

bool driver::evaluateConstants(ModuleOp module, WeightStore &weights,
                               const CompileOptions &options) {
  MLIRContext *context = module.getContext();
  llvm::SetVector<Value> frontier;
  for (auto func : module.getOps<func::FuncOp>()) {
    ConstantSet constants(func);
    frontier.insert(constants.frontier.begin(), constants.frontier.end());
  }
  if (frontier.empty())
    return true;
  const NaraeBackendCompiler *host = hostBackend();
  ConstantModule part = extract(module, frontier.getArrayRef());

  CompileOptions hostOptions = options;
  hostOptions.dumpPhases.clear();
  hostOptions.target = host->name;
  std::string error;
  std::string json = describeTarget(host->name, error);
  Session session(*context, hostOptions);
  session.module = std::move(part.module);
  SmallString<256> path;
  if (!session.resolveTarget() ||
      !session.target().configure(*session.module) ||
      !session.run(Phase::Schedule) || !session.run(Phase::Memory) ||
      !session.run(Phase::Codegen))
    return false;
  if (std::error_code code =
          llvm::sys::fs::createTemporaryFile("narae-weights", "narae", path)) {
    emitError(UnknownLoc::get(context))
        << "cannot make a temporary file: " << code.message();
    return false;
  }
  llvm::FileRemover remover(path);
  if (!emitArtifact(*session.module, weights, json, host->name, "{}", "{}",
                    path.str().str()))
    return false;

  std::vector<narae_tensor> inputs, outputs;
  std::vector<std::vector<char>> results;
  std::vector<std::vector<int64_t>> shapes;
  auto tensor = [&](Type type, void *data) {
    auto ranked = cast<RankedTensorType>(type);
    shapes.push_back(ranked.getShape().vec());
    return narae_tensor{narae_type(typeCode(ranked.getElementType())),
                        shapes.back().size(), shapes.back().data(), data};
  };
  for (fm::WeightOp weight : part.inputs) {
    auto bytes = weights.find(weight.getData());
    if (!bytes) {
      weight.emitError("the bytes of the weight are missing");
      return false;
    }
    inputs.push_back(
        tensor(weight.getType(), const_cast<char *>(bytes->data())));
  }
  for (Value value : frontier) {
    results.emplace_back(std::max<int64_t>(bytesOf(value.getType()), 1));
    outputs.push_back(tensor(value.getType(), results.back().data()));
  }
  if (!runArtifact(path, context, inputs, outputs, options.threads))
    return false;

  // Each result becomes a weight, named after its model node.
  SymbolTable symbols(module);
  OpBuilder b(context);
  for (auto [value, bytes] : llvm::zip(frontier, results)) {
    Operation *op = value.getDefiningOp();
    bytes.resize(bytesOf(value.getType()));
    uint64_t hash = WeightStore::hash(bytes);
    uint64_t size = bytes.size();
    auto data = OpBuilder(context).create<fm::WeightDataOp>(
        op->getLoc(), "evaluated", value.getType(), /*file=*/"", /*offset=*/0,
        size, hash);
    symbols.insert(data, module.getBody()->begin());
    weights.addBytes(data.getSymName(), std::move(bytes));
    b.setInsertionPoint(op);
    Value weight = b.create<fm::WeightOp>(
        op->getLoc(), value.getType(),
        FlatSymbolRefAttr::get(context, data.getSymName()));
    Value(value).replaceAllUsesWith(weight);
  }
  // Weights that only the evaluated work read are not needed any more.
  PassManager pm(context, ModuleOp::getOperationName());
  pm.addPass(createCSEPass());
  pm.addPass(createCanonicalizerPass());
  if (failed(pm.run(module)))
    return false;
  llvm::StringSet<> used;
  module.walk([&](fm::WeightOp op) { used.insert(op.getData()); });
  for (auto data :
       llvm::make_early_inc_range(module.getOps<fm::WeightDataOp>()))
    if (!used.contains(data.getSymName())) {
      weights.erase(data.getSymName());
      data.erase();
    }
  return true;
}
