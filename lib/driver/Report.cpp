//===- Report.cpp - What the compiler tells of its work ===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/rt/RtDialect.h"
#include "lib/driver/Session.h"

#include "llvm/Support/JSON.h"

using namespace mlir;
using namespace narae;
using namespace narae::driver;

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
        json.object([&] {
          json.attribute("name", kernel.getSymName());
          json.attribute("device", kernel.getDevice());
          if (auto config = kernel.getConfig())
            for (NamedAttribute a : *config)
              if (auto s = dyn_cast<StringAttr>(a.getValue()))
                json.attribute(a.getName().getValue(), s.getValue());
          json.attributeArray("nodes", [&] {
            for (Attribute node : kernel.getNodes())
              json.value(cast<StringAttr>(node).getValue());
          });
        });
    });
    unsigned launches = 0;
    module.walk([&](rt::LaunchOp) { ++launches; });
    json.attribute("dispatches", launches);
    json.attributeArray("memory", [&] {
      module.walk([&](hbm::PlanOp plan) {
        json.object([&] {
          json.attribute("space", plan.getSpace());
          json.attribute("peak", plan.getPeak());
          json.attribute("lower_bound", plan.getLowerBound());
          json.attribute("exact", plan.getExact());
        });
      });
    });
    int64_t weightBytes = 0;
    for (auto data : module.getOps<fm::WeightDataOp>())
      weightBytes += data.getLength();
    json.attribute("weight_bytes", weightBytes);
  });
  os.flush();
  return text;
}
