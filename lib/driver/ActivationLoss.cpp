//===- ActivationLoss.cpp - What quantised activations cost ---------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/driver/ActivationLoss.h"

#include "dialects/rt/RtDialect.h"
#include "lib/driver/HostRun.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <cmath>
#include <random>

using namespace mlir;
using namespace narae;
using namespace narae::driver;

/// Rows of activations, and most rows of a weight that are measured.
static constexpr int64_t kVectors = 16, kMaxRows = 256;

namespace {
/// A weight's first rows [rows, depth], and the kernels that read its like.
struct Sample {
  fm::WeightDataOp data;
  RankedTensorType type;
  SmallVector<rt::KernelOp> kernels;
};

bool quantises(rt::KernelOp kernel) {
  DictionaryAttr config = kernel.getConfigAttr();
  return config && config.getAs<StringAttr>("activations");
}

/// The packed weight that a value is, or is made of.
fm::WeightDataOp packedWeight(Value value) {
  Operation *op = value.getDefiningOp();
  if (auto weight = dyn_cast_or_null<fm::WeightOp>(op)) {
    auto data = SymbolTable::lookupNearestSymbolFrom<fm::WeightDataOp>(
        weight, weight.getDataAttr());
    auto type = cast<RankedTensorType>(weight.getType());
    bool packed = isa<fm::BlockType>(type.getElementType());
    return packed && type.getRank() >= 2 ? data : fm::WeightDataOp();
  }
  if (op && isa<rt::DispatchOp, rt::ViewOp>(op))
    for (Value operand : op->getOperands())
      if (auto data = packedWeight(operand))
        return data;
  return {};
}

/// The weight of the kernel's first launch.
fm::WeightDataOp packedWeightOf(rt::DispatchOp dispatch) {
  for (Value input : dispatch.getInputs())
    // Other products' results and the numbers of experts are on the way to
    // further weights.
    if (auto type = dyn_cast<RankedTensorType>(input.getType());
        type && type.hasStaticShape() && !type.getElementType().isF32() &&
        !type.getElementType().isSignlessInteger())
      if (auto data = packedWeight(input))
        return data;
  return {};
}

/// One sample for each format and depth: kernels of other heights compute the
/// same sums.
SmallVector<Sample> collect(ModuleOp module) {
  SmallVector<Sample> samples;
  DenseSet<Operation *> seen;
  module.walk([&](rt::DispatchOp dispatch) {
    auto kernel = SymbolTable::lookupNearestSymbolFrom<rt::KernelOp>(
        dispatch, dispatch.getKernelAttr());
    if (!kernel || !quantises(kernel) || seen.contains(kernel))
      return;
    fm::WeightDataOp data = packedWeightOf(dispatch);
    if (!data)
      return;
    seen.insert(kernel);
    auto whole = cast<RankedTensorType>(data.getType());
    int64_t rows = std::min(whole.getDimSize(whole.getRank() - 2), kMaxRows);
    int64_t depth = whole.getShape().back();
    auto type = RankedTensorType::get({rows, depth}, whole.getElementType());
    for (Sample &sample : samples)
      if (sample.type.getElementType() == type.getElementType() &&
          sample.type.getDimSize(1) == depth) {
        sample.kernels.push_back(kernel);
        return;
      }
    samples.push_back({data, type, {kernel}});
  });
  return samples;
}

/// An entry for each sample: activations times its weight.
OwningOpRef<ModuleOp> makeModule(MLIRContext *context,
                                 ArrayRef<Sample> samples) {
  Location loc = UnknownLoc::get(context);
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  OpBuilder b = OpBuilder::atBlockEnd(module->getBody());
  Type f32 = b.getF32Type();
  for (auto [i, sample] : llvm::enumerate(samples)) {
    std::string name = "w" + std::to_string(i);
    b.create<fm::WeightDataOp>(loc, name, sample.type, /*file=*/"",
                               /*offset=*/0, fm::storageBytes(sample.type),
                               /*hash=*/0);
    int64_t rows = sample.type.getDimSize(0), depth = sample.type.getDimSize(1);
    auto in = RankedTensorType::get({kVectors, depth}, f32);
    auto out = RankedTensorType::get({kVectors, rows}, f32);
    auto func = b.create<func::FuncOp>(loc, "m" + std::to_string(i),
                                       b.getFunctionType({in}, {out}));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(func.addEntryBlock());
    Value weight = b.create<fm::WeightOp>(
        loc, sample.type, FlatSymbolRefAttr::get(context, name));
    Value wide = b.create<fm::DequantizeOp>(
        loc, RankedTensorType::get(sample.type.getShape(), f32), weight,
        Value(), 0, 0);
    Value product = b.create<fm::MatmulOp>(
        loc, out, func.getArgument(0), wide, Value(),
        /*transpose_lhs=*/false, /*transpose_rhs=*/true, TypeAttr());
    b.create<func::ReturnOp>(loc, product);
  }
  return module;
}

/// The bytes of the samples' rows, by the names of makeModule.
bool copyRows(ArrayRef<Sample> samples, WeightStore &from, WeightStore &to) {
  for (auto [i, sample] : llvm::enumerate(samples)) {
    fm::WeightDataOp data = sample.data;
    auto bytes = from.find(data.getSymName());
    auto needed = size_t(fm::storageBytes(sample.type));
    if (!bytes || bytes->size() < needed)
      return false;
    to.addBytes("w" + std::to_string(i),
                std::vector<char>(bytes->begin(), bytes->begin() + needed));
    from.release(data.getSymName());
  }
  return true;
}

/// Sums of twelve uniform numbers: normal for this purpose, and the same on
/// every machine.
std::vector<float> normals(size_t count) {
  std::mt19937_64 random(1);
  std::vector<float> numbers(count);
  for (float &number : numbers) {
    double sum = -6;
    for (int i = 0; i < 12; ++i)
      sum += double(random() >> 11) * 0x1p-53;
    number = float(sum);
  }
  return numbers;
}

/// The products of all samples, [vectors, rows] each. Empty where the compiled
/// kernels do not quantise and `exact` is false; none after a diagnostic.
std::optional<std::vector<std::vector<float>>>
products(ArrayRef<Sample> samples, WeightStore &weights,
         const CompileOptions &options, bool exact) {
  MLIRContext *context = samples.front().data->getContext();
  CompileOptions host = hostOptions(options);
  host.exact = exact;
  Session session(*context, host);
  session.checkCapacity = session.measuresLoss = false;
  session.module = makeModule(context, samples);
  std::vector<std::vector<float>> results;
  if (!copyRows(samples, weights, session.weights)) {
    fm::WeightDataOp data = samples.front().data;
    data.emitError("the bytes of the weight are missing");
    return std::nullopt;
  }
  HostRun run(context);
  if (!session.resolveTarget() ||
      !run.prepare(session, session.weights, Phase::Graph, options.threads))
    return std::nullopt;
  if (!exact &&
      llvm::none_of(session.module->getOps<rt::KernelOp>(), quantises))
    return results;
  for (auto [i, sample] : llvm::enumerate(samples)) {
    int64_t rows = sample.type.getDimSize(0), depth = sample.type.getDimSize(1);
    std::vector<float> x = normals(size_t(kVectors * depth));
    std::vector<float> y(size_t(kVectors * rows));
    int64_t inDims[] = {kVectors, depth}, outDims[] = {kVectors, rows};
    narae_tensor in{NARAE_F32, 2, inDims, x.data()};
    narae_tensor out{NARAE_F32, 2, outDims, y.data()};
    if (!run.run(i, in, out))
      return std::nullopt;
    results.push_back(std::move(y));
  }
  return results;
}

/// Three digits: the same on machines that sum in other orders.
FloatAttr rounded(Builder &b, double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.2e", value);
  return b.getF64FloatAttr(std::strtod(text, nullptr));
}

void note(const Sample &sample, ArrayRef<float> exact, ArrayRef<float> got) {
  double sum = 0, wrong = 0, largest = 0, worst = 0;
  for (auto [want, have] : llvm::zip(exact, got)) {
    double difference = std::abs(double(have) - want);
    sum += double(want) * want;
    wrong += difference * difference;
    largest = std::max(largest, std::abs(double(want)));
    worst = std::max(worst, difference);
  }
  if (!(sum > 0)) // a weight of zeros loses nothing
    sum = largest = 1;
  for (rt::KernelOp kernel : sample.kernels) {
    Builder b(kernel.getContext());
    NamedAttrList config(kernel.getConfigAttr());
    config.set("loss_rms", rounded(b, std::sqrt(wrong / sum)));
    config.set("loss_max", rounded(b, worst / largest));
    kernel.setConfigAttr(config.getDictionary(b.getContext()));
  }
}
} // namespace

bool driver::measureActivationLoss(ModuleOp module, WeightStore &weights,
                                   const CompileOptions &options) {
  SmallVector<Sample> samples = collect(module);
  llvm::erase_if(samples,
                 [](Sample &sample) { return sample.data.getAbsent(); });
  if (samples.empty())
    return true;
  auto got = products(samples, weights, options, /*exact=*/false);
  if (!got || got->empty())
    return got.has_value();
  auto exact = products(samples, weights, options, /*exact=*/true);
  if (!exact)
    return false;
  for (auto [sample, want, have] : llvm::zip(samples, *exact, *got))
    note(sample, want, have);
  return true;
}
