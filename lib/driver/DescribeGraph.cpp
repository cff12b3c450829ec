//===- DescribeGraph.cpp - An ONNX file as a plan sees it -----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/driver/DescribeGraph.h"
#include "dialects/fm/FmDialect.h"
#include "dialects/fm/Storage.h"
#include "lib/codegen/Elemental.h"
#include "lib/driver/Diagnostics.h"
#include "lib/driver/GraphWork.h"
#include "lib/driver/Session.h"
#include "lib/frontend/onnx/OnnxImporter.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace narae;
using namespace narae::driver;

namespace {
/// Fills a description from the graph of one function.
class Describer {
public:
  Describer(ModuleOp module, plan::GraphModel &model)
      : module(module), model(model) {}
  void run(func::FuncOp func);

private:
  void addWeight(fm::WeightOp op);
  void addOp(Operation *op);
  void findLastUses(func::FuncOp func);
  size_t addBuffer(Value value, StringRef name);
  double bytes(Value value);
  bool isFused(Operation *op);

  ModuleOp module;
  plan::GraphModel &model;
  int64_t step = 0;
  llvm::StringMap<size_t> weightOf;
  DenseMap<Value, size_t> weights; ///< values that are weights
  DenseMap<Value, size_t> buffers; ///< values to the buffer that holds them
  bool hasUnknown = false, hasLoops = false;
  std::map<std::string, double> typeWork; ///< operations by type of products
};
} // namespace

double Describer::bytes(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!elementsOf(value)) {
    hasUnknown |= bool(type);
    return 0;
  }
  return double(fm::storageBytes(type));
}

static bool isFloat(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && isa<FloatType>(type.getElementType());
}

/// Ops whose result is their operand's bytes, and ops on shapes alone.
static bool isView(Operation *op) {
  return isa<fm::ReshapeOp, fm::FlattenOp, fm::UnsqueezeOp, fm::SqueezeOp,
             fm::BitcastOp, fm::ShapeOfOp, fm::SizeOfOp>(op);
}

/// Operands that hold the weights of products.
static bool isProduct(Operation *op) {
  return isa<fm::MatmulOp, fm::ConvOp, fm::ConvTransposeOp, fm::RecurrentOp,
             fm::ExpertMatmulOp>(op);
}

void Describer::addWeight(fm::WeightOp op) {
  auto [entry, isNew] =
      weightOf.try_emplace(op.getData(), model.weights.size());
  weights[op.getResult()] = entry->second;
  auto type = cast<RankedTensorType>(op.getType());
  if (isNew) {
    plan::GraphWeight weight;
    weight.name = op.getData().str();
    weight.elements = elementsOf(op.getResult()).value_or(0);
    weight.bytes = bytes(op.getResult());
    weight.isFloat = isa<FloatType>(type.getElementType());
    if (type.getRank() > 1 && type.getShape().back() > 0)
      weight.rows = type.getNumElements() / type.getShape().back();
    model.weights.push_back(weight);
  }
  // A product's weight, also behind a dequantisation or a transposition.
  SmallVector<Operation *> users(op->getUsers());
  for (size_t i = 0; i < users.size() && i < 64; ++i) {
    if (isProduct(users[i]))
      model.weights[entry->second].isLinear = type.getRank() > 1;
    else if (isa<fm::DequantizeOp, fm::TransposeOp, fm::CastOp>(users[i]) ||
             isView(users[i]))
      users.append(users[i]->getUsers().begin(), users[i]->getUsers().end());
  }
}

/// Whether an op computes its result element by element from a tensor of the
/// same size that nobody else reads: it is done along with what makes it.
bool Describer::isFused(Operation *op) {
  if (!codegen::isElementwise(op) || op->getNumResults() != 1 ||
      op->getNumOperands() == 0)
    return false;
  Value result = op->getResult(0);
  for (Value operand : op->getOperands())
    if (buffers.count(operand) && operand.hasOneUse() &&
        operand.getDefiningOp() && elementsOf(operand) == elementsOf(result) &&
        bytes(operand) >= bytes(result))
      return true;
  return false;
}

size_t Describer::addBuffer(Value value, StringRef name) {
  plan::GraphBuffer buffer;
  buffer.name = name.str();
  buffer.elements = elementsOf(value).value_or(0);
  buffer.bytes = bytes(value);
  buffer.isFloat = isFloat(value);
  buffer.lower = step;
  buffer.upper = step + 1;
  model.buffers.push_back(buffer);
  return model.buffers.size() - 1;
}

void Describer::addOp(Operation *op) {
  if (auto weight = dyn_cast<fm::WeightOp>(op))
    return addWeight(weight);
  if (isa<fm::ConstantOp>(op) || op->hasTrait<OpTrait::IsTerminator>() ||
      op->getNumResults() == 0)
    return;
  // What only rearranges or converts a weight is done at compile time.
  if (op->getNumOperands() > 0 &&
      llvm::all_of(op->getOperands(),
                   [&](Value operand) {
                     return weights.count(operand) ||
                            operand.getDefiningOp<fm::ConstantOp>();
                   }) &&
      llvm::any_of(op->getOperands(),
                   [&](Value operand) { return weights.count(operand); }) &&
      !isProduct(op)) {
    for (Value operand : op->getOperands())
      if (auto it = weights.find(operand); it != weights.end()) {
        size_t weight = it->second;
        for (Value result : op->getResults())
          weights[result] = weight;
        return;
      }
  }
  if (isView(op)) {
    if (auto it = buffers.find(op->getOperand(0)); it != buffers.end()) {
      size_t buffer = it->second;
      buffers[op->getResult(0)] = buffer;
    }
    return;
  }
  hasLoops |= isa<fm::LoopOp>(op);
  std::string name = describeLocation(op->getLoc());
  if (name.empty())
    name = op->getName().getStringRef().str();
  bool fused = isFused(op) && !model.steps.empty();
  if (!fused) {
    ++step;
    model.steps.push_back({});
    model.steps.back().name = name;
  }
  plan::GraphStep &work = model.steps.back();
  double count = operationsOf(op);
  work.operations += count;
  if (isProduct(op) || isa<fm::AttentionOp>(op)) {
    Type type =
        cast<RankedTensorType>(op->getOperand(0).getType()).getElementType();
    typeWork[type.isF16()        ? "f16"
             : type.isBF16()     ? "bf16"
             : type.isInteger(8) ? "int8"
                                 : "f32"] += count;
  }
  auto traffic = [&](Value value) {
    (isFloat(value) ? work.floatBytes : work.otherBytes) += bytes(value);
  };
  llvm::SmallDenseSet<size_t> read;
  bool reuses = false;
  for (Value operand : op->getOperands()) {
    if (auto it = weights.find(operand); it != weights.end()) {
      work.weights.push_back(it->second);
      continue;
    }
    auto it = buffers.find(operand);
    if (it == buffers.end())
      continue;
    plan::GraphBuffer &buffer = model.buffers[it->second];
    buffer.upper = std::max(buffer.upper, step + 1);
    bool isProducer = fused && !reuses && operand.hasOneUse() &&
                      elementsOf(operand) == elementsOf(op->getResult(0)) &&
                      operand.getDefiningOp();
    if (isProducer) {
      reuses = true;
      size_t index = it->second;
      buffers[op->getResult(0)] = index;
    } else if (read.insert(it->second).second) {
      traffic(operand);
    }
  }
  if (reuses)
    return;
  for (Value result : op->getResults()) {
    if (result.use_empty())
      continue;
    buffers[result] = addBuffer(result, name);
    traffic(result);
  }
}

void Describer::run(func::FuncOp func) {
  for (BlockArgument argument : func.getArguments()) {
    auto name =
        func.getArgAttrOfType<StringAttr>(argument.getArgNumber(), "fm.name");
    size_t index = addBuffer(argument, name ? name.getValue() : "input");
    buffers[argument] = index;
  }
  // Bodies of branches and loops count once, in order.
  func.walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (op != func)
      addOp(op);
  });
  // Inputs and results belong to the caller until the end.
  auto keep = [&](Value value) {
    if (auto it = buffers.find(value); it != buffers.end()) {
      model.buffers[it->second].lower =
          isa<BlockArgument>(value) ? 0 : model.buffers[it->second].lower;
      model.buffers[it->second].upper = step + 1;
    }
  };
  for (BlockArgument argument : func.getArguments())
    keep(argument);
  func.walk([&](func::ReturnOp op) {
    for (Value value : op.getOperands())
      keep(value);
  });
  double most = 0;
  for (auto &[type, count] : typeWork)
    if (count > most) {
      most = count;
      model.computeType = type;
    }
  if (hasUnknown)
    model.notes.push_back("some tensors have sizes that only a run knows; they "
                          "count as empty");
  if (hasLoops)
    model.notes.push_back("bodies of loops count once");
}

/// The dimensions of an entry's arguments that have no size: by name, or
/// INPUT.AXIS; true for first dimensions.
static std::vector<std::pair<std::string, bool>> openDims(func::FuncOp func) {
  std::vector<std::pair<std::string, bool>> open;
  llvm::StringSet<> seen;
  for (BlockArgument argument : func.getArguments()) {
    unsigned index = argument.getArgNumber();
    auto type = dyn_cast<RankedTensorType>(argument.getType());
    auto dims = func.getArgAttrOfType<ArrayAttr>(index, "fm.dims");
    auto name = func.getArgAttrOfType<StringAttr>(index, "fm.name");
    for (int64_t axis = 0; type && axis < type.getRank(); ++axis) {
      if (!type.isDynamicDim(axis))
        continue;
      std::string dim;
      if (dims && axis < int64_t(dims.size()))
        dim = cast<StringAttr>(dims[axis]).getValue().str();
      if (dim.empty() && name)
        dim = name.getValue().str() + "." + std::to_string(axis);
      if (seen.insert(dim).second)
        open.push_back({dim, axis == 0});
    }
  }
  return open;
}

std::optional<plan::GraphModel>
driver::describeGraph(const std::string &path,
                      const std::map<std::string, DimBounds> &dims,
                      int64_t batch, std::vector<Diagnostic> &diagnostics) {
  MLIRContext context;
  registerDialects(context);
  context.printOpOnDiagnostic(false);
  DiagnosticCollector collector(&context);
  auto fail = [&](const std::string &message = "") {
    diagnostics = collector.take();
    if (!message.empty())
      diagnostics.push_back({Diagnostic::Error, "", message});
    return std::nullopt;
  };
  if (!llvm::sys::fs::exists(path))
    return fail("there is no file '" + path + "'");
  onnx::ImportOptions options;
  options.withoutWeights = true;
  for (auto &[name, bounds] : dims) {
    if (bounds.max < 0)
      return fail("--dim " + name +
                  " has no upper bound; a plan needs one: give NAME=V or "
                  "NAME=MIN..MAX");
    options.dims[name] = {bounds.max, bounds.max};
  }
  plan::GraphModel model;
  CompileOptions compile;
  Session session(context, compile);
  auto import = [&] {
    session.module = onnx::importOnnx(path, context, session.weights, options);
    return session.module ? session.module->lookupSymbol<func::FuncOp>("main")
                          : func::FuncOp();
  };
  func::FuncOp main = import();
  if (!main)
    return fail();
  std::string missing;
  bool again = false;
  for (auto &[name, isFirst] : openDims(main)) {
    if (!isFirst) {
      missing += (missing.empty() ? "" : ", ") + name;
      continue;
    }
    options.dims[name] = {batch, batch};
    model.batch = batch;
    model.notes.push_back("dimension '" + name + "' is " +
                          std::to_string(batch) + " (--batch, or --dim " +
                          name + "=V)");
    again = true;
  }
  if (!missing.empty())
    return fail("the plan depends on dimensions without a size: " + missing +
                "; give each as --dim NAME=V");
  if (again) {
    session.weights = WeightStore();
    main = import();
  }
  if (!main || !session.run(Phase::Graph))
    return fail();
  main = session.module->lookupSymbol<func::FuncOp>("main");
  model.name = llvm::sys::path::stem(path).str();
  Describer(*session.module, model).run(main);
  diagnostics = collector.take();
  return model;
}
