//===- HarmlessKeys.cpp - Keys that never change the mathematics ----------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/huggingface/Config.h"

#include "llvm/ADT/STLExtras.h"

using namespace narae;
using llvm::StringRef;

/// One list for all families. A key belongs here only if no value of it
/// changes logits; what does for one family and not for another is ignored
/// where that family is described.
static const StringRef kHarmless[] = {
    // Names and versions.
    "_commit_hash",
    "_name_or_path",
    "architectures",
    "auto_map",
    "finetuning_task",
    "id2label",
    "label2id",
    "license",
    "model_name",
    "model_type",
    "name_or_path",
    "num_labels",
    "problem_type",
    "task_specific_params",
    "tokenizer_class",
    "transformers_version",
    // Storage and execution.
    "_attn_implementation",
    "_attn_implementation_autoset",
    "_experts_implementation",
    "attn_implementation",
    "device_map",
    "dtype",
    "ep_size",
    "experts_implementation",
    "flash_attention",

    "low_cpu_mem_usage",
    "max_shard_size",
    "pretraining_tp",
    "tensor_parallel",
    "torch_dtype",
    "torchscript",
    "use_bfloat16",
    "use_flash_attention",
    "use_flash_attn",
    "use_sdpa",
    // Outputs beside the logits.
    "chunk_size_feed_forward",
    "is_decoder",
    "is_encoder_decoder",
    "output_attentions",
    "output_hidden_states",
    "output_router_logits",
    "return_dict",
    "return_dict_in_generate",
    "output_scores",
    "use_cache",
    "use_return_dict",
    // Training.
    "attention_dropout",
    "attention_probs_dropout_prob",
    "attn_pdrop",
    "aux_loss_alpha",
    "classifier_dropout",
    "embd_pdrop",
    "embed_dropout",
    "gradient_checkpointing",
    "hidden_dropout",
    "hidden_dropout_prob",
    "initializer_range",
    "initializer_factor",
    "max_train_length",
    "moe_aux_loss",
    "moe_router_aux_loss_coef",
    "mtp_loss_scaling_factor",
    "resid_pdrop",
    "residual_dropout",
    "router_aux_loss_coef",
    "router_bias_update_speed",
    "router_jitter_noise",
    "router_z_loss_coef",
    "seq_aux",
    // Special tokens and generation.
    "bad_words_ids",
    "begin_suppress_tokens",
    "bos_token_id",
    "cls_token_id",
    "decoder_start_token_id",
    "diversity_penalty",
    "do_sample",
    "early_stopping",
    "encoder_no_repeat_ngram_size",
    "eos_token_id",
    "exponential_decay_length_penalty",
    "forced_bos_token_id",
    "forced_eos_token_id",
    "length_penalty",
    "mask_token_id",
    "max_length",
    "max_new_tokens",
    "min_length",
    "no_repeat_ngram_size",
    "num_beam_groups",
    "num_beams",
    "num_return_sequences",
    "pad_token",
    "pad_token_id",
    "prefix",
    "remove_invalid_values",
    "repetition_penalty",
    "sep_token_id",
    "suppress_tokens",
    "temperature",
    "tf_legacy_loss",
    "top_k",
    "top_p",
    "typical_p",
    "unk_token_id",
    // Of models with pictures: where they are put in, not what text computes.
    "audio_token_id",
    "image_token_id",
    "image_token_index",
    "img_start_id",
    "video_token_id",
    "video_token_index",
    "vision_end_token_id",
    "vision_start_token_id",
    "vision_token_id",
};

bool huggingface::isHarmlessKey(StringRef key) {
  // Of an object inside, the last name counts.
  return llvm::is_contained(
      kHarmless, key.rsplit('.').second.empty() ? key : key.rsplit('.').second);
}
