//===- GgufLoader.cpp - Language models out of GGUF files -----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/gguf/GgufLoader.h"

#include "lib/frontend/gguf/ModelBuilder.h"
#include "lib/frontend/gguf/Tokenizer.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/GlobPattern.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

namespace narae::gguf {

using language::LanguageModel;
using language::Problems;
using llvm::formatv;
using llvm::StringRef;

namespace {

/// Maps and reads the files of a model.
class Opener {
public:
  Opener(Problems &problems) : problems(problems) {}
  std::optional<File> open(StringRef path);

private:
  std::optional<File> openOne(StringRef path);
  bool openRest(File &file, int64_t count);

  Problems &problems;
  std::vector<std::unique_ptr<llvm::MemoryBuffer>> buffers;
};

} // namespace

std::optional<File> Opener::openOne(StringRef path) {
  // Maps the file; a volatile one would be copied.
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  if (!buffer) {
    problems.push_back(
        {path.str(), "cannot be read: " + buffer.getError().message()});
    return std::nullopt;
  }
  buffers.push_back(std::move(*buffer));
  size_t before = problems.size();
  File file = readFile(buffers.back()->getBuffer(), path, problems);
  if (problems.size() != before)
    return std::nullopt;
  return file;
}

static std::optional<int64_t> splitKey(const File &file, StringRef key) {
  auto it = file.metadata.find(key);
  return it == file.metadata.end() ? std::nullopt : it->second.integer();
}

/// "00007"
static std::string padded(int64_t number) {
  std::string digits = std::to_string(number);
  return std::string(5 - std::min<size_t>(digits.size(), 5), '0') + digits;
}

/// NAME of NAME-00001-of-0000N.gguf, or empty.
static StringRef splitName(StringRef path, int64_t number, int64_t count) {
  std::string end = "-" + padded(number) + "-of-" + padded(count) + ".gguf";
  return path.ends_with(end) ? path.drop_back(end.size()) : StringRef();
}

bool Opener::openRest(File &file, int64_t count) {
  std::string first = file.path;
  StringRef name = splitName(first, 1, count);
  if (splitKey(file, "split.no").value_or(0) != 0 || name.empty()) {
    problems.push_back(
        {first, formatv("is one of the {0} files of a split model, but not the "
                        "first, or renamed: give the file that is called "
                        "...-00001-of-{1}.gguf and keep the others beside it",
                        count, padded(count))});
    return false;
  }
  llvm::StringSet<> names;
  for (const TensorInfo &info : file.tensors)
    names.insert(info.name);
  bool good = true;
  for (int64_t number = 2; number <= count; ++number) {
    std::string path =
        name.str() + "-" + padded(number) + "-of-" + padded(count) + ".gguf";
    std::optional<File> part = openOne(path);
    if (!part)
      return false; // the others are probably missing too
    if (splitKey(*part, "split.count") != count ||
        splitKey(*part, "split.no") != number - 1) {
      problems.push_back(
          {path, formatv("says that it is not file {0} of {1}, as its name "
                         "does: fetch the files of the model again",
                         number, count)});
      good = false;
    }
    for (TensorInfo &info : part->tensors) {
      if (!names.insert(info.name).second) {
        problems.push_back({path, formatv("repeats the tensor {0} of an "
                                          "earlier file",
                                          info.name)});
        good = false;
      }
      file.tensors.push_back(std::move(info));
    }
  }
  std::optional<int64_t> total = splitKey(file, "split.tensors.count");
  if (total && *total != static_cast<int64_t>(file.tensors.size())) {
    problems.push_back(
        {first, formatv("promises {0} tensors in its {1} files, but they have "
                        "{2}",
                        *total, count, file.tensors.size())});
    good = false;
  }
  return good;
}

std::optional<File> Opener::open(StringRef path) {
  std::optional<File> file = openOne(path);
  if (!file)
    return std::nullopt;
  int64_t count = splitKey(*file, "split.count").value_or(0);
  if (count <= 1)
    return file;
  if (count > 99999 || !openRest(*file, count)) {
    if (count > 99999)
      problems.push_back({path.str(), formatv("split.count is {0}", count)});
    return std::nullopt;
  }
  return file;
}

/// What the file is, if not a language model.
static std::optional<std::string> otherKind(const File &file) {
  auto it = file.metadata.find("general.type");
  StringRef type;
  if (it != file.metadata.end())
    type = it->second.string().value_or("");
  auto arch = file.metadata.find("general.architecture");
  if (arch == file.metadata.end() || !arch->second.string())
    return "general.architecture is missing: the file holds no model";
  if (type == "adapter" || file.metadata.contains("adapter.type"))
    return "the file holds a LoRA adapter: merge it into its model first";
  if (type == "mmproj" || *arch->second.string() == "clip")
    return "the file holds the projector of images or sound of a model: give "
           "the file of its language model";
  if (type == "vocab")
    return "the file holds a vocabulary only: give the file of the model";
  return std::nullopt;
}

/// Keys outside of the architecture's own that change what is computed.
static void checkOtherKeys(const File &file, Problems &problems,
                           llvm::function_ref<bool(StringRef)> ignored) {
  for (StringRef key : file.keys)
    if (key.starts_with("xielu.") && !ignored(key))
      problems.push_back({key.str(), "sets an activation that is not "
                                     "supported"});
}

LoadedModel describeModel(const File &file, const GgufOptions &options) {
  LoadedModel result;
  Problems &problems = result.problems;
  std::vector<llvm::GlobPattern> patterns;
  for (const std::string &text : options.ignore)
    if (auto pattern = llvm::GlobPattern::create(text))
      patterns.push_back(std::move(*pattern));
    else
      problems.push_back({"ignore", "'" + text + "' is no pattern: " +
                                        toString(pattern.takeError())});
  auto ignored = [&](StringRef name) {
    for (const llvm::GlobPattern &pattern : patterns)
      if (pattern.match(name))
        return true;
    return false;
  };
  if (std::optional<std::string> other = otherKind(file)) {
    problems.push_back({file.path, *other});
    return result;
  }
  StringRef name = *file.metadata.find("general.architecture")->second.string();
  const Architecture *architecture = findArchitecture(name);
  if (!architecture) {
    problems.push_back({file.path, explainUnknown(name, file)});
    return result;
  }

  LanguageModel model;
  model.withoutWeights = options.withoutWeights;
  model.name = llvm::sys::path::stem(file.path).str();
  if (auto it = file.metadata.find("general.name"); it != file.metadata.end())
    if (std::optional<StringRef> said = it->second.string();
        said && !said->empty())
      model.name = said->str();
  Keys keys(file, name, problems);
  Tensors tensors(file, options.withoutWeights, problems);
  if (ModelBuilder(*architecture, keys, tensors, problems).build(model, file)) {
    keys.checkAllRead(ignored);
    checkOtherKeys(file, problems, ignored);
    tensors.checkAllTaken(ignored);
    attachTokenizer(file, model, problems);
  }
  if (problems.empty())
    result.model = std::move(model);
  return result;
}

LoadedModel loadGguf(StringRef path, const GgufOptions &options) {
  LoadedModel result;
  Opener opener(result.problems);
  std::optional<File> file = opener.open(path);
  if (!file)
    return result;
  return describeModel(*file, options);
}

} // namespace narae::gguf
