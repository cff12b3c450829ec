//===- LoadCheckpoint.cpp - A checkpoint folder, all of it ----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/huggingface/Attachments.h"
#include "lib/frontend/huggingface/DecoderReader.h"
#include "lib/frontend/huggingface/EncoderReader.h"
#include "lib/frontend/huggingface/HuggingFace.h"
#include "lib/frontend/huggingface/JsonText.h"
#include "lib/frontend/huggingface/Nearest.h"
#include "lib/frontend/huggingface/Quantization.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/GlobPattern.h"
#include "llvm/Support/Path.h"

#include <map>

using namespace narae;
using namespace narae::huggingface;
using llvm::StringRef;

/// Problems beyond this are counted only.
static constexpr size_t kMaxReported = 100;

namespace {
class Loader {
public:
  Loader(Checkpoint &checkpoint, std::string configFile,
         const LoadOptions &options)
      : out(checkpoint), problems(checkpoint.problems),
        configFile(std::move(configFile)), options(options) {
    for (const std::string &text : options.ignore)
      if (auto pattern = llvm::GlobPattern::create(text))
        patterns.push_back(std::move(*pattern));
      else
        problems.push_back({"ignore", "'" + text + "' is no pattern: " +
                                          llvm::toString(pattern.takeError())});
  }
  void load();
  void load(const llvm::json::Object &object);

private:
  /// `family` null: an encoder.
  void readModel(const Family *family, Config &config, Config *outer);
  StorageRules storageRules(Config &config, Config *outer);
  void setVisionApart(Tensors &tensors);
  void reportUntaken(const Tensors &tensors, const std::string &family);
  void reportUnread(const Config &config, const std::string &family);
  bool isIgnored(StringRef name) const {
    return llvm::any_of(patterns, [&](const llvm::GlobPattern &pattern) {
      return pattern.match(name);
    });
  }

  Checkpoint &out;
  language::Problems &problems;
  std::string configFile;
  const LoadOptions &options;
  std::vector<llvm::GlobPattern> patterns; ///< of `ignore`
};
} // namespace

StorageRules Loader::storageRules(Config &config, Config *outer) {
  StorageRules rules;
  std::optional<std::string> type = config.word({"dtype", "torch_dtype"});
  if (!type && outer)
    type = outer->word({"dtype", "torch_dtype"});
  StringRef name = type ? StringRef(*type) : "bfloat16";
  name.consume_front("torch.");
  using language::Storage;
  rules.storage = llvm::StringSwitch<Storage>(name)
                      .Case("float32", Storage::F32)
                      .Case("float16", Storage::F16)
                      .Default(Storage::BF16);
  readQuantization(config, rules, out.model.notes);
  if (outer)
    readQuantization(*outer, rules, out.model.notes);
  return rules;
}

/// Towers and projectors for pictures and sound, in models that have them.
void Loader::setVisionApart(Tensors &tensors) {
  static const char *const parts[] = {
      "visual.",          "vision_tower.",
      "vision_model.",    "vision_projector.",
      "projector.",       "mm_projector.",
      "image_newline",    "audio_tower.",
      "audio_projector.", "multi_modal_projector."};
  size_t count = tensors.setApart([&](StringRef name) {
    name.consume_front("model.");
    return llvm::any_of(
        parts, [&](const char *part) { return name.starts_with(part); });
  });
  out.model.notes.push_back(
      "the part for pictures is set apart" +
      (count ? ": " + std::to_string(count) + " tensors" : std::string()));
}

/// "model.layers.*.x" for all layers and experts, so that one line says it.
static std::string withoutNumbers(StringRef name) {
  std::string text;
  for (StringRef part : llvm::split(name, '.')) {
    bool number = !part.empty() &&
                  part.find_first_not_of("0123456789") == StringRef::npos;
    text += (text.empty() ? "" : ".") + (number ? "*" : part.str());
  }
  return text;
}

void Loader::reportUntaken(const Tensors &tensors, const std::string &family) {
  std::map<std::string, std::vector<std::string>> kinds;
  for (const std::string &name : tensors.untaken())
    if (!StringRef(name).ends_with(".inv_freq") && // a buffer, not a weight
        !isScaleOfActivations(name) && !isIgnored(name))
      kinds[withoutNumbers(name)].push_back(name);
  for (const auto &[kind, names] : kinds) {
    std::string more = names.size() == 1
                           ? ""
                           : " (and " + std::to_string(names.size() - 1) +
                                 " more like " + kind + ")";
    problems.push_back(
        {names.front(),
         shapeText(*tensors.shapeOf(names.front())) + more +
             " is read by nothing in " + family +
             " models, so the result would be another model; --ignore=" + kind +
             " compiles anyway"});
  }
}

void Loader::reportUnread(const Config &config, const std::string &family) {
  config.forEachUnread([&](const std::string &key,
                           const llvm::json::Value &value) {
    if (isIgnored(key)) {
      out.model.notes.push_back("'" + key + "' (" + valueText(value) +
                                ") is not read, as was allowed");
    } else if (!isHarmlessKey(key)) {
      problems.push_back({configFile, "'" + key + "' is " + valueText(value) +
                                          ", and nothing in " + family +
                                          " models reads it; --ignore=" + key +
                                          " compiles without it"});
    }
  });
}

void Loader::readModel(const Family *family, Config &config, Config *outer) {
  std::string name = family ? family->name : "bert";
  StorageRules rules = storageRules(config, outer);
  TensorTable table;
  size_t before = problems.size();
  if (!options.withoutWeights)
    table = readCheckpointTensors(out.folder, problems);
  // With files that do not hold, all tensors would be missing too.
  bool filesAreSound = problems.size() == before;
  Tensors tensors(std::move(table), out.folder,
                  options.withoutWeights || !filesAreSound, rules, problems);
  if (family)
    out.model = DecoderReader(*family, config, outer, tensors, problems).read();
  else
    out.encoder = readEncoder(config, tensors, problems);
  if (out.encoder)
    out.model.vocabulary = out.encoder->vocabulary;
  out.model.withoutWeights = options.withoutWeights;
  out.model.endTokens = readEndTokens(out.folder, &config, outer, problems);
  if (!out.folder.empty()) // a text alone has no files beside it
    addAttachments(out.model, out.folder, isIgnored("tokenizer.json"),
                   problems);
  if (out.encoder)
    out.encoder->attachments = std::move(out.model.attachments);
  if (outer)
    setVisionApart(tensors);
  if (filesAreSound && problems.size() == before)
    reportUntaken(tensors, name);
  reportUnread(config, name);
}

void Loader::load() {
  std::string path = out.folder + "/" + configFile;
  std::optional<llvm::json::Object> object =
      readObject(path, configFile, problems);
  if (!object) {
    if (problems.empty())
      problems.push_back({path, "does not exist; a checkpoint is a folder "
                                "with config.json and safetensors"});
    return;
  }
  load(*object);
}

void Loader::load(const llvm::json::Object &object) {
  Config top(object, configFile, problems);
  std::optional<Config> text =
      top.part({"text_config", "language_config", "llm_config"});
  Config &config = text ? *text : top;
  std::string type = config.word({"model_type"}).value_or("");
  std::vector<std::string> classes =
      config.words({"architectures"})
          .value_or(text ? std::vector<std::string>()
                         : top.words({"architectures"})
                               .value_or(std::vector<std::string>()));
  const Family *family = findFamily(type, classes);
  if (!family && !isEncoder(type, classes)) {
    problems.push_back(
        {configFile, describeUnknown(type, classes, config.json())});
    return;
  }
  for (const std::string &name : classes)
    if (family && (StringRef(name).contains("ForSequenceClassification") ||
                   StringRef(name).contains("ForTokenClassification") ||
                   StringRef(name).contains("ForQuestionAnswering")))
      config.fail({"architectures"},
                  "has '" + name + "', which gives no logits of tokens");
  readModel(family, config, text ? &top : nullptr);
}

bool huggingface::isCheckpoint(StringRef path) {
  if (llvm::sys::fs::is_directory(path))
    return llvm::sys::fs::exists(path.str() + "/config.json");
  return path.ends_with(".json");
}

static void limitProblems(Checkpoint &checkpoint) {
  size_t count = checkpoint.problems.size();
  if (count <= kMaxReported)
    return;
  checkpoint.problems.resize(kMaxReported);
  checkpoint.problems.push_back(
      {checkpoint.folder,
       "has " + std::to_string(count - kMaxReported) + " more problems"});
}

Checkpoint huggingface::describeConfig(StringRef text, LoadOptions options) {
  Checkpoint checkpoint;
  options.withoutWeights = true;
  if (auto object = parseObject(text, "config.json", checkpoint.problems))
    Loader(checkpoint, "config.json", options).load(*object);
  limitProblems(checkpoint);
  return checkpoint;
}

Checkpoint huggingface::loadCheckpoint(StringRef path,
                                       const LoadOptions &options) {
  Checkpoint checkpoint;
  std::string configFile = "config.json";
  while (path.size() > 1 && path.ends_with("/"))
    path = path.drop_back();
  if (llvm::sys::fs::is_directory(path)) {
    checkpoint.folder = path.str();
  } else {
    checkpoint.folder = llvm::sys::path::parent_path(path).str();
    configFile = llvm::sys::path::filename(path).str();
    if (checkpoint.folder.empty())
      checkpoint.folder = ".";
  }
  Loader(checkpoint, configFile, options).load();
  checkpoint.model.name = llvm::sys::path::filename(checkpoint.folder).str();
  if (checkpoint.encoder)
    checkpoint.encoder->name = checkpoint.model.name;
  limitProblems(checkpoint);
  return checkpoint;
}
