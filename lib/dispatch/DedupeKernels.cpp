//===- DedupeKernels.cpp - One kernel for equal work ===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/dispatch/Passes.h"

#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

namespace narae::dispatch {
#define GEN_PASS_DEF_DEDUPEKERNELS
#include "lib/dispatch/Passes.h.inc"
} // namespace narae::dispatch

using namespace mlir;
using namespace narae;

/// The kernel's text without its name and the nodes that it covers.
static std::string fingerprint(rt::KernelOp kernel) {
  OwningOpRef<rt::KernelOp> copy = kernel.clone();
  copy->setSymName("k");
  copy->setNodesAttr(Builder(kernel.getContext()).getArrayAttr({}));
  std::string text;
  llvm::raw_string_ostream os(text);
  copy->print(os, OpPrintingFlags().assumeVerified());
  return text;
}

namespace {

struct DedupeKernelsPass
    : narae::dispatch::impl::DedupeKernelsBase<DedupeKernelsPass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    llvm::StringMap<rt::KernelOp> first;
    llvm::StringMap<StringRef> replacement;
    llvm::StringSet<> used;
    module.walk([&](rt::DispatchOp op) { used.insert(op.getKernel()); });
    for (auto kernel :
         llvm::make_early_inc_range(module.getOps<rt::KernelOp>())) {
      if (!used.contains(kernel.getSymName())) {
        kernel.erase();
        continue;
      }
      auto [it, inserted] = first.try_emplace(fingerprint(kernel), kernel);
      if (inserted)
        continue;
      rt::KernelOp kept = it->second;
      llvm::SetVector<Attribute> nodes(kept.getNodes().begin(),
                                       kept.getNodes().end());
      nodes.insert(kernel.getNodes().begin(), kernel.getNodes().end());
      kept.setNodesAttr(
          Builder(module.getContext()).getArrayAttr(nodes.getArrayRef()));
      replacement[kernel.getSymName()] = kept.getSymName();
      kernel.erase();
      ++numRemoved;
    }
    module.walk([&](rt::DispatchOp op) {
      auto it = replacement.find(op.getKernel());
      if (it != replacement.end())
        op.setKernel(it->second);
    });
  }
};

} // namespace
