//===- ImportLanguage.cpp - Checkpoints as modules ------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/driver/ImportLanguage.h"
#include "dialects/fm/FmDialect.h"
#include "lib/frontend/gguf/GgufLoader.h"
#include "lib/frontend/huggingface/HuggingFace.h"
#include "lib/frontend/language/BuildEncoder.h"
#include "lib/frontend/language/BuildModule.h"
#include "lib/frontend/quantize/QuantizeModel.h"

#include "mlir/IR/Builders.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace narae;
using namespace narae::driver;

bool driver::isLanguageModel(const std::string &path) {
  StringRef name = path;
  return name.ends_with(".gguf") || name.ends_with(".json") ||
         (llvm::sys::fs::is_directory(path) && huggingface::isCheckpoint(path));
}

/// A place in the user's files, as diagnostics print it.
static Location placeOf(MLIRContext &context, StringRef place) {
  if (place.empty())
    return UnknownLoc::get(&context);
  return FileLineColLoc::get(&context, place, 0, 0);
}

/// The storage that --quantize names.
static language::Storage quantizedStorage(StringRef name) {
  return name == "q8_0"   ? language::Storage::Q8_0
         : name == "q4_0" ? language::Storage::Q4_0
                          : language::Storage::Q4_K;
}

/// Says what is wrong with the options themselves; all of it.
static bool checkOptions(MLIRContext &context, const CompileOptions &options) {
  const LanguageOptions &language = options.language;
  bool ok = true;
  auto fail = [&](const llvm::Twine &message) {
    emitError(UnknownLoc::get(&context)) << message;
    ok = false;
  };
  if (language.batch < 1)
    fail("the batch is at least 1, not " + llvm::Twine(language.batch));
  if (language.context < 0)
    fail("the context is at least 1, not " + llvm::Twine(language.context));
  if (language.prefillChunk < 1)
    fail("the prefill chunk is at least 1, not " +
         llvm::Twine(language.prefillChunk));
  if (!llvm::is_contained({"", "f32", "bf16", "f16", "q8_0"},
                          StringRef(language.kvType)))
    fail("the cache's type is f32, bf16, f16 or q8_0, not '" +
         llvm::Twine(language.kvType) + "'");
  if (!llvm::is_contained({"", "q8_0", "q4_0", "q4_k"},
                          StringRef(language.quantize)))
    fail("weights are quantised to q8_0, q4_0 or q4_k, not '" +
         llvm::Twine(language.quantize) + "'");
  if (!language.quantize.empty() && options.externalWeights)
    fail("quantised weights are not in the model's files: leave out "
         "--weights=external or --quantize");
  return ok;
}

/// Names of files relative to the folder of the model, so that the module can
/// be kept beside it and says nothing of where it was made.
static void makeRelative(ModuleOp module, StringRef folder) {
  auto relative = [&](StringRef file) {
    if (folder.empty() || !file.consume_front(folder))
      return file;
    return file.ltrim('/');
  };
  OpBuilder b(module.getContext());
  for (auto data : module.getOps<fm::WeightDataOp>()) {
    data.setFile(relative(data.getFile()));
    if (!data.getPieces())
      continue;
    SmallVector<Attribute> pieces;
    for (auto piece : data.getPieces()->getAsRange<DictionaryAttr>()) {
      NamedAttrList list(piece);
      list.set("file",
               b.getStringAttr(relative(piece.getAs<StringAttr>("file"))));
      pieces.push_back(list.getDictionary(module.getContext()));
    }
    data.setPiecesAttr(b.getArrayAttr(pieces));
  }
}

/// A text encoder: one entry `main`, no state.
static bool importEncoder(Session &session, MLIRContext &context,
                          const language::EncoderModel &model,
                          const std::string &folder) {
  session.modelFolder = folder;
  for (const std::string &note : model.notes)
    emitRemark(UnknownLoc::get(&context)) << note;
  session.module =
      language::buildEncoder(model, folder, context, session.weights);
  if (!session.module)
    return false;
  makeRelative(*session.module, folder);
  return true;
}

bool driver::importLanguage(Session &session, MLIRContext &context,
                            const std::string &path,
                            const CompileOptions &options) {
  if (!checkOptions(context, options))
    return false;
  bool isFile = StringRef(path).ends_with(".json");
  if (isFile && !options.withoutWeights) {
    emitError(UnknownLoc::get(&context))
        << "a configuration alone has no weights: give the folder that it is "
           "in, or --without-weights";
    return false;
  }
  language::BuildOptions build;
  build.batch = options.language.batch;
  build.context = options.language.context;
  build.kvType = options.language.kvType;
  if (build.kvType.empty() && !options.precision.empty())
    build.kvType = options.precision == "f32" || options.exact ? "f32" : "f16";
  build.prefillChunk = options.language.prefillChunk;
  build.exact = options.exact;
  std::optional<language::LanguageModel> model;
  language::Problems problems;
  if (StringRef(path).ends_with(".gguf")) {
    gguf::GgufOptions load;
    load.ignore = options.language.ignore;
    load.withoutWeights = options.withoutWeights;
    gguf::LoadedModel loaded = gguf::loadGguf(path, load);
    model = std::move(loaded.model);
    problems = std::move(loaded.problems);
    session.modelFolder = llvm::sys::path::parent_path(path).str();
  } else {
    huggingface::LoadOptions load;
    load.withoutWeights = options.withoutWeights;
    load.ignore = options.language.ignore;
    huggingface::Checkpoint loaded = huggingface::loadCheckpoint(path, load);
    if (loaded.ok() && loaded.encoder && !options.language.quantize.empty()) {
      emitError(UnknownLoc::get(&context))
          << "--quantize is for language models, and this is an encoder";
      return false;
    }
    if (loaded.ok() && loaded.encoder)
      return importEncoder(session, context, *loaded.encoder, loaded.folder);
    if (loaded.ok())
      model = std::move(loaded.model);
    problems = std::move(loaded.problems);
    build.directory = session.modelFolder = loaded.folder;
  }
  for (const language::Problem &problem : problems)
    emitError(placeOf(context, problem.place)) << problem.message;
  if (!problems.empty() || !model)
    return false;
  std::optional<quantize::ModelQuantizer> quantizer;
  if (!options.language.quantize.empty()) {
    quantizer.emplace(quantizedStorage(options.language.quantize),
                      build.directory);
    quantizer->describe(*model);
  }
  for (const std::string &note : model->notes)
    emitRemark(UnknownLoc::get(&context)) << note;
  session.module =
      language::buildModule(*model, build, context, session.weights);
  if (!session.module)
    return false;
  if (quantizer && !options.withoutWeights &&
      !quantizer->fill(*session.module, session.weights))
    return false;
  makeRelative(*session.module, session.modelFolder);
  return true;
}
