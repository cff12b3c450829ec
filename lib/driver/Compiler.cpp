//===- Compiler.cpp - A model in, an artifact out ===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/driver/Compiler.h"
#include "lib/driver/Diagnostics.h"
#include "lib/driver/ImportLanguage.h"
#include "lib/driver/Session.h"
#include "lib/frontend/onnx/OnnxImporter.h"
#include "lib/place/Passes.h"

#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassRegistry.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"

#include <chrono>

using namespace mlir;
using namespace narae;
using namespace narae::driver;

namespace {

/// Where the model comes from: a file, or bytes with a name.
struct Source {
  std::string path;
  std::optional<std::string_view> bytes;
  std::string directory;
};

onnx::ImportOptions importOptions(const CompileOptions &options) {
  onnx::ImportOptions result;
  for (auto &[name, bounds] : options.dims)
    result.dims[name] = {bounds.min, bounds.max};
  result.allDynamic = options.allDynamic;
  return result;
}

/// Phase `import`: reads .onnx, or IR of a later phase.
bool import(Session &session, MLIRContext &context, const Source &source,
            const CompileOptions &options) {
  auto start = std::chrono::steady_clock::now();
  if (source.bytes) {
    session.module =
        onnx::importOnnxBytes(*source.bytes, source.path, source.directory,
                              context, session.weights, importOptions(options));
  } else if (StringRef(source.path).ends_with(".mlir")) {
    llvm::SourceMgr sources;
    ParserConfig config(&context);
    session.module = parseSourceFile<ModuleOp>(source.path, config);
    session.modelFolder = llvm::sys::path::parent_path(source.path).str();
    if (session.module &&
        !session.loadWeights(llvm::sys::path::parent_path(source.path)))
      return false;
  } else if (!llvm::sys::fs::exists(source.path)) {
    emitError(UnknownLoc::get(&context))
        << "there is no file '" << source.path << "'";
    return false;
  } else if (isLanguageModel(source.path)) {
    if (!importLanguage(session, context, source.path, options))
      return false;
  } else if (llvm::sys::fs::is_directory(source.path)) {
    emitError(UnknownLoc::get(&context))
        << "'" << source.path
        << "' is a folder without config.json; a model is a checkpoint's "
           "folder, or a .gguf, .onnx or .mlir file";
    return false;
  } else {
    session.modelFolder = llvm::sys::path::parent_path(source.path).str();
    session.module = onnx::importOnnx(source.path, context, session.weights,
                                      importOptions(options));
  }
  std::chrono::duration<double, std::milli> elapsed =
      std::chrono::steady_clock::now() - start;
  session.times.push_back({"import", elapsed.count()});
  return bool(session.module);
}

/// What distinguishes artifacts of one model: the options, without paths.
std::string optionsJson(const CompileOptions &options, bool isLanguage) {
  llvm::json::Object dims;
  for (auto &[name, bounds] : options.dims)
    dims[name] = llvm::json::Array{bounds.min, bounds.max};
  llvm::json::Object json{{"target", options.target},
                          {"opt", options.optLevel},
                          {"exact", options.exact},
                          {"precision", options.precision},
                          {"dims", std::move(dims)},
                          {"external_weights", options.externalWeights}};
  if (options.emulatable)
    json["emulatable"] = true;
  if (isLanguage) {
    json["batch"] = options.language.batch;
    json["context"] = options.language.context;
    json["kv_type"] = options.language.kvType;
    json["prefill_chunk"] = options.language.prefillChunk;
    json["quantize"] = options.language.quantize;
  }
  std::string text;
  llvm::raw_string_ostream(text) << llvm::json::Value(std::move(json));
  return text;
}

/// Whether weights can be had in the type that the user asked for.
bool checkPrecision(MLIRContext &context, const CompileOptions &options) {
  bool known =
      llvm::is_contained({"", "f32", "bf16", "f16"}, options.precision);
  bool rounds = !options.precision.empty() && options.precision != "f32";
  if (!known)
    emitError(UnknownLoc::get(&context))
        << "precision '" << options.precision
        << "' is not one of f32, bf16 and f16; leave it out to compile as "
           "stored";
  else if (rounds && options.externalWeights)
    emitError(UnknownLoc::get(&context))
        << "rounded weights are not in the model's files: leave out "
           "--weights=external or --precision";
  return known && !(rounds && options.externalWeights);
}

/// The folder of the output, unless that is a device or a pipe.
std::string spillFolder(const std::string &output) {
  bool isFile = !output.empty() && (!llvm::sys::fs::exists(output) ||
                                    llvm::sys::fs::is_regular_file(output));
  if (!isFile)
    return "";
  StringRef folder = llvm::sys::path::parent_path(output);
  return folder.empty() ? "." : folder.str();
}

CompileResult compileSource(const Source &source, const std::string &output,
                            const CompileOptions &options) {
  CompileResult result;
  registerDefaultBackends();
  MLIRContext context(options.threads == 1 ? MLIRContext::Threading::DISABLED
                                           : MLIRContext::Threading::ENABLED);
  registerDialects(context);
  context.printOpOnDiagnostic(false); // users know their nodes, not our ops
  DiagnosticCollector diagnostics(&context);
  Session session(context, options);

  auto finish = [&](bool ok) {
    result.diagnostics = diagnostics.take();
    bool anyError = false;
    for (const driver::Diagnostic &d : result.diagnostics)
      anyError |= d.severity == driver::Diagnostic::Error;
    result.status = ok && !anyError ? 0 : anyError ? 1 : 2;
    if (result.status == 2 && !anyError)
      result.diagnostics.push_back({driver::Diagnostic::Error, "",
                                    "the compiler failed without a message"});
    return result;
  };
  auto progress = [&](double done, const char *phase) {
    if (options.progress)
      options.progress(done, phase);
  };
  // Large intermediate files belong where the result goes.
  session.weights.setSpillFolder(spillFolder(output));
  if (!checkPrecision(context, options))
    return finish(false);
  progress(0, "import");
  if (!session.resolveTarget() || !import(session, context, source, options))
    return finish(false);
  if (options.startFrom == Phase::Import && !options.dumpPhases.empty() &&
      !session.dump(Phase::Import))
    return finish(false);
  // IR of a phase is compiled on from the next one.
  int first = options.startFrom == Phase::Import ? int(Phase::Graph)
                                                 : int(options.startFrom);
  int last = std::min(int(options.stopAfter), int(Phase::Codegen));
  for (int phase = first; phase <= last; ++phase) {
    progress(phase / 8.0, phaseName(Phase(phase)));
    if (!session.run(Phase(phase)))
      return finish(false);
  }
  result.report =
      makeReport(*session.module, session.target(), session.times, false);
  if (options.stopAfter != Phase::Artifact && !output.empty())
    return finish(writeIr(*session.module, session.weights, output));
  if (options.stopAfter != Phase::Artifact) {
    llvm::raw_string_ostream os(result.ir);
    session.module->print(os);
    return finish(true);
  }
  progress(7 / 8.0, "artifact");
  std::string error;
  ArtifactInfo info;
  info.externalWeights = options.externalWeights;
  info.weightsFolder = session.modelFolder;
  info.targetJson = describeTarget(options.target, error);
  info.backend = session.target().backend();
  info.optionsJson = optionsJson(
      options, session.module->getOperation()->hasAttr("fm.metadata"));
  info.report =
      makeReport(*session.module, session.target(), session.times, true);
  bool ok = emitArtifact(*session.module, session.weights, info, output);
  progress(1, "artifact");
  return finish(ok);
}

} // namespace

CompileResult driver::compile(const std::string &model,
                              const std::string &output,
                              const CompileOptions &options) {
  return compileSource({model, std::nullopt, ""}, output, options);
}

CompileResult driver::compileBytes(std::string_view onnx,
                                   const std::string &name,
                                   const std::string &directory,
                                   const std::string &output,
                                   const CompileOptions &options) {
  return compileSource({name, onnx, directory}, output, options);
}

static CompileResult checkSource(const Source &source,
                                 const CompileOptions &options) {
  CompileOptions early = options;
  early.stopAfter = Phase::Place;
  CompileResult result = compileSource(source, "", early);
  result.ir.clear();
  return result;
}

CompileResult driver::check(const std::string &model,
                            const CompileOptions &options) {
  return checkSource({model, std::nullopt, ""}, options);
}

CompileResult driver::checkBytes(std::string_view onnx, const std::string &name,
                                 const std::string &directory,
                                 const CompileOptions &options) {
  return checkSource({name, onnx, directory}, options);
}

CompileResult driver::runPipeline(std::string_view ir,
                                  const std::string &pipeline) {
  CompileResult result;
  MLIRContext context;
  registerDialects(context);
  DiagnosticCollector diagnostics(&context);
  ParserConfig config(&context);
  OwningOpRef<ModuleOp> module =
      parseSourceString<ModuleOp>(StringRef(ir.data(), ir.size()), config);
  bool ok = bool(module);
  if (ok && !pipeline.empty()) {
    PassManager pm(&context, ModuleOp::getOperationName());
    std::string message;
    llvm::raw_string_ostream os(message);
    ok = succeeded(parsePassPipeline(pipeline, pm, os));
    if (!ok)
      emitError(UnknownLoc::get(&context)) << message;
    ok = ok && succeeded(pm.run(*module));
  }
  if (ok) {
    llvm::raw_string_ostream os(result.ir);
    module->print(os);
  }
  result.diagnostics = diagnostics.take();
  result.status = ok ? 0 : 1;
  return result;
}
