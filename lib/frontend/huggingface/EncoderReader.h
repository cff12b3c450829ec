//===- EncoderReader.h - A text encoder out of configuration and tensors *- C++
//-*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_FRONTEND_HUGGINGFACE_ENCODERREADER_H
#define NARAE_LIB_FRONTEND_HUGGINGFACE_ENCODERREADER_H

#include "lib/frontend/huggingface/Config.h"
#include "lib/frontend/huggingface/Tensors.h"
#include "lib/frontend/language/Encoder.h"

namespace narae::huggingface {

/// Whether `model_type` or a class is BERT's.
bool isEncoder(llvm::StringRef modelType, llvm::ArrayRef<std::string> classes);

/// Reads a BERT. What its classes put on top of the encoder is set apart.
language::EncoderModel readEncoder(Config &config, Tensors &tensors,
                                   language::Problems &problems);

} // namespace narae::huggingface

#endif // NARAE_LIB_FRONTEND_HUGGINGFACE_ENCODERREADER_H
