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

#include <functional>

using namespace mlir;
using namespace narae;
using namespace narae::driver;

/// Results may be this much larger than what they are made from, or small.
static constexpr int64_t kMaxGrowth = 4, kSmallBytes = 1 << 20;
/// Bytes that one run of evaluated work reads and writes, where it can be
/// divided: weights beyond need not be in memory at the same time.
static constexpr int64_t kBatchBytes = 256 << 20;

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

/// A part of the frontier that one run computes, from weights as inputs.
struct Batch {
  SmallVector<Value> results;
  SmallVector<fm::WeightOp> inputs;
};

/// Ops that compute `values`, in program order, and the weights they read.
SmallVector<Operation *> collectWork(ArrayRef<Value> values,
                                     SmallVectorImpl<fm::WeightOp> &inputs) {
  llvm::SetVector<Operation *> needed;
  SmallVector<Operation *> stack;
  for (Value value : values)
    stack.push_back(value.getDefiningOp());
  while (!stack.empty()) {
    Operation *op = stack.pop_back_val();
    if (!needed.insert(op))
      continue;
    for (Value operand : op->getOperands())
      stack.push_back(operand.getDefiningOp());
  }
  // Operands come before their users in each order that this makes.
  SmallVector<Operation *> work;
  llvm::StringSet<> seen;
  DenseSet<Operation *> done;
  std::function<void(Operation *)> visit = [&](Operation *op) {
    if (!done.insert(op).second)
      return;
    for (Value operand : op->getOperands())
      visit(operand.getDefiningOp());
    if (auto weight = dyn_cast<fm::WeightOp>(op)) {
      if (seen.insert(weight.getData()).second)
        inputs.push_back(weight);
    } else {
      work.push_back(op);
    }
  };
  for (Value value : values)
    visit(value.getDefiningOp());
  return work;
}

/// Batches of the frontier, in its order; results of one op stay together.
SmallVector<Batch> divide(ArrayRef<Value> frontier) {
  SmallVector<Batch> batches;
  int64_t bytes = 0;
  for (size_t i = 0; i < frontier.size();) {
    size_t end = i + 1;
    while (end < frontier.size() &&
           frontier[end].getDefiningOp() == frontier[i].getDefiningOp())
      ++end;
    ArrayRef<Value> part = frontier.slice(i, end - i);
    SmallVector<fm::WeightOp> inputs;
    collectWork(part, inputs);
    int64_t more = 0;
    for (Value value : part)
      more += bytesOf(value.getType());
    for (fm::WeightOp input : inputs)
      more += bytesOf(input.getType());
    if (batches.empty() || bytes + more > kBatchBytes) {
      batches.emplace_back();
      bytes = 0;
    }
    bytes += more;
    batches.back().results.append(part.begin(), part.end());
    i = end;
  }
  return batches;
}

/// An entry of `b`'s module that computes a batch; notes its kernels.
void makeEntry(OpBuilder &b, unsigned number, Batch &batch,
               llvm::StringSet<> &kernels) {
  OpBuilder::InsertionGuard guard(b);
  Location loc = b.getUnknownLoc();
  SmallVector<Operation *> work = collectWork(batch.results, batch.inputs);
  SmallVector<Type> inputTypes, resultTypes;
  for (fm::WeightOp weight : batch.inputs)
    inputTypes.push_back(weight.getType());
  for (Value value : batch.results)
    resultTypes.push_back(value.getType());
  auto func =
      b.create<func::FuncOp>(loc, "batch" + std::to_string(number),
                             b.getFunctionType(inputTypes, resultTypes));
  Block *entry = func.addEntryBlock();
  b.setInsertionPointToEnd(entry);
  llvm::StringMap<Value> arguments;
  for (auto [weight, argument] : llvm::zip(batch.inputs, entry->getArguments()))
    arguments[weight.getData()] = argument;
  IRMapping map;
  for (Operation *op : work) {
    for (Value operand : op->getOperands())
      if (auto weight = operand.getDefiningOp<fm::WeightOp>())
        map.map(operand, arguments.lookup(weight.getData()));
    b.clone(*op, map);
    if (auto dispatch = dyn_cast<rt::DispatchOp>(op))
      kernels.insert(dispatch.getKernel());
  }
  SmallVector<Value> results;
  for (Value value : batch.results)
    results.push_back(map.lookup(value));
  b.create<func::ReturnOp>(loc, results);
}

/// A module whose entries compute the batches.
OwningOpRef<ModuleOp> extract(ModuleOp module, MutableArrayRef<Batch> batches) {
  OwningOpRef<ModuleOp> result =
      ModuleOp::create(UnknownLoc::get(module.getContext()));
  OpBuilder b = OpBuilder::atBlockEnd(result->getBody());
  llvm::StringSet<> kernels;
  for (auto [i, batch] : llvm::enumerate(batches))
    makeEntry(b, i, batch, kernels);
  b.setInsertionPointToStart(result->getBody());
  for (auto kernel : module.getOps<rt::KernelOp>())
    if (kernels.contains(kernel.getSymName())) {
      auto copy = cast<rt::KernelOp>(b.clone(*kernel));
      // Chosen again for the host.
      copy.removeConfigAttr();
      copy.removeScratchAttr();
      copy.removeWorkAttr();
    }
  return result;
}

/// A loaded artifact and a session on it, for runs whose shapes are static.
class Evaluation {
public:
  Evaluation(MLIRContext *context) : context(context) {}
  ~Evaluation() {
    if (session)
      narae_session_release(session);
    if (artifact)
      narae_artifact_release(artifact);
  }
  bool load(StringRef path, int threads) {
    narae_load_options load{sizeof(load), 0, nullptr};
    narae_session_options options{sizeof(options), nullptr, threads};
    return !failed(narae_artifact_load(path.str().c_str(), &load, &artifact)) &&
           !failed(narae_session_create(artifact, &options, &session));
  }
  bool run(size_t entry, ArrayRef<narae_tensor> inputs,
           MutableArrayRef<narae_tensor> outputs) {
    return !failed(narae_session_run(session, entry, inputs.data(),
                                     inputs.size(), outputs.data(),
                                     outputs.size()));
  }

private:
  bool failed(narae_status *status) {
    if (!status)
      return false;
    emitError(UnknownLoc::get(context))
        << "evaluating weights failed: " << narae_status_message(status);
    narae_status_free(status);
    return true;
  }
  MLIRContext *context;
  narae_artifact *artifact = nullptr;
  narae_session *session = nullptr;
};

/// A tensor of the C API for a value of static shape.
narae_tensor tensorOf(Value value, const void *data) {
  auto type = cast<RankedTensorType>(value.getType());
  // The type lives as long as the context, and its shape with it.
  return {narae_type(typeCode(type.getElementType())), size_t(type.getRank()),
          type.getShape().data(), const_cast<void *>(data)};
}

/// Runs one batch; `names` are the new weights of its results.
bool runBatch(Evaluation &evaluation, size_t entry, Batch &batch,
              ArrayRef<std::string> names, WeightStore &weights) {
  std::vector<narae_tensor> inputs, outputs;
  for (fm::WeightOp weight : batch.inputs) {
    auto bytes = weights.find(weight.getData());
    if (!bytes) {
      weight.emitError("the bytes of the weight are missing")
          << (weights.failure().empty() ? "" : ": ") << weights.failure();
      return false;
    }
    inputs.push_back(tensorOf(weight, bytes->data()));
  }
  for (auto [value, name] : llvm::zip(batch.results, names)) {
    auto bytes = weights.allocate(name, bytesOf(value.getType()));
    if (!bytes) {
      emitError(value.getLoc()) << llvm::toString(bytes.takeError());
      return false;
    }
    outputs.push_back(tensorOf(value, bytes->data()));
  }
  if (!evaluation.run(entry, inputs, outputs))
    return false;
  for (fm::WeightOp weight : batch.inputs)
    weights.release(weight.getData());
  for (const std::string &name : names)
    weights.release(name);
  return true;
}

/// Compiles the batches for the host and runs them one after the other.
bool runBatches(ModuleOp module, MutableArrayRef<Batch> batches,
                ArrayRef<SmallVector<std::string>> names, WeightStore &weights,
                const CompileOptions &options) {
  MLIRContext *context = module.getContext();
  const NaraeBackendCompiler *host = hostBackend();
  CompileOptions hostOptions = options;
  hostOptions.dumpPhases.clear();
  hostOptions.target = host->name;
  std::string error;
  std::string json = describeTarget(host->name, error);
  Session session(*context, hostOptions);
  session.module = extract(module, batches);
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
  Evaluation evaluation(context);
  if (!emitArtifact(*session.module, weights, json, host->name, "{}", "{}",
                    path.str().str()) ||
      !evaluation.load(path, options.threads))
    return false;
  for (auto [i, batch] : llvm::enumerate(batches))
    if (!runBatch(evaluation, i, batch, names[i], weights))
      return false;
  return true;
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
  // Without bytes there is nothing to run, but the results have their types.
  bool absent =
      llvm::any_of(module.getOps<fm::WeightDataOp>(),
                   [](fm::WeightDataOp op) { return op.getAbsent(); });
  SmallVector<Batch> batches = divide(frontier.getArrayRef());
  SmallVector<SmallVector<std::string>> names(batches.size());
  SymbolTable symbols(module);
  OpBuilder b(context);
  SmallVector<std::pair<Value, fm::WeightDataOp>> evaluated;
  for (auto [i, batch] : llvm::enumerate(batches))
    for (Value value : batch.results) {
      auto data = OpBuilder(context).create<fm::WeightDataOp>(
          value.getLoc(), "evaluated", value.getType(), /*file=*/"",
          /*offset=*/0, bytesOf(value.getType()), /*hash=*/0);
      data.setAbsent(absent);
      symbols.insert(data, module.getBody()->begin());
      names[i].push_back(data.getSymName().str());
      evaluated.push_back({value, data});
    }
  if (!absent && !runBatches(module, batches, names, weights, options))
    return false;
  for (auto [value, data] : evaluated) {
    b.setInsertionPoint(value.getDefiningOp());
    Value weight = b.create<fm::WeightOp>(
        value.getLoc(), value.getType(),
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
