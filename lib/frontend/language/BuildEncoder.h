//===- BuildEncoder.h - The fm graph of a text encoder ----------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_FRONTEND_LANGUAGE_BUILDENCODER_H
#define NARAE_LIB_FRONTEND_LANGUAGE_BUILDENCODER_H

#include "lib/frontend/WeightStore.h"
#include "lib/frontend/language/Encoder.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace narae::language {

/// A module with the entry `main`: input_ids, attention_mask and
/// token_type_ids [batch, seq] i64 give last_hidden_state
/// [batch, seq, hidden] f32, as encoders are exported to ONNX. Files of weights
/// are relative to `directory`. Null after diagnostics.
mlir::OwningOpRef<mlir::ModuleOp> buildEncoder(const EncoderModel &model,
                                               llvm::StringRef directory,
                                               mlir::MLIRContext &context,
                                               WeightStore &weights);

} // namespace narae::language

#endif // NARAE_LIB_FRONTEND_LANGUAGE_BUILDENCODER_H
