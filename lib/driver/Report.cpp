//===- Report.cpp - What the compiler tells of its work ===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/rt/RtDialect.h"
#include "lib/driver/Session.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/Support/JSON.h"

#include <map>

using namespace mlir;
using namespace narae;
using namespace narae::driver;

static void writeKernel(llvm::json::OStream &json, rt::KernelOp kernel) {
  json.object([&] {
    json.attribute("name", kernel.getSymName());
    json.attribute("device", kernel.getDevice());
    if (auto config = kernel.getConfig())
      for (NamedAttribute a : *config) {
        if (auto s = dyn_cast<StringAttr>(a.getValue()))
          json.attribute(a.getName().getValue(), s.getValue());
        else if (auto number = dyn_cast<FloatAttr>(a.getValue()))
          json.attribute(a.getName().getValue(), number.getValueAsDouble());
      }
    json.attributeArray("nodes", [&] {
      for (Attribute node : kernel.getNodes())
        json.value(cast<StringAttr>(node).getValue());
    });
  });
}

/// What quantised activations cost, over all kernels that have them; see
/// ActivationLoss.h for the numbers.
static void writeActivations(llvm::json::OStream &json, ModuleOp module) {
  std::map<std::string, int64_t> kernels;
  double rms = 0, most = 0;
  bool measured = true;
  for (auto kernel : module.getOps<rt::KernelOp>()) {
    DictionaryAttr config = kernel.getConfigAttr();
    auto type = config ? config.getAs<StringAttr>("activations") : StringAttr();
    if (!type)
      continue;
    ++kernels[type.str()];
    auto mean = config.getAs<FloatAttr>("loss_rms");
    auto largest = config.getAs<FloatAttr>("loss_max");
    measured &= mean && largest;
    rms = std::max(rms, mean ? mean.getValueAsDouble() : 0);
    most = std::max(most, largest ? largest.getValueAsDouble() : 0);
  }
  if (kernels.empty())
    return;
  json.attributeObject("quantised_activations", [&] {
    for (const auto &[type, count] : kernels)
      json.attribute(type + "_kernels", count);
    if (!measured)
      return json.attribute("loss", nullptr);
    json.attribute("loss_rms", rms);
    json.attribute("loss_max", most);
    json.attribute("loss_of",
                   "the model's weights times normal random activations, "
                   "against f32 activations: root mean square and largest "
                   "difference, relative to the products'; the worst kernel");
  });
}

/// Weights, state and arena, each once: the entries share all three, and the
/// arena is that of the entry which needs most.
static void writeMemory(llvm::json::OStream &json, ModuleOp module) {
  struct Space {
    StringRef name;
    int64_t peak, lowerBound;
    bool exact;
  };
  SmallVector<Space> spaces;
  module.walk<WalkOrder::PreOrder>([&](hbm::PlanOp plan) {
    Space space{plan.getSpace(), int64_t(plan.getPeak()),
                int64_t(plan.getLowerBound()), plan.getExact()};
    Space *known = llvm::find_if(
        spaces, [&](const Space &s) { return s.name == space.name; });
    if (known == spaces.end()) {
      spaces.push_back(space);
      return;
    }
    known->peak = std::max(known->peak, space.peak);
    known->lowerBound = std::max(known->lowerBound, space.lowerBound);
    known->exact &= space.exact;
  });
  json.attributeArray("memory", [&] {
    for (const Space &space : spaces)
      json.object([&] {
        json.attribute("space", space.name);
        json.attribute("peak", space.peak);
        json.attribute("lower_bound", space.lowerBound);
        json.attribute("exact", space.exact);
      });
  });
}

static void writeEntries(llvm::json::OStream &json, ModuleOp module) {
  json.attributeArray("entries", [&] {
    for (auto func : module.getOps<func::FuncOp>())
      json.object([&] {
        int64_t launches = 0, copies = 0;
        func.walk([&](rt::LaunchOp) { ++launches; });
        func.walk([&](rt::CopyOp) { ++copies; });
        json.attribute("name", func.getSymName());
        json.attribute("dispatches", launches);
        json.attribute("copies", copies);
        func.walk([&](hbm::PlanOp plan) {
          json.attribute("arena_peak", plan.getPeak());
          json.attribute("arena_lower_bound", plan.getLowerBound());
        });
      });
  });
}

/// What the state of one sequence costs: a token of its context, and once.
static void writeStates(llvm::json::OStream &json, ModuleOp module) {
  int64_t total = 0, growing = 0, fixed = 0;
  bool any = false;
  for (auto state : module.getOps<fm::StateOp>()) {
    auto type = cast<RankedTensorType>(state.getType());
    int64_t bytes = fm::storageBytes(type);
    total += bytes;
    any = true;
    if (state.getKind() == "plain" || !bytes)
      continue;
    if (state.getKind() == "growing")
      growing += bytes / type.getDimSize(0) / type.getDimSize(state.getAxis());
    else
      fixed += bytes / type.getDimSize(0);
  }
  if (!any)
    return;
  json.attribute("state_bytes", total);
  json.attribute("kv_bytes_per_token", growing);
  json.attribute("kv_bytes_fixed", fixed);
}

std::string driver::makeReport(ModuleOp module, const Target &target,
                               ArrayRef<std::pair<std::string, double>> times,
                               bool stable) {
  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::json::OStream json(os, 2);
  json.object([&] {
    json.attribute("compiler", std::string("narae ") + version());
    json.attribute("target", target.name());
    // Times differ from run to run and must not reach the artifact.
    if (!stable)
      json.attributeObject("phase_ms", [&] {
        for (auto &[phase, ms] : times)
          json.attribute(phase, ms);
      });
    json.attributeArray("kernels", [&] {
      for (auto kernel : module.getOps<rt::KernelOp>())
        writeKernel(json, kernel);
    });
    writeActivations(json, module);
    unsigned launches = 0;
    module.walk([&](rt::LaunchOp) { ++launches; });
    json.attribute("dispatches", launches);
    writeEntries(json, module);
    writeMemory(json, module);
    int64_t weightBytes = 0;
    for (auto data : module.getOps<fm::WeightDataOp>())
      weightBytes += data.getLength();
    json.attribute("weight_bytes", weightBytes);
    writeStates(json, module);
  });
  os.flush();
  return text;
}
