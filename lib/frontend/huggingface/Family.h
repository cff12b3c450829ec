//===- Family.h - What sets one family of models apart ----------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A family is one of these tables. Most keys of config.json and most tensors
// have the same meaning everywhere; a table says where the family differs, and
// the reader (DecoderReader.h) does the rest.
//
//===----------------------------------------------------------------------===//
#ifndef NARAE_LIB_FRONTEND_HUGGINGFACE_FAMILY_H
#define NARAE_LIB_FRONTEND_HUGGINGFACE_FAMILY_H

#include "lib/frontend/language/Model.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <optional>
#include <vector>

namespace narae::huggingface {

/// Names of tensors: those of a layer follow "PREFIX layers .I. ".
struct TensorNames {
  const char *prefix = "model."; ///< before all but the head
  const char *embedding = "embed_tokens", *layers = "layers", *norm = "norm";
  const char *query = "self_attn.q_proj", *key = "self_attn.k_proj",
             *value = "self_attn.v_proj", *output = "self_attn.o_proj";
  const char *gate = "gate_proj", *up = "up_proj", *down = "down_proj";
};

/// Norms of a layer, by name; null where there is none. `mlpPost` may be of
/// layers with experts only.
struct NormNames {
  const char *attention = "input_layernorm", *attentionPost = nullptr;
  const char *mlp = "post_attention_layernorm", *mlpPost = nullptr;
  bool mlpPostOfExpertsOnly = false;
  bool zeroCentred = false; ///< every norm multiplies by 1 + weight
  bool gated = false; ///< the first always, that before experts too (A.X K2)
};

/// Which projections of grouped attention have biases.
enum class AttentionBias {
  Never,
  QueryKeyValue,     ///< always, not the output
  FlagAll,           ///< all four if `attention_bias`
  FlagQueryKeyValue, ///< three if `attention_bias`
};

/// Norms of every head's query and key.
enum class HeadNorms { Never, Always, Flag /**< `use_qk_norm` */ };

/// Which keys say which layers see a window only.
enum class Windows {
  Never,
  Everywhere,       ///< `sliding_window`, all layers
  UseSlidingWindow, ///< the same with `use_sliding_window`, and layer_types
  Layers            ///< layer_types, sliding_windows, sliding_window_pattern
};

enum class Multipliers {
  None,
  DivideLogits,  ///< granite: logits / logits_scaling
  MultiplyLogits ///< hyperclovax: logits * logits_scaling
};

/// A mixture of experts and its router.
struct ExpertTraits {
  bool softmax = false; ///< else sigmoid
  enum Bias { NoBias, MayHaveBias, HasBias } choiceBias = HasBias;
  bool groups = true; ///< n_group and topk_group
  int64_t defaultGroups = 1, defaultChosenGroups = 1;
  bool droppedGroupsScoreZero = false;
  bool defaultNormalise = true;
  double defaultScaling = 1;
  int64_t defaultDense = 1;  ///< layers before the first with experts
  int64_t defaultShared = 1; ///< 0: the family has no shared experts
  bool sparseStep = false;   ///< decoder_sparse_step, mlp_only_layers
};

/// Multi-head latent attention.
struct LatentTraits {
  /// Of the norms of latents: transformers builds them with its default,
  /// whatever rms_norm_eps says. None: rms_norm_eps.
  std::optional<double> epsilon;
  bool outputGate = false; ///< A.X K2
  bool indexer = false;    ///< of sparse attention; set apart
};

struct Family {
  const char *name;
  std::vector<llvm::StringRef> modelTypes; ///< compared without case
  std::vector<llvm::StringRef> classes;    ///< of `architectures`, likewise
  TensorNames names;
  NormNames norms;
  AttentionBias attentionBias = AttentionBias::Never;
  bool mlpBias = false; ///< `mlp_bias` counts
  HeadNorms headNorms = HeadNorms::Never;
  Windows windows = Windows::Never;
  bool ropeInWindowsOnly = false; ///< as long as some layer has a window
  /// Layers without a window rotate with rope_theta_global, at an eighth of
  /// the frequency where no scaling is given (VAETKI).
  bool globalTheta = false;
  std::optional<LatentTraits> latent; ///< else attention with grouped heads
  std::optional<ExpertTraits> experts;
  Multipliers multipliers = Multipliers::None;
  bool swigluLimits = false; ///< `swiglu_limits`, a number for each layer
  double defaultEpsilon = 1e-6, defaultTheta = 10000, defaultPartial = 1;
  int64_t defaultHeadDim = 0; ///< 0: hidden_size / num_attention_heads
  int64_t defaultWindow = 0;
  std::vector<llvm::StringRef> ignoredKeys; ///< of no consequence here
};

/// All that decoders are read with. Each file of families/ adds its own.
llvm::ArrayRef<Family> decoderFamilies();
std::vector<Family> llamaFamilies(), qwenFamilies(), exaoneFamilies(),
    glmFamilies(), graniteFamilies(), deepseekFamilies();

/// The family of a model_type, or of a class name when that says nothing; null
/// when neither is known.
const Family *findFamily(llvm::StringRef modelType,
                         llvm::ArrayRef<std::string> classes);

} // namespace narae::huggingface

#endif // NARAE_LIB_FRONTEND_HUGGINGFACE_FAMILY_H
