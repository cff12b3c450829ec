//===- HostRun.cpp - Modules that run at compile time ---------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/driver/HostRun.h"

#include "dialects/rt/RtDialect.h"
#include "lib/driver/TypeCodes.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"

using namespace mlir;
using namespace narae;
using namespace narae::driver;

CompileOptions driver::hostOptions(CompileOptions options) {
  options.dumpPhases.clear();
  options.externalWeights = false;
  options.target = hostBackend()->name;
  return options;
}

HostRun::~HostRun() {
  if (session)
    narae_session_release(session);
  if (artifact)
    narae_artifact_release(artifact);
}

bool HostRun::failed(narae_status *status) {
  if (!status)
    return false;
  emitError(UnknownLoc::get(context))
      << "evaluating weights failed: " << narae_status_message(status);
  narae_status_free(status);
  return true;
}

bool HostRun::load(StringRef path, int threads) {
  narae_load_options load{sizeof(load), 0, nullptr};
  narae_session_options options{sizeof(options), nullptr, threads};
  return !failed(narae_artifact_load(path.str().c_str(), &load, &artifact)) &&
         !failed(narae_session_create(artifact, &options, &session));
}

bool HostRun::prepare(Session &compilation, WeightStore &weights, Phase first,
                      int threads) {
  // Kernels that were formed for another device run here.
  for (auto kernel : compilation.module->getOps<rt::KernelOp>())
    kernel.setDevice(hostBackend()->name);
  for (int phase = int(first); phase <= int(Phase::Codegen); ++phase)
    if (!compilation.run(Phase(phase)))
      return false;
  SmallString<256> path;
  if (std::error_code code =
          llvm::sys::fs::createTemporaryFile("narae-weights", "narae", path)) {
    emitError(UnknownLoc::get(context))
        << "cannot make a temporary file: " << code.message();
    return false;
  }
  llvm::FileRemover remover(path);
  ArtifactInfo info;
  std::string error;
  info.targetJson = describeTarget(hostBackend()->name, error);
  info.backend = hostBackend()->name;
  return emitArtifact(*compilation.module, weights, info, path.str().str()) &&
         load(path, threads);
}

bool HostRun::run(size_t entry, ArrayRef<narae_tensor> inputs,
                  MutableArrayRef<narae_tensor> outputs) {
  return !failed(narae_session_run(session, entry, inputs.data(), inputs.size(),
                                   outputs.data(), outputs.size()));
}

narae_tensor driver::tensorOf(Value value, const void *data) {
  auto type = cast<RankedTensorType>(value.getType());
  // The type lives as long as the context, and its shape with it.
  return {narae_type(typeCode(type.getElementType())), size_t(type.getRank()),
          type.getShape().data(), const_cast<void *>(data)};
}
