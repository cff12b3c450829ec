//===- LoopBuilder.h - Loops, unrolled or run -------------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_FRONTEND_ONNX_LOOPBUILDER_H
#define NARAE_LIB_FRONTEND_ONNX_LOOPBUILDER_H

#include "lib/frontend/onnx/Compose.h"
#include "lib/frontend/onnx/GraphImporter.h"

namespace narae::onnx {

/// Loops of at most this many iterations are unrolled.
constexpr int64_t kMaxUnrolled = 64;

/// The nested graph in an attribute; null after a diagnostic.
const ::onnx::GraphProto *nestedGraph(const Node &n, llvm::StringRef name);
/// A tensor that is true or false.
mlir::Value constBool(const Node &n, bool value);
/// The value of a boolean tensor of one element that is known now.
std::optional<bool> knownBool(const Node &n, mlir::Value value);
/// The value of an integer tensor of one element that is known now.
std::optional<int64_t> knownInt(const Node &n, mlir::Value value);
/// Tensors of one shape along a new axis. Null after a diagnostic.
mlir::Value stack(const Node &n, llvm::ArrayRef<mlir::Value> values,
                  int64_t axis);

/// What one iteration computes.
struct Iteration {
  mlir::Value condition; ///< whether another one follows; null: yes
  Values carried;
  Values scans; ///< a slice of each scan output
};
/// Emits an iteration; fails after a diagnostic.
using IterationFn = llvm::function_ref<llvm::FailureOr<Iteration>(
    mlir::Value index, llvm::ArrayRef<mlir::Value> carried)>;

/// Emits `fm.loop`. Scan outputs are collected in buffers with an entry an
/// iteration, which are cut when the loop ends early. Returns the carried
/// values, then the scan outputs, each along axis 0 and, where `reversed`
/// says so, from the last iteration to the first.
llvm::FailureOr<Values> emitLoop(const Node &n, mlir::Value trips,
                                 mlir::Value condition,
                                 llvm::ArrayRef<mlir::Value> carried,
                                 llvm::ArrayRef<bool> reversed,
                                 IterationFn iteration);

void addScan(ImporterTable &table);

} // namespace narae::onnx

#endif // NARAE_LIB_FRONTEND_ONNX_LOOPBUILDER_H
