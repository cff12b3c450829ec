//===- Model.h - A language model, described --------------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What the checkpoint front ends say of a decoder, and all that the graph
// builder knows of it: which blocks, with which weights and numbers. A family
// is a function from a configuration to this; nothing here has a family's
// name. No MLIR in this header.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_FRONTEND_LANGUAGE_MODEL_H
#define NARAE_LIB_FRONTEND_LANGUAGE_MODEL_H

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace narae::language {

/// How the elements of a weight are stored. The block types are GGUF's: see
/// docs/models.md for their layouts.
enum class Storage {
  F32,
  F16,
  BF16,
  F8E4M3, ///< with `Weight::scale`
  Q4_0,
  Q4_1,
  Q5_0,
  Q5_1,
  Q8_0,
  Q2_K,
  Q3_K,
  Q4_K,
  Q5_K,
  Q6_K,
  IQ4_NL
};

/// Bytes [offset, offset + length) of a file, whose name is relative to the
/// model's folder.
struct Piece {
  std::string file;
  uint64_t offset = 0, length = 0;
};

/// A tensor of the checkpoint, or a part of one, or several stacked: its bytes
/// are the pieces one after the other, row-major. Without pieces and bytes only
/// its shape is known (compiling without weights).
struct Weight {
  std::string name; ///< as in the checkpoint, for messages and reports
  std::vector<int64_t> shape;
  Storage storage = Storage::F32;
  std::vector<Piece> pieces;
  std::shared_ptr<const std::vector<char>> bytes; ///< instead of pieces
  /// f8: element [.., n, k] times scale [.., n / scaleRows, k / scaleColumns]
  /// (f32).
  std::shared_ptr<const Weight> scale;
  int64_t scaleRows = 128, scaleColumns = 128;
};

/// y = x W^T + b, W [out, in].
struct Linear {
  Weight weight;
  std::optional<Weight> bias;
};

struct Norm {
  Weight scale;
  double epsilon = 1e-5;
  bool zeroCentred = false; ///< times (1 + scale), not scale
  /// Times sigmoid(up(silu(down(y)))) of the normalised y.
  std::optional<Linear> gateDown, gateUp;
};

/// Rotary position embedding of the first 2 * inverseFrequencies.size()
/// elements of a head; scaling rules are already in the numbers.
struct Rope {
  std::vector<double> inverseFrequencies;
  double factor = 1;  ///< multiplies cosine and sine (YaRN)
  bool pairs = false; ///< elements (2i, 2i+1) rotate; else (i, i + half)
};

/// Attention with grouped heads: query head h reads key head h / (heads /
/// kvHeads).
struct Attention {
  int64_t heads = 0, kvHeads = 0, headDim = 0;
  Linear query, key, value, output;
  /// Of each head ([headDim]), or of all heads together ([heads * headDim]),
  /// which the scale's shape says; before the rotation.
  std::optional<Norm> queryNorm, keyNorm;
  std::optional<Rope> rope;
  double scale = 1;
  int64_t window = 0; ///< keys seen, the query's own included; 0: all
};

/// Multi-head latent attention. The cache holds the normed latent and the
/// rotated shared key: rank + ropeDim numbers a token.
struct LatentAttention {
  int64_t heads = 0, rank = 0, noRopeDim = 0, ropeDim = 0, valueDim = 0;
  /// Either queryDown, queryNorm and query on the latent, or query on x.
  /// query: [heads * (noRopeDim + ropeDim), .].
  std::optional<Linear> queryDown;
  std::optional<Norm> queryNorm;
  Linear query;
  Linear latentDown; ///< [rank + ropeDim, hidden]
  Norm latentNorm;   ///< of the first rank
  Weight keyUp;      ///< [heads, noRopeDim, rank], or
  /// [heads, rank, noRopeDim], as GGUF files store it.
  bool keyUpTransposed = false;
  Weight valueUp; ///< [heads, valueDim, rank]
  Linear output;
  std::optional<Rope> rope;
  double scale = 1;
  int64_t window = 0;
  /// Times sigmoid(gate(latent query before its norm)), before `output`.
  std::optional<Linear> outputGate;
  /// The same, stored in one matrix with the query (A.X K2): `query` is
  /// [heads * (noRopeDim + ropeDim + valueDim), 2 * latent], each head's rows
  /// are its query's and then its gate's, and the matrix multiplies the normed
  /// latent query with the latent query before its norm behind it.
  bool gateInQuery = false;
};

enum class Activation { Silu, Gelu, GeluTanh, Relu };

/// down(act(gate x) * (up x)); `limit` > 0: min(gate, limit) before the
/// activation and clamp(up, -limit, limit).
struct Mlp {
  Linear gate, up, down;
  Activation activation = Activation::Silu;
  double limit = 0;
};

/// A mixture of experts. All of the router is computed in f32.
struct Experts {
  int64_t count = 0, chosen = 0;
  Weight router; ///< [count, hidden]
  enum Scoring { Softmax, Sigmoid } scoring = Sigmoid;
  /// Added to the scores for the choice only, [count].
  std::optional<Weight> choiceBias;
  int64_t groups = 1, chosenGroups = 1; ///< by the sum of each group's best two
  /// Experts of groups that are not chosen compete with score 0 (A.X K2), not
  /// with minus infinity.
  bool droppedGroupsScoreZero = false;
  bool normalise = true; ///< chosen scores divided by their sum + 1e-20
  double scaling = 1;
  Weight gate, up, down; ///< [count, width, hidden] x 2, [count, hidden, width]
  Activation activation = Activation::Silu;
  double limit = 0;
  std::optional<Mlp> shared; ///< added, unscaled
};

struct Layer {
  std::optional<Norm> attentionNorm;     ///< of the input of attention
  std::optional<Norm> attentionPostNorm; ///< of its result, before the residual
  std::optional<Norm> mlpNorm;
  std::optional<Norm> mlpPostNorm;
  double residualMultiplier = 1; ///< of both branches
  /// One of each pair.
  std::optional<Attention> attention;
  std::optional<LatentAttention> latent;
  std::optional<Mlp> mlp;
  std::optional<Experts> experts;
};

/// A file that travels in the artifact: a tokenizer, a chat template.
struct Attachment {
  std::string name; ///< "tokenizer.json", "gguf-tokenizer.json", ...
  std::string file; ///< where its bytes are, or
  std::shared_ptr<const std::vector<char>> bytes;
};

struct LanguageModel {
  std::string name;   ///< of the model, for reports
  std::string family; ///< "llama", "exaone4", ...
  int64_t hidden = 0, vocabulary = 0;
  int64_t maxContext = 0; ///< that the model was made for
  /// Why it is shorter than the configuration says, when it is; said to users
  /// who ask for more ("beyond index_topk attention is sparse").
  std::string contextReason;
  Weight embedding; ///< [vocabulary, hidden]
  double embeddingMultiplier = 1;
  std::vector<Layer> layers;
  Norm norm;
  std::optional<Linear> head; ///< none: the embedding, transposed
  double logitsMultiplier = 1;
  std::vector<int64_t> endTokens;
  std::vector<Attachment> attachments;
  /// What was set apart, said to the user ("1 MTP layer ...").
  std::vector<std::string> notes;
  /// Parameters of the model proper that the description leaves out (indexers
  /// of sparse attention); MTP layers and vision towers are not among them.
  int64_t setApartParameters = 0;
  bool withoutWeights = false;
};

} // namespace narae::language

#endif // NARAE_LIB_FRONTEND_LANGUAGE_MODEL_H
