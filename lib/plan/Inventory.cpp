//===- Inventory.cpp - The matrices of a model and their bytes ------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/plan/Inventory.h"
#include "lib/frontend/language/StoredTypes.h"

#include <algorithm>
#include <cmath>

using namespace narae;
using namespace narae::plan;
using language::Storage;

namespace {
/// Adds the weights of a description, block by block.
class Stock {
public:
  explicit Stock(Inventory &result) : result(result) {}

  int64_t layer = -1;

  void weight(const language::Weight &weight, Split split, bool isLinear,
              double active = 1) {
    Matrix matrix;
    matrix.name = weight.name;
    matrix.layer = layer;
    matrix.split = split;
    matrix.isLinear = isLinear;
    matrix.storage = weight.storage;
    const std::vector<int64_t> &shape = weight.shape;
    size_t rank = shape.size();
    if (rank > 0)
      matrix.columns = shape[rank - 1];
    if (rank > 1)
      matrix.rows = shape[rank - 2];
    for (size_t i = 0; i + 2 < rank; ++i)
      matrix.count *= shape[i];
    matrix.active = matrix.count * active;
    result.matrices.push_back(matrix);
  }
  void linear(const language::Linear &linear, Split split) {
    weight(linear.weight, split, true);
    if (linear.bias)
      weight(*linear.bias, split, false);
  }
  void linear(const std::optional<language::Linear> &given, Split split) {
    if (given)
      linear(*given, split);
  }
  void norm(const std::optional<language::Norm> &norm) {
    if (!norm)
      return;
    weight(norm->scale, Split::Copied, false);
    for (const auto *gate : {&norm->gateDown, &norm->gateUp})
      if (*gate) {
        weight((*gate)->weight, Split::Copied, false);
        result.matrices.back().counted = 0;
        if ((*gate)->bias)
          weight(*(*gate)->bias, Split::Copied, false);
      }
  }
  void mlp(const language::Mlp &mlp) {
    linear(mlp.gate, Split::Width);
    linear(mlp.up, Split::Width);
    linear(mlp.down, Split::Width);
    result.widest = std::max(result.widest, mlp.up.weight.shape.front());
  }
  /// What lies in memory although the graph does not use it.
  void setApart(int64_t parameters) {
    Matrix matrix;
    matrix.name = "indexer of layer " + std::to_string(layer);
    matrix.layer = layer;
    matrix.columns = parameters;
    matrix.split = Split::Copied;
    matrix.active = 0;
    result.matrices.push_back(matrix);
  }
  void experts(const language::Experts &experts);
  void attention(const language::Attention &attention);
  void latent(const language::LatentAttention &attention);

private:
  Inventory &result;
};
} // namespace

void Stock::experts(const language::Experts &experts) {
  weight(experts.router, Split::Copied, false);
  if (experts.choiceBias)
    weight(*experts.choiceBias, Split::Copied, false);
  double share = double(experts.chosen) / std::max<int64_t>(experts.count, 1);
  for (const language::Weight *w : {&experts.gate, &experts.up, &experts.down})
    weight(*w, Split::Experts, true, share);
  if (experts.shared)
    mlp(*experts.shared);
  result.experts = std::max(result.experts, experts.count);
  result.chosen = std::max(result.chosen, experts.chosen);
  if (experts.up.shape.size() == 3)
    result.widest =
        std::max(result.widest, experts.up.shape[1] * experts.chosen);
}

void Stock::attention(const language::Attention &attention) {
  linear(attention.query, Split::Heads);
  linear(attention.key, Split::KeyHeads);
  linear(attention.value, Split::KeyHeads);
  linear(attention.output, Split::Heads);
  norm(attention.queryNorm);
  norm(attention.keyNorm);
  result.caches.push_back(
      {attention.kvHeads, 2 * attention.headDim, attention.window, false});
  result.attentions.push_back({attention.heads, attention.headDim,
                               attention.headDim, attention.window});
}

void Stock::latent(const language::LatentAttention &attention) {
  linear(attention.queryDown, Split::Copied);
  norm(attention.queryNorm);
  linear(attention.query, Split::Heads);
  if (attention.gateInQuery) // half of its columns and fewer rows are queries
    result.matrices.back().counted = double(attention.heads) *
                                     (attention.noRopeDim + attention.ropeDim) *
                                     attention.query.weight.shape[1] / 2;
  linear(attention.latentDown, Split::Copied);
  norm(attention.latentNorm);
  weight(attention.keyUp, Split::Heads, true);
  weight(attention.valueUp, Split::Heads, true);
  linear(attention.output, Split::Heads);
  if (attention.outputGate) {
    weight(attention.outputGate->weight, Split::Heads, true);
    result.matrices.back().counted = 0;
    if (attention.outputGate->bias)
      weight(*attention.outputGate->bias, Split::Heads, false);
  }
  result.caches.push_back(
      {1, attention.rank + attention.ropeDim, attention.window, true});
  result.attentions.push_back({attention.heads,
                               attention.noRopeDim + attention.ropeDim,
                               attention.valueDim, attention.window});
}

Inventory narae::plan::takeStock(const language::LanguageModel &model) {
  Inventory result;
  result.name = model.name;
  result.family = model.family;
  result.hidden = model.hidden;
  result.vocabulary = model.vocabulary;
  result.layers = model.layers.size();
  result.maxContext = model.maxContext;
  result.notes = model.notes;
  Stock stock(result);
  // A tied table is read whole by the head.
  stock.weight(model.embedding, Split::Vocabulary, false, model.head ? 0 : 1);
  for (const language::Layer &layer : model.layers) {
    ++stock.layer;
    for (const auto *norm : {&layer.attentionNorm, &layer.attentionPostNorm,
                             &layer.mlpNorm, &layer.mlpPostNorm})
      stock.norm(*norm);
    if (layer.attention)
      stock.attention(*layer.attention);
    if (layer.latent)
      stock.latent(*layer.latent);
    if (layer.mlp)
      stock.mlp(*layer.mlp);
    if (layer.experts)
      stock.experts(*layer.experts);
    if (model.setApartParameters > 0)
      stock.setApart(model.setApartParameters /
                     static_cast<int64_t>(model.layers.size()));
  }
  stock.layer = -1;
  stock.norm(model.norm);
  if (model.head) {
    stock.weight(model.head->weight, Split::Vocabulary, false);
    if (model.head->bias)
      stock.weight(*model.head->bias, Split::Vocabulary, false);
  }
  for (size_t i = 0; i < result.attentions.size(); ++i) {
    int64_t heads = result.attentions[i].heads, keys = result.caches[i].heads;
    result.heads = i == 0 ? heads : std::min(result.heads, heads);
    result.keyHeads = i == 0 ? keys : std::min(result.keyHeads, keys);
  }
  return result;
}

double Inventory::parameters() const {
  double sum = 0;
  for (const Matrix &matrix : matrices)
    sum += matrix.parameters();
  return sum;
}

double Inventory::activeParameters() const {
  double sum = 0;
  for (const Matrix &matrix : matrices)
    sum += matrix.counted >= 0 ? matrix.counted
                               : matrix.active * matrix.rows * matrix.columns;
  return sum;
}

const std::vector<std::string> &narae::plan::precisions() {
  static const std::vector<std::string> all = {"f32", "bf16", "f16",
                                               "fp8", "int8", "int4"};
  return all;
}

/// Bytes of rows of `columns` elements as the checkpoint stores them.
static double storedBytes(Storage storage, double rows, double columns) {
  language::StorageBlock block = language::storageBlock(storage);
  return rows * std::ceil(columns / block.elements) * block.bytes;
}

double narae::plan::matrixBytes(const Matrix &matrix,
                                const std::string &precision) {
  double rows = matrix.rows, columns = matrix.columns, n = rows * columns;
  if (precision.empty()) {
    double bytes = storedBytes(matrix.storage, rows, columns);
    if (matrix.storage == Storage::F8E4M3)
      bytes += 4 * std::ceil(rows / 128) * std::ceil(columns / 128);
    return bytes;
  }
  if (precision == "f32")
    return 4 * n;
  if (!matrix.isLinear || precision == "bf16" || precision == "f16")
    return 2 * n;
  if (precision == "fp8")
    return n + 4 * std::ceil(rows / 128) * std::ceil(columns / 128);
  double scales = 2 * rows * std::ceil(columns / 128);
  return precision == "int8" ? n + scales : n / 2 + scales;
}

double narae::plan::rowBytes(const Matrix &matrix,
                             const std::string &precision) {
  if (precision.empty())
    return storedBytes(matrix.storage, 1, matrix.columns);
  double columns = matrix.columns;
  if (precision == "f32")
    return 4 * columns;
  if (!matrix.isLinear || precision == "bf16" || precision == "f16")
    return 2 * columns;
  return precision == "int4" ? std::ceil(columns / 2) : columns;
}

double narae::plan::cacheBytes(const std::string &type) {
  if (type == "f32")
    return 4;
  if (type == "fp8")
    return 1;
  return type == "q8_0" ? 34.0 / 32 : 2;
}
