//===- BuildModule.cpp - The fm graph of a language model -----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/language/BuildModule.h"

#include "lib/frontend/language/Caches.h"
#include "lib/frontend/language/Check.h"
#include "lib/frontend/language/Entries.h"

#include "dialects/fm/Storage.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;
using namespace narae;
using namespace narae::language;

/// The storage of a matrix of the first layer, which says what the checkpoint
/// is stored in.
static Storage mainStorage(const LanguageModel &model) {
  const Layer &layer = model.layers.front();
  return layer.attention ? layer.attention->query.weight.storage
                         : layer.latent->latentDown.weight.storage;
}

/// Fills in defaults and reports what cannot be.
static BuildOptions complete(const LanguageModel &model, BuildOptions options,
                             Location loc) {
  if (options.context == 0)
    options.context = std::min(model.maxContext, kDefaultContext);
  if (options.context < 1)
    emitError(loc) << "a context of " << options.context
                   << " positions; give at least 1";
  if (options.context > model.maxContext) {
    InFlightDiagnostic d = emitError(loc);
    d << "a context of " << options.context << " positions is more than the "
      << model.maxContext << " that the model has";
    if (!model.contextReason.empty())
      d << " (" << model.contextReason << ")";
    d << "; give --context=" << model.maxContext << " or less";
  }
  if (options.batch < 1 || options.batch > 65536)
    emitError(loc) << "a batch of " << options.batch
                   << " sequences; give 1 to 65536";
  if (options.prefillChunk < 1)
    emitError(loc) << "a prefill chunk of " << options.prefillChunk
                   << " tokens; give at least 1";
  options.prefillChunk = std::min(options.prefillChunk, options.context);
  if (options.kvType.empty())
    options.kvType =
        options.exact || mainStorage(model) == Storage::F32 ? "f32" : "f16";
  if (!llvm::is_contained({"f32", "bf16", "f16", "q8_0"}, options.kvType))
    emitError(loc) << "the cache cannot be of type '" << options.kvType
                   << "'; give --kv-type=f32, bf16, f16 or q8_0";
  return options;
}

static void declareStates(ModuleOp module, ArrayRef<LayerCaches> caches) {
  OpBuilder b = OpBuilder::atBlockEnd(module.getBody());
  for (const LayerCaches &layer : caches)
    for (const Cache &cache : layer) {
      Location loc = NameLoc::get(b.getStringAttr(cache.name));
      if (fm::storageBytes(cache.type) == INT64_MAX)
        emitError(loc) << "the cache '" << cache.name
                       << "' has more than 2^63 bytes; give a smaller batch "
                          "or context";
      b.create<fm::StateOp>(
          loc, cache.name, cache.type, cache.ring ? "ring" : "growing", 2,
          cache.ring ? b.getI64IntegerAttr(cache.window) : IntegerAttr());
    }
}

OwningOpRef<ModuleOp> language::buildModule(const LanguageModel &model,
                                            const BuildOptions &given,
                                            MLIRContext &context,
                                            WeightStore &store) {
  context.loadDialect<func::FuncDialect, fm::FmDialect>();
  Location loc = NameLoc::get(StringAttr::get(&context, model.name));
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  // What is wrong is printed by whoever listens already; here it is counted.
  unsigned errors = 0;
  ScopedDiagnosticHandler counter(&context, [&](Diagnostic &diagnostic) {
    errors += diagnostic.getSeverity() == DiagnosticSeverity::Error;
    return failure();
  });
  checkModel(model, [&](const std::string &where, const std::string &message) {
    emitError(NameLoc::get(StringAttr::get(&context, where)))
        << "'" << where << "' " << message;
  });
  if (errors)
    return {};
  BuildOptions options = complete(model, given, loc);
  if (errors)
    return {};
  std::vector<LayerCaches> caches = planCaches(model, options, &context);
  declareStates(*module, caches);
  Weights weights(*module, store, options.directory, model.withoutWeights);
  for (const Attachment &attachment : model.attachments)
    weights.attach(attachment);
  for (EntryKind kind :
       {EntryKind::Prefill, EntryKind::Decode, EntryKind::Score})
    if (!errors)
      buildEntry(kind, *module, model, options, caches, weights);
  if (errors)
    return {};
  int64_t bytes = 0;
  for (auto data : module->getOps<fm::WeightDataOp>())
    bytes += data.getLength();
  (*module)->setAttr(
      "fm.metadata",
      StringAttr::get(&context, metadata(model, options, caches, bytes)));
  return module;
}
