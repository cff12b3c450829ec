//===- Check.cpp - Whether a model's parts fit together -------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/language/Check.h"

#include "lib/frontend/language/Storage.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>

using namespace narae;
using namespace narae::language;
using Shape = std::vector<int64_t>;

/// Sizes beyond this are refused: products of a few of them must fit.
static constexpr int64_t kMaxSize = int64_t(1) << 24;

std::string language::shapeText(const Shape &shape) {
  std::string text = "[";
  for (auto [i, size] : llvm::enumerate(shape))
    text += (i ? ", " : "") + std::to_string(size);
  return text + "]";
}

namespace {
class Checker {
public:
  Checker(const LanguageModel &model, const Report &report)
      : model(model), report(report) {}
  void run();

private:
  void fail(const std::string &where, const std::string &message) {
    report(where, message);
  }
  /// Whether sizes, each with its name, are in 1..kMaxSize.
  bool sizes(const std::string &where,
             std::initializer_list<std::pair<const char *, int64_t>> list);
  void bytes(const Weight &weight);
  void scale(const Weight &weight);
  void weight(const Weight &weight, const Shape &shape);
  void linear(const Linear &linear, int64_t out, int64_t in);
  void norm(const Norm &norm, int64_t size);
  void norm(const std::optional<Norm> &norm, int64_t size);
  /// Of each head or of all together.
  void headNorm(const std::optional<Norm> &norm, int64_t heads, int64_t size);
  void rope(const std::optional<Rope> &rope, int64_t size,
            const std::string &where);
  void attention(const Attention &attention, const std::string &where);
  void latent(const LatentAttention &latent, const std::string &where);
  void mlp(const Mlp &mlp, const std::string &where);
  void experts(const Experts &experts, const std::string &where);
  void layer(const Layer &layer, const std::string &where);

  const LanguageModel &model;
  const Report &report;
};
} // namespace

bool Checker::sizes(
    const std::string &where,
    std::initializer_list<std::pair<const char *, int64_t>> list) {
  bool ok = true;
  for (auto [name, size] : list)
    if (size < 1 || size > kMaxSize) {
      fail(where, std::string(name) + " is " + std::to_string(size) +
                      "; it must be 1 to " + std::to_string(kMaxSize));
      ok = false;
    }
  return ok;
}

/// The bytes that are there against those that the shape takes.
void Checker::bytes(const Weight &weight) {
  if (model.withoutWeights && weight.pieces.empty() && !weight.bytes)
    return;
  uint64_t have = 0, need = storageBytes(weight);
  bool overflow = false;
  if (weight.bytes)
    have = weight.bytes->size();
  else
    for (const Piece &piece : weight.pieces)
      have = llvm::SaturatingAdd(have, piece.length, &overflow);
  if (have != need)
    fail(weight.name, "has " + std::to_string(have) + " bytes; a tensor " +
                          shapeText(weight.shape) + " of " +
                          storageName(weight.storage) + " has " +
                          std::to_string(need));
}

void Checker::scale(const Weight &weight) {
  bool needed = weight.storage == Storage::F8E4M3;
  if (needed != bool(weight.scale)) {
    fail(weight.name, needed ? "is stored in fp8 and has no scales beside it"
                             : "has scales beside it, which only fp8 has");
    return;
  }
  if (!needed)
    return;
  if (weight.shape.size() < 2 || weight.scaleRows < 1 ||
      weight.scaleColumns < 1) {
    fail(weight.name, "is stored in fp8 and is no matrix");
    return;
  }
  Shape shape = weight.shape;
  size_t rank = shape.size();
  shape[rank - 2] = llvm::divideCeil(shape[rank - 2], weight.scaleRows);
  shape[rank - 1] = llvm::divideCeil(shape[rank - 1], weight.scaleColumns);
  this->weight(*weight.scale, shape);
  if (weight.scale->storage != Storage::F32)
    fail(weight.scale->name, "holds scales and is not f32");
}

void Checker::weight(const Weight &weight, const Shape &shape) {
  if (weight.shape != shape) {
    fail(weight.name, "has the shape " + shapeText(weight.shape) +
                          "; the configuration makes it " + shapeText(shape));
    return;
  }
  int64_t last = shape.empty() ? 1 : shape.back();
  if (int64_t block = storageBlock(weight.storage).elements; last % block) {
    fail(weight.name, "has rows of " + std::to_string(last) +
                          " elements, no multiple of the " +
                          std::to_string(block) + " of a block of " +
                          storageName(weight.storage));
    return;
  }
  // Far below what 64 bits hold, so that bytes fit too.
  if (auto count = elementCount(shape); !count || *count > (int64_t(1) << 56)) {
    fail(weight.name, "has too many elements: " + shapeText(shape));
    return;
  }
  bytes(weight);
  scale(weight);
}

void Checker::linear(const Linear &linear, int64_t out, int64_t in) {
  weight(linear.weight, {out, in});
  if (linear.bias)
    weight(*linear.bias, {out});
}

void Checker::norm(const Norm &norm, int64_t size) {
  weight(norm.scale, {size});
  if (!(norm.epsilon >= 0) || !std::isfinite(norm.epsilon))
    fail(norm.scale.name, "has the epsilon " + std::to_string(norm.epsilon));
  if (norm.gateDown.has_value() != norm.gateUp.has_value()) {
    fail(norm.scale.name, "has one of the two matrices of its gate");
  } else if (norm.gateDown) {
    const Shape &down = norm.gateDown->weight.shape;
    int64_t rank = down.empty() ? 0 : down[0];
    linear(*norm.gateDown, rank, size);
    linear(*norm.gateUp, size, rank);
  }
}

void Checker::norm(const std::optional<Norm> &norm, int64_t size) {
  if (norm)
    this->norm(*norm, size);
}

void Checker::headNorm(const std::optional<Norm> &norm, int64_t heads,
                       int64_t size) {
  if (norm)
    this->norm(*norm,
               norm->scale.shape == Shape{heads * size} ? heads * size : size);
}

void Checker::rope(const std::optional<Rope> &rope, int64_t size,
                   const std::string &where) {
  if (!rope)
    return;
  int64_t rotated = 2 * int64_t(rope->inverseFrequencies.size());
  if (rotated == 0 || rotated > size)
    fail(where, "rotates " + std::to_string(rotated) +
                    " elements of heads of " + std::to_string(size));
  bool finite = llvm::all_of(rope->inverseFrequencies,
                             [](double f) { return std::isfinite(f); });
  if (!finite || !std::isfinite(rope->factor))
    fail(where, "has rotary frequencies that are not finite");
}

void Checker::attention(const Attention &a, const std::string &where) {
  if (!sizes(where, {{"the number of heads", a.heads},
                     {"the number of key heads", a.kvHeads},
                     {"the size of a head", a.headDim}}))
    return;
  if (a.heads % a.kvHeads)
    fail(where, std::to_string(a.heads) + " heads are no multiple of " +
                    std::to_string(a.kvHeads) + " key heads");
  if (a.window < 0)
    fail(where, "has a window of " + std::to_string(a.window));
  linear(a.query, a.heads * a.headDim, model.hidden);
  linear(a.key, a.kvHeads * a.headDim, model.hidden);
  linear(a.value, a.kvHeads * a.headDim, model.hidden);
  linear(a.output, model.hidden, a.heads * a.headDim);
  headNorm(a.queryNorm, a.heads, a.headDim);
  headNorm(a.keyNorm, a.kvHeads, a.headDim);
  rope(a.rope, a.headDim, where);
}

void Checker::latent(const LatentAttention &a, const std::string &where) {
  if (!sizes(where, {{"the number of heads", a.heads},
                     {"the rank of the latent", a.rank},
                     {"the size of a head without rotation", a.noRopeDim},
                     {"the rotated size of a head", a.ropeDim},
                     {"the size of a value", a.valueDim}}))
    return;
  if (a.window < 0)
    fail(where, "has a window of " + std::to_string(a.window));
  int64_t head = a.noRopeDim + a.ropeDim, in = model.hidden;
  if (a.queryDown.has_value() != a.queryNorm.has_value())
    fail(where, "has a latent query without a norm, or a norm without it");
  else if (a.queryDown) {
    const Shape &down = a.queryDown->weight.shape;
    int64_t rank = down.empty() ? 0 : down[0];
    linear(*a.queryDown, rank, model.hidden);
    norm(*a.queryNorm, rank);
    in = rank;
  }
  if ((a.outputGate || a.gateInQuery) && !a.queryDown)
    fail(where, "has an output gate and no latent query to compute it from");
  if (a.outputGate)
    linear(*a.outputGate, a.heads * a.valueDim, in);
  if (a.gateInQuery)
    linear(a.query, a.heads * (head + a.valueDim), 2 * in);
  else
    linear(a.query, a.heads * head, in);
  linear(a.latentDown, a.rank + a.ropeDim, model.hidden);
  norm(a.latentNorm, a.rank);
  weight(a.keyUp, a.keyUpTransposed ? Shape{a.heads, a.rank, a.noRopeDim}
                                    : Shape{a.heads, a.noRopeDim, a.rank});
  weight(a.valueUp, {a.heads, a.valueDim, a.rank});
  linear(a.output, model.hidden, a.heads * a.valueDim);
  rope(a.rope, a.ropeDim, where);
}

void Checker::mlp(const Mlp &mlp, const std::string &where) {
  const Shape &gate = mlp.gate.weight.shape;
  int64_t width = gate.empty() ? 0 : gate[0];
  if (!sizes(where, {{"the width of the MLP", width}}))
    return;
  linear(mlp.gate, width, model.hidden);
  linear(mlp.up, width, model.hidden);
  linear(mlp.down, model.hidden, width);
}

void Checker::experts(const Experts &e, const std::string &where) {
  if (!sizes(where, {{"the number of experts", e.count},
                     {"the number of chosen experts", e.chosen},
                     {"the number of groups of experts", e.groups},
                     {"the number of chosen groups", e.chosenGroups}}))
    return;
  if (e.count % e.groups || e.chosenGroups > e.groups)
    fail(where, std::to_string(e.chosenGroups) + " of " +
                    std::to_string(e.groups) + " groups cannot be chosen of " +
                    std::to_string(e.count) + " experts");
  else if (e.chosen > e.count / e.groups * e.chosenGroups)
    fail(where, std::to_string(e.chosen) + " experts cannot be chosen of " +
                    std::to_string(e.count / e.groups * e.chosenGroups));
  const Shape &gate = e.gate.shape;
  int64_t width = gate.size() == 3 ? gate[1] : 0;
  weight(e.router, {e.count, model.hidden});
  if (e.choiceBias)
    weight(*e.choiceBias, {e.count});
  weight(e.gate, {e.count, width, model.hidden});
  weight(e.up, {e.count, width, model.hidden});
  weight(e.down, {e.count, model.hidden, width});
  if (e.shared)
    mlp(*e.shared, where);
}

void Checker::layer(const Layer &layer, const std::string &where) {
  norm(layer.attentionNorm, model.hidden);
  norm(layer.attentionPostNorm, model.hidden);
  norm(layer.mlpNorm, model.hidden);
  norm(layer.mlpPostNorm, model.hidden);
  if (layer.attention.has_value() == layer.latent.has_value())
    fail(where, "has no attention, or two");
  if (layer.mlp.has_value() == layer.experts.has_value())
    fail(where, "has no MLP, or two");
  if (layer.attention)
    attention(*layer.attention, where);
  if (layer.latent)
    latent(*layer.latent, where);
  if (layer.mlp)
    mlp(*layer.mlp, where);
  if (layer.experts)
    experts(*layer.experts, where);
}

void Checker::run() {
  if (!sizes("the model", {{"the hidden size", model.hidden},
                           {"the vocabulary", model.vocabulary},
                           {"the number of layers", model.layers.size()},
                           {"the context", model.maxContext}}))
    return;
  weight(model.embedding, {model.vocabulary, model.hidden});
  for (auto [i, layer] : llvm::enumerate(model.layers))
    this->layer(layer, "layer " + std::to_string(i));
  norm(model.norm, model.hidden);
  if (model.head)
    linear(*model.head, model.vocabulary, model.hidden);
}

void language::checkModel(const LanguageModel &model, const Report &report) {
  Checker(model, report).run();
}
