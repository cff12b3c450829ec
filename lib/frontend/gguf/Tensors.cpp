//===- Tensors.cpp - Takes weights out of a file --------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/gguf/Tensors.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

namespace narae::gguf {

using language::Weight;
using llvm::ArrayRef;
using llvm::StringRef;
using llvm::Twine;

std::string showShape(ArrayRef<int64_t> shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i)
    text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

Tensors::Tensors(const File &file, bool withoutWeights,
                 language::Problems &problems)
    : file(file), withoutWeights(withoutWeights), problems(problems) {
  for (const TensorInfo &info : file.tensors)
    tensors[info.name] = &info;
}

static ArrayRef<int64_t> withoutOnes(ArrayRef<int64_t> shape) {
  while (shape.size() > 1 && shape.front() == 1)
    shape = shape.drop_front();
  return shape;
}

const TensorInfo *Tensors::check(StringRef name, ArrayRef<int64_t> shape) {
  const TensorInfo *info = find(name);
  bool first = taken.insert(name).second;
  if (info && withoutOnes(info->shape) == withoutOnes(shape))
    return info;
  if (!first) // said already
    return nullptr;
  if (!info) {
    problems.push_back(
        {name.str(), "the tensor is missing; its shape would be " +
                         showShape(shape) +
                         ". Fetch all files of the model again"});
    return nullptr;
  }
  problems.push_back({name.str(), "the tensor has the shape " +
                                      showShape(info->shape) + ", but " +
                                      showShape(shape) +
                                      " follows from the file's keys"});
  return nullptr;
}

Weight Tensors::take(StringRef name, ArrayRef<int64_t> shape) {
  Weight weight;
  weight.name = name.str();
  weight.shape.assign(shape.begin(), shape.end());
  if (const TensorInfo *info = check(name, shape)) {
    weight.storage = info->type->storage;
    if (!withoutWeights)
      weight.pieces.push_back({info->file, info->offset, info->length});
  }
  return weight;
}

std::optional<Weight> Tensors::takeOptional(StringRef name,
                                            ArrayRef<int64_t> shape) {
  if (!has(name))
    return std::nullopt;
  return take(name, shape);
}

Weight Tensors::takeRows(StringRef name, int64_t groups, int64_t groupRows,
                         int64_t columns, int64_t first, int64_t rows,
                         ArrayRef<int64_t> shape) {
  Weight weight;
  weight.name = name.str();
  weight.shape.assign(shape.begin(), shape.end());
  const TensorInfo *info = find(name);
  // Experts have a dimension of their own, heads do not.
  const TensorInfo *checked = info && info->shape.size() == 3
                                  ? check(name, {groups, groupRows, columns})
                                  : check(name, {groups * groupRows, columns});
  if (!checked)
    return weight;
  weight.storage = checked->type->storage;
  if (withoutWeights)
    return weight;
  uint64_t rowBytes = storageBytes(weight.storage, columns);
  for (int64_t group = 0; group < groups; ++group)
    weight.pieces.push_back(
        {checked->file,
         checked->offset + (group * groupRows + first) * rowBytes,
         rows * rowBytes});
  return weight;
}

Weight Tensors::takePart(StringRef name, int64_t total, int64_t first,
                         int64_t count) {
  Weight weight;
  weight.name = name.str();
  weight.shape = {count};
  const TensorInfo *info = check(name, {total});
  if (!info)
    return weight;
  weight.storage = info->type->storage;
  uint64_t elementBytes = info->type->bytes;
  if (info->type->elements != 1)
    problems.push_back({name.str(), "a vector of type " +
                                        info->type->name.str() +
                                        " cannot be split; F32 can"});
  else if (!withoutWeights)
    weight.pieces.push_back({info->file, info->offset + first * elementBytes,
                             count * elementBytes});
  return weight;
}

void Tensors::checkAllTaken(llvm::function_ref<bool(StringRef)> ignored) {
  for (const TensorInfo &info : file.tensors)
    if (!taken.contains(info.name) && !ignored(info.name))
      problems.push_back({info.name.str(),
                          "nothing uses this tensor " + showShape(info.shape) +
                              ": the model may compute something else. If "
                              "it is known to be harmless, --ignore=" +
                              info.name.str() + " compiles anyway"});
}

} // namespace narae::gguf
