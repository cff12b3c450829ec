//===- KernelModule.cpp - Kernels as functions of a fresh module ----------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/cpu/compiler/KernelModule.h"

#include "backends/cpu/compiler/kernels/CpuKernels.h"
#include "dialects/rt/KernelScope.h"
#include "lib/codegen/emitters/Generic.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace narae;
using namespace narae::cpu;
using codegen::KernelEmitter;

Emitters cpu::allEmitters() {
  Emitters result = cpuEmitters();
  for (auto &emitter : codegen::genericEmitters())
    result.push_back(std::move(emitter));
  return result;
}

/// func @NAME(buffers, params: ptr; part, parts: index; scratch: ptr), which
/// unpacks the arrays.
static void buildWrapper(OpBuilder &b, rt::KernelOp kernel, func::FuncOp body) {
  MLIRContext *context = b.getContext();
  Location loc = kernel.getLoc();
  Type pointer = LLVM::LLVMPointerType::get(context);
  Type index = b.getIndexType(), i64 = b.getI64Type();
  auto wrapper = b.create<func::FuncOp>(
      loc, kernel.getSymName(),
      b.getFunctionType({pointer, pointer, index, index, pointer}, {}));
  OpBuilder::InsertionGuard guard(b);
  Block *entry = wrapper.addEntryBlock();
  b.setInsertionPointToStart(entry);
  SmallVector<Value> operands;
  size_t buffers =
      kernel.block().getNumArguments() + kernel.yield()->getNumOperands();
  for (size_t i = 0; i < buffers; ++i) {
    Value at =
        b.create<LLVM::GEPOp>(loc, pointer, pointer, entry->getArgument(0),
                              ArrayRef<LLVM::GEPArg>{int32_t(i)});
    operands.push_back(b.create<LLVM::LoadOp>(loc, pointer, at));
  }
  for (unsigned i = 0, n = rt::paramCount(kernel); i < n; ++i) {
    Value at = b.create<LLVM::GEPOp>(loc, pointer, i64, entry->getArgument(1),
                                     ArrayRef<LLVM::GEPArg>{int32_t(i)});
    Value value = b.create<LLVM::LoadOp>(loc, i64, at);
    operands.push_back(b.create<arith::IndexCastOp>(loc, index, value));
  }
  for (unsigned i = 2; i < 5; ++i)
    operands.push_back(entry->getArgument(i));
  b.create<func::CallOp>(loc, body, operands);
  b.create<func::ReturnOp>(loc);
}

OwningOpRef<ModuleOp> cpu::buildKernels(ArrayRef<rt::KernelOp> kernels,
                                        const Emitters &emitters,
                                        const codegen::MachineModel &machine) {
  MLIRContext *context = kernels.front()->getContext();
  OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(context));
  OpBuilder b(context);
  bool failed = false;
  for (rt::KernelOp kernel : kernels) {
    b.setInsertionPointToEnd(module->getBody());
    KernelEmitter *emitter = codegen::findEmitter(emitters, kernel, machine);
    if (!emitter) {
      kernel.emitError("no code generator for kernel @") << kernel.getSymName();
      failed = true;
      continue;
    }
    if (func::FuncOp body = codegen::buildBody(b, kernel, *emitter, machine))
      buildWrapper(b, kernel, body);
    else
      failed = true;
  }
  return failed ? nullptr : std::move(module);
}
