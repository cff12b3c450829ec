//===- ImporterTable.cpp - The importers of all ops -----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/onnx/NodeImporter.h"

using namespace narae;
using namespace narae::onnx;

ImporterTable::ImporterTable() {
  for (auto *registerFamily :
       {registerElementwise, registerActivations, registerShape,
        registerIndexing,    registerReduce,      registerMatmul,
        registerConv,        registerNorm,        registerRecurrent,
        registerImage,       registerQuantize,    registerAttention,
        registerSequence,    registerLoss,        registerSignal,
        registerControl,     registerLists,       registerSorting,
        registerText,        registerTraining})
    registerFamily(*this);
}

const ImporterTable &ImporterTable::get() {
  static const ImporterTable table;
  return table;
}

NodeImporterFn ImporterTable::find(llvm::StringRef domain,
                                   llvm::StringRef opType) const {
  return functions.lookup((domain + ":" + opType).str());
}

void ImporterTable::add(llvm::StringRef opType, NodeImporterFn fn,
                        llvm::StringRef domain) {
  functions[(domain + ":" + opType).str()] = fn;
}

std::vector<std::string> ImporterTable::names() const {
  std::vector<std::string> names;
  for (auto &entry : functions)
    names.push_back(entry.getKey().str());
  llvm::sort(names);
  return names;
}
