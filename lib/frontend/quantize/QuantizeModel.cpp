//===- QuantizeModel.cpp - A model's matrices into blocks -----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/quantize/QuantizeModel.h"
#include "dialects/fm/FmDialect.h"
#include "lib/frontend/language/Storage.h"
#include "lib/frontend/quantize/Blocks.h"
#include "lib/frontend/quantize/Numbers.h"

#include "llvm/Support/Parallel.h"
#include "llvm/Support/Path.h"

#include <algorithm>
#include <functional>

using namespace mlir;
using namespace narae;
using namespace narae::quantize;
using language::LanguageModel;
using language::Linear;
using language::Storage;
using language::Weight;

/// Rows that a thread takes at a time.
static constexpr int64_t kRows = 64;

/// Calls `apply` for each matrix of a model that may be quantised.
static void forEachMatrix(LanguageModel &model,
                          const std::function<void(Weight &)> &apply) {
  auto linear = [&](Linear &linear) { apply(linear.weight); };
  auto optional = [&](std::optional<Linear> &linear) {
    if (linear)
      apply(linear->weight);
  };
  auto mlp = [&](language::Mlp &mlp) {
    linear(mlp.gate);
    linear(mlp.up);
    linear(mlp.down);
  };
  apply(model.embedding);
  for (language::Layer &layer : model.layers) {
    if (layer.attention) {
      linear(layer.attention->query);
      linear(layer.attention->key);
      linear(layer.attention->value);
      linear(layer.attention->output);
    }
    if (layer.latent) {
      optional(layer.latent->queryDown);
      linear(layer.latent->query);
      linear(layer.latent->latentDown);
      apply(layer.latent->keyUp);
      apply(layer.latent->valueUp);
      optional(layer.latent->outputGate);
      linear(layer.latent->output);
    }
    if (layer.mlp)
      mlp(*layer.mlp);
    if (layer.experts) {
      apply(layer.experts->gate);
      apply(layer.experts->up);
      apply(layer.experts->down);
      if (layer.experts->shared)
        mlp(*layer.experts->shared);
    }
  }
  optional(model.head);
}

static bool isFloat(Storage storage) {
  return storage == Storage::F32 || storage == Storage::F16 ||
         storage == Storage::BF16 || storage == Storage::F8E4M3;
}

/// Weights of equal sources keep one name, others get names of their own.
static std::string sourceOf(const Weight &weight) {
  std::string key = weight.name;
  for (int64_t size : weight.shape)
    key += "," + std::to_string(size);
  for (const language::Piece &piece : weight.pieces)
    key += ";" + piece.file + "@" + std::to_string(piece.offset) + "+" +
           std::to_string(piece.length);
  return key;
}

void ModelQuantizer::describe(Weight &weight) {
  if (!isFloat(weight.storage) || weight.shape.size() < 2)
    return;
  Storage storage = to;
  int64_t row = weight.shape.back();
  if (storage == Storage::Q4_K && row % 256) {
    storage = Storage::Q8_0;
    asQ8 += row % 32 == 0;
  }
  if (row % language::storageBlock(storage).elements) {
    ++kept;
    return;
  }
  Weight original = weight;
  std::string &name = names[sourceOf(weight)];
  if (name.empty()) {
    name = weight.name;
    for (int n = 2; originals.count(name); ++n)
      name = weight.name + " (" + std::to_string(n) + ")";
  }
  weight.name = name;
  weight.storage = storage;
  weight.pieces.clear();
  weight.bytes.reset();
  weight.scale.reset();
  originals.emplace(name, std::move(original));
}

void ModelQuantizer::describe(LanguageModel &model) {
  forEachMatrix(model, [&](Weight &weight) { describe(weight); });
  if (asQ8)
    model.notes.push_back(std::to_string(asQ8) +
                          " matrices are q8_0: their rows are no multiple of "
                          "256, which q4_k needs");
  if (kept)
    model.notes.push_back(std::to_string(kept) +
                          " matrices stay as they are stored: their rows are "
                          "no multiple of 32");
  // The builder is to take weights without bytes; `fill` brings them.
  model.withoutWeights = true;
}

namespace {
/// The numbers of a stored weight, row by row.
class Rows {
public:
  Rows(const Weight &weight, std::string directory)
      : weight(weight), directory(std::move(directory)) {}
  llvm::Error open();
  void get(int64_t row, float *to) const;

private:
  const Weight &weight;
  std::string directory;
  WeightStore store;
  ArrayRef<char> bytes, scale;
};
} // namespace

llvm::Error Rows::open() {
  auto load = [&](const Weight &from, StringRef name,
                  ArrayRef<char> &to) -> llvm::Error {
    if (from.bytes) {
      to = *from.bytes;
    } else {
      std::vector<WeightPiece> pieces;
      for (const language::Piece &piece : from.pieces) {
        SmallString<256> path(
            llvm::sys::path::is_absolute(piece.file) ? "" : directory);
        llvm::sys::path::append(path, piece.file);
        pieces.push_back({path.str().str(), piece.offset, piece.length});
      }
      if (llvm::Error error = store.addPieces(name, pieces))
        return error;
      auto found = store.find(name);
      if (!found)
        return llvm::createStringError(store.failure());
      to = *found;
    }
    if (int64_t(to.size()) != language::storageBytes(from))
      return llvm::createStringError("tensor '" + from.name +
                                     "' has another number of bytes than its "
                                     "shape says");
    return llvm::Error::success();
  };
  if (llvm::Error error = load(weight, "weight", bytes))
    return error;
  if (weight.scale)
    return load(*weight.scale, "scale", scale);
  return llvm::Error::success();
}

void Rows::get(int64_t row, float *to) const {
  int64_t count = weight.shape.back();
  int64_t size = count * language::storageBlock(weight.storage).bytes;
  widen(weight.storage, bytes.data() + row * size, count, to);
  if (!weight.scale)
    return;
  // Matrices of a stack have scales of their own.
  int64_t n = weight.shape[weight.shape.size() - 2];
  int64_t columns = (count + weight.scaleColumns - 1) / weight.scaleColumns;
  int64_t rows = (n + weight.scaleRows - 1) / weight.scaleRows;
  int64_t first = (row / n * rows + row % n / weight.scaleRows) * columns;
  std::vector<float> factors(static_cast<size_t>(columns));
  widen(weight.scale->storage,
        scale.data() +
            first * language::storageBlock(weight.scale->storage).bytes,
        columns, factors.data());
  for (int64_t i = 0; i < count; ++i)
    to[i] *= factors[static_cast<size_t>(i / weight.scaleColumns)];
}

bool ModelQuantizer::fill(ModuleOp module, WeightStore &store) {
  for (auto data : module.getOps<fm::WeightDataOp>()) {
    auto name = data.getLoc()->findInstanceOf<NameLoc>();
    auto found = name && data.getAbsent() ? originals.find(name.getName().str())
                                          : originals.end();
    if (found == originals.end())
      continue;
    auto type = cast<RankedTensorType>(data.getType());
    Rows rows(found->second, directory);
    if (llvm::Error error = rows.open()) {
      data.emitError() << llvm::toString(std::move(error));
      return false;
    }
    auto bytes = store.allocate(data.getSymName(), fm::storageBytes(type));
    if (!bytes) {
      data.emitError() << llvm::toString(bytes.takeError());
      return false;
    }
    int64_t width = type.getShape().back();
    int64_t count = width ? type.getNumElements() / width : 0;
    int64_t size = count ? int64_t(bytes->size()) / count : 0;
    bool isK =
        fm::blockFormatOf(type.getElementType()) == fm::BlockFormat::Q4_K;
    Storage storage =
        isK ? Storage::Q4_K
        : fm::blockFormatOf(type.getElementType()) == fm::BlockFormat::Q4_0
            ? Storage::Q4_0
            : Storage::Q8_0;
    llvm::parallelFor(0, (count + kRows - 1) / kRows, [&](size_t part) {
      std::vector<float> row(static_cast<size_t>(width));
      int64_t end = std::min<int64_t>(count, (int64_t(part) + 1) * kRows);
      for (int64_t i = int64_t(part) * kRows; i < end; ++i) {
        rows.get(i, row.data());
        quantizeBlocks(storage, row.data(), width, bytes->data() + i * size);
      }
    });
    store.release(data.getSymName());
    data.setAbsent(false);
  }
  return true;
}
