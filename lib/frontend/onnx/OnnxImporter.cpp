//===- OnnxImporter.cpp - ONNX graphs into fm -----------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/onnx/OnnxImporter.h"

#include "lib/frontend/onnx/EntryPoint.h"
#include "lib/frontend/onnx/ExternalFiles.h"
#include "lib/frontend/onnx/ModelReader.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace narae;
using namespace narae::onnx;

/// `realDirectory` is where the model really is, when it is a symbolic link.
static OwningOpRef<ModuleOp>
importModel(StringRef bytes, Location loc, StringRef directory,
            StringRef realDirectory, MLIRContext &context, WeightStore &weights,
            const ImportOptions &options) {
  context.loadDialect<func::FuncDialect, fm::FmDialect>();
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  ModelState state(context, *module, weights);
  state.directory = directory;
  state.realDirectory = realDirectory;
  state.withoutWeights = options.withoutWeights;
  // What is wrong is printed by whoever listens already; here it is counted.
  ScopedDiagnosticHandler counter(&context, [&](Diagnostic &diagnostic) {
    state.errors += diagnostic.getSeverity() == DiagnosticSeverity::Error;
    return failure();
  });
  auto model = readModel(bytes, [&] { return emitError(loc); });
  if (!model)
    return {};
  for (const ::onnx::FunctionProto &function : model->functions())
    if (!state.functions.try_emplace(functionKey(function), &function).second)
      emitError(loc) << "the model has two functions '" << functionKey(function)
                     << "'";
  Opsets opsets = readOpsets(model->opset_import());
  reportUnsupportedOps(*model, state);
  if (!options.withoutWeights &&
      failed(checkExternalFiles(*model, directory,
                                [&] { return emitError(loc); })))
    return {};
  importMain(state, model->graph(), opsets, options);
  if (state.errors)
    return {};
  return module;
}

OwningOpRef<ModuleOp> narae::onnx::importOnnxBytes(
    StringRef bytes, StringRef name, StringRef directory, MLIRContext &context,
    WeightStore &weights, const ImportOptions &options) {
  Location loc = NameLoc::get(StringAttr::get(&context, name));
  return importModel(bytes, loc, directory, directory, context, weights,
                     options);
}

OwningOpRef<ModuleOp> narae::onnx::importOnnx(StringRef path,
                                              MLIRContext &context,
                                              WeightStore &weights,
                                              const ImportOptions &options) {
  // The name alone: paths would make outputs differ between machines.
  Location loc =
      NameLoc::get(StringAttr::get(&context, llvm::sys::path::filename(path)));
  if (llvm::sys::fs::is_directory(path)) {
    emitError(loc) << "'" << path << "' is a folder; give the .onnx file in it";
    return {};
  }
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  if (!buffer) {
    emitError(loc) << "cannot read '" << path
                   << "': " << buffer.getError().message();
    return {};
  }
  SmallString<256> real;
  if (llvm::sys::fs::real_path(path, real))
    real = path;
  return importModel(
      (*buffer)->getBuffer(), loc, llvm::sys::path::parent_path(path),
      llvm::sys::path::parent_path(real), context, weights, options);
}
