//===- LayerKinds.h - What kind of layer each layer is ----------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_FRONTEND_HUGGINGFACE_LAYERKINDS_H
#define NARAE_LIB_FRONTEND_HUGGINGFACE_LAYERKINDS_H
#include "lib/frontend/huggingface/Config.h"
#include "lib/frontend/huggingface/Family.h"

namespace narae::huggingface {

/// Attention and MLP of one layer.
struct LayerKind {
  int64_t window = 0;  ///< 0: none
  bool sparse = false; ///< experts
  double limit = 0;    ///< of SwiGLU; 0: none
  const char *type() const {
    return window ? "sliding_attention" : "full_attention";
  }
};

/// Reads the keys that tell layers apart, in all their spellings, and notes
/// where they contradict each other. `drafting`: MTP layers, which lists may
/// count too.
std::vector<LayerKind> readLayerKinds(Config &config, const Family &family,
                                      int64_t layers, int64_t drafting,
                                      std::vector<std::string> &notes);

} // namespace narae::huggingface

#endif // NARAE_LIB_FRONTEND_HUGGINGFACE_LAYERKINDS_H
