//===- CheckpointFiles.cpp - The tensors of a checkpoint folder -----------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/huggingface/CheckpointFiles.h"

#include "lib/frontend/huggingface/JsonText.h"

#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <map>
#include <set>

using namespace narae;
using namespace narae::huggingface;
using llvm::StringRef;

static const char *const kSingle = "model.safetensors";
static const char *const kIndex = "model.safetensors.index.json";

/// What is wrong with a file name of an index; "" for nothing. Only names
/// inside the folder are followed, and only to safetensors, so that an index
/// cannot lead to itself or to another index.
static std::string checkShardName(StringRef name) {
  if (!name.ends_with(".safetensors"))
    return "is no safetensors file";
  if (name.contains('\0') || name.contains('\\') ||
      llvm::sys::path::is_absolute(name))
    return "is no name of a file in this folder";
  for (auto part = llvm::sys::path::begin(name),
            end = llvm::sys::path::end(name);
       part != end; ++part)
    if (*part == ".." || *part == ".")
      return "leads out of this folder";
  return "";
}

static void addEntries(TensorTable &table, std::vector<TensorEntry> entries,
                       language::Problems &problems) {
  for (TensorEntry &entry : entries) {
    std::string name = entry.name;
    auto [known, isNew] = table.try_emplace(name, std::move(entry));
    if (!isNew)
      problems.push_back({name, "is in two files: '" + known->second.file +
                                    "' and '" + entry.file + "'"});
  }
}

/// The files that the index names, in order, and the file of each tensor.
static std::set<std::string>
readIndex(const llvm::json::Object &index,
          std::map<std::string, std::string> &fileOf,
          language::Problems &problems) {
  std::set<std::string> files, refused;
  const llvm::json::Object *map = index.getObject("weight_map");
  if (!map || map->empty()) {
    problems.push_back({kIndex, "has no weight_map, which says in which file "
                                "each tensor is"});
    return files;
  }
  for (const auto &[tensor, value] : *map) {
    std::optional<StringRef> file = value.getAsString();
    if (!file) {
      problems.push_back(
          {kIndex, "names no file for tensor '" + tensor.str() + "'"});
      continue;
    }
    fileOf[tensor.str()] = file->str();
    std::string wrong = checkShardName(*file);
    if (wrong.empty())
      files.insert(file->str());
    else if (refused.insert(file->str()).second)
      problems.push_back({kIndex, "names '" + file->str() +
                                      "' as a file with tensors, which " +
                                      wrong});
  }
  return files;
}

static TensorTable readSharded(const std::string &folder,
                               const llvm::json::Object &index,
                               language::Problems &problems) {
  TensorTable table;
  std::map<std::string, std::string> fileOf;
  size_t before = problems.size();
  for (const std::string &file : readIndex(index, fileOf, problems)) {
    if (!llvm::sys::fs::exists(folder + "/" + file))
      problems.push_back({file, "is missing; " + std::string(kIndex) +
                                    " names it: download it into the folder"});
    else
      addEntries(table, readSafetensors(folder, file, problems), problems);
  }
  if (problems.size() != before)
    return table;
  for (const auto &[tensor, file] : fileOf) {
    auto entry = table.find(tensor);
    if (entry == table.end() || entry->second.file != file)
      problems.push_back({kIndex, "says that tensor '" + tensor + "' is in '" +
                                      file + "', which does not have it"});
  }
  return table;
}

/// The only safetensors file of a folder without `model.safetensors`; "" when
/// there is none or more than one, with a problem.
static std::string findOnly(const std::string &folder,
                            language::Problems &problems) {
  std::vector<std::string> found;
  bool pickled = false;
  std::error_code error;
  for (llvm::sys::fs::directory_iterator i(folder, error), end;
       i != end && !error; i.increment(error)) {
    StringRef name = llvm::sys::path::filename(i->path());
    if (name.ends_with(".safetensors"))
      found.push_back(name.str());
    pickled |= name.ends_with(".bin") || name.ends_with(".pt") ||
               name.ends_with(".pth");
  }
  if (found.size() == 1)
    return found.front();
  if (!found.empty())
    problems.push_back({folder, "has several safetensors files and no " +
                                    std::string(kIndex) +
                                    " that says which belong together"});
  else if (pickled)
    problems.push_back({folder,
                        "has its weights as pickled files only; save them as "
                        "safetensors (save_pretrained does)"});
  else
    problems.push_back({folder, "has no safetensors file; compile with "
                                "--without-weights from config.json alone"});
  return "";
}

TensorTable huggingface::readCheckpointTensors(const std::string &folder,
                                               language::Problems &problems) {
  TensorTable table;
  size_t before = problems.size();
  if (auto index = readObject(folder + "/" + kIndex, kIndex, problems))
    return readSharded(folder, *index, problems);
  if (problems.size() != before)
    return table;
  std::string file = kSingle;
  if (!llvm::sys::fs::exists(folder + "/" + file))
    file = findOnly(folder, problems);
  if (!file.empty())
    addEntries(table, readSafetensors(folder, file, problems), problems);
  return table;
}
