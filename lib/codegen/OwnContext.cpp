//===- OwnContext.cpp - Kernels in a plugin's own context -----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The copy goes through bytecode: the one form that two sets of dialect
// classes share.
//
//===----------------------------------------------------------------------===//

#include "lib/codegen/OwnContext.h"

#include "dialects/fm/FmDialect.h"
#include "dialects/hbm/HbmDialect.h"
#include "dialects/rt/RtDialect.h"

#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"

using namespace mlir;

namespace narae::codegen {

void loadKernelDialects(MLIRContext &context) {
  context.loadDialect<fm::FmDialect, hbm::HbmDialect, rt::RtDialect,
                      func::FuncDialect>();
}

static OwningOpRef<ModuleOp> throughBytecode(Operation *module,
                                             MLIRContext &context) {
  std::string bytes;
  llvm::raw_string_ostream out(bytes);
  if (failed(writeBytecodeToFile(module, out))) {
    emitError(UnknownLoc::get(&context)) << "kernels cannot be copied";
    return {};
  }
  out.flush();
  return parseSourceString<ModuleOp>(bytes, &context);
}

OwningOpRef<ModuleOp> copyModule(void *module, MLIRContext &context) {
  return throughBytecode(static_cast<Operation *>(module), context);
}

OwningOpRef<ModuleOp> copyOp(void *opaque, MLIRContext &context) {
  auto *op = static_cast<Operation *>(opaque);
  // In the compiler's context, with MLIR's classes alone: those are shared.
  OwningOpRef<ModuleOp> wrapper = ModuleOp::create(op->getLoc());
  OpBuilder b = OpBuilder::atBlockEnd(wrapper->getBody());
  auto function = b.create<func::FuncOp>(
      op->getLoc(), "op", b.getFunctionType(op->getOperandTypes(), {}));
  Block *entry = function.addEntryBlock();
  b.setInsertionPointToEnd(entry);
  IRMapping mapping;
  mapping.map(op->getOperands(), entry->getArguments());
  b.clone(*op, mapping);
  b.create<func::ReturnOp>(op->getLoc());
  return throughBytecode(*wrapper, context);
}

} // namespace narae::codegen
