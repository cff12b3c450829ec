//===- CheckpointFiles.h - The tensors of a checkpoint folder ---*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_FRONTEND_HUGGINGFACE_CHECKPOINTFILES_H
#define NARAE_LIB_FRONTEND_HUGGINGFACE_CHECKPOINTFILES_H
#include "lib/frontend/huggingface/Safetensors.h"

#include "llvm/ADT/StringMap.h"

namespace narae::huggingface {

using TensorTable = llvm::StringMap<TensorEntry>;

/// All tensors of `model.safetensors`, or of the files that
/// `model.safetensors.index.json` names, or of the only safetensors file of
/// the folder. An index that names files that are not there, lie outside the
/// folder or are not safetensors, or that contradicts the files, is a problem.
TensorTable readCheckpointTensors(const std::string &folder,
                                  language::Problems &problems);

} // namespace narae::huggingface

#endif // NARAE_LIB_FRONTEND_HUGGINGFACE_CHECKPOINTFILES_H
