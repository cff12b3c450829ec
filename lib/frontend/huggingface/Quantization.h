//===- Quantization.h - What quantization_config says -----------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef NARAE_LIB_FRONTEND_HUGGINGFACE_QUANTIZATION_H
#define NARAE_LIB_FRONTEND_HUGGINGFACE_QUANTIZATION_H

#include "lib/frontend/huggingface/Config.h"
#include "lib/frontend/huggingface/Tensors.h"

namespace narae::huggingface {

/// Reads quantization_config, where there is one: fp8 E4M3 with scales by
/// blocks, rows or matrices, in the spellings `fp8`, `fbgemm_fp8` and
/// `compressed-tensors`. Anything else is a problem that names a way out.
void readQuantization(Config &config, StorageRules &rules,
                      std::vector<std::string> &notes);

/// Scales that fp8 arithmetic would round activations and caches with. Narae
/// multiplies fp8 weights with activations in f32.
bool isScaleOfActivations(llvm::StringRef tensor);

} // namespace narae::huggingface

#endif // NARAE_LIB_FRONTEND_HUGGINGFACE_QUANTIZATION_H
