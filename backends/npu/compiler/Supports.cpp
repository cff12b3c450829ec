//===- Supports.cpp - Which ops the NPU has kernels for -------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/compiler/Supports.h"
#include "backends/npu/compiler/Registry.h"

#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace narae;
using namespace narae::npu;

/// Ops that need no kernel: control flow and shapes are the host program's.
static bool isHostOp(Operation *op) {
  return isa<fm::IfOp, fm::LoopOp, fm::YieldOp, fm::WeightOp, fm::ConstantOp,
             fm::ShapeOfOp, fm::SizeOfOp>(op);
}

static LogicalResult checkType(Operation *op, Type type) {
  Type element = getElementTypeOrSelf(type);
  if (scratchpadType(element))
    return success();
  InFlightDiagnostic error = op->emitError()
                             << op->getName() << " on elements of type "
                             << element << " is not supported on npu";
  if (element.isF64())
    error << ", which computes in f32; cast the model to f32";
  else if (isa<IntegerType>(element))
    error << "; cast to i32 or i64, or compile for cpu";
  else
    error << "; compile for cpu";
  return error;
}

LogicalResult narae::npu::checkSupported(Operation *op,
                                         const Machine &machine) {
  if (isHostOp(op))
    return success();
  OpEntry entry = findOp(op->getName().getStringRef());
  if (!entry.evaluate && !entry.kernel)
    return op->emitError() << op->getName()
                           << " has no code generator on npu; express it by "
                              "other ops, or compile for cpu";
  for (Type type : op->getOperandTypes())
    if (failed(checkType(op, type)))
      return failure();
  for (Type type : op->getResultTypes())
    if (failed(checkType(op, type)))
      return failure();
  if (entry.check)
    if (std::string problem = entry.check(op, machine); !problem.empty())
      return op->emitError() << op->getName() << " on npu: " << problem;
  return success();
}
