//===- KernelModule.cpp - Kernels as entry points of a module ------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/nvidia/compiler/KernelModule.h"

#include "dialects/rt/KernelScope.h"
#include "lib/codegen/emitters/Generic.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace narae;
using namespace narae::nvidia;
using codegen::KernelEmitter;

codegen::Emitters nvidia::allEmitters() { return codegen::genericEmitters(); }

std::string nvidia::entryName(size_t index) {
  return "k" + std::to_string(index);
}

/// A special register as index.
static Value readRegister(OpBuilder &b, Location loc, StringRef name) {
  Value value = b.create<LLVM::CallIntrinsicOp>(
                     loc, b.getI32Type(),
                     b.getStringAttr("llvm.nvvm.read.ptx.sreg." + name.str()),
                     ValueRange{}, LLVM::FastmathFlagsAttr())
                    .getResult(0);
  return b.create<arith::IndexCastUIOp>(loc, b.getIndexType(), value);
}

/// The entry point of a kernel: every thread is a part of its body.
static void buildEntry(OpBuilder &b, rt::KernelOp kernel, func::FuncOp body,
                       StringRef name) {
  Location loc = kernel.getLoc();
  Type pointer = LLVM::LLVMPointerType::get(kernel.getContext());
  Type index = b.getIndexType(), i64 = b.getI64Type();
  size_t buffers =
      kernel.block().getNumArguments() + kernel.yield()->getNumOperands();
  size_t params = rt::paramCount(kernel);
  SmallVector<Type> types(buffers, pointer);
  types.append(params, i64);
  types.append({pointer, i64});
  auto entry =
      b.create<func::FuncOp>(loc, name, b.getFunctionType(types, TypeRange()));
  OpBuilder::InsertionGuard guard(b);
  Block *block = entry.addEntryBlock();
  b.setInsertionPointToStart(block);
  Value blockIndex = readRegister(b, loc, "ctaid.x");
  Value blockSize = readRegister(b, loc, "ntid.x");
  Value thread = readRegister(b, loc, "tid.x");
  Value blocks = readRegister(b, loc, "nctaid.x");
  Value part = b.create<arith::AddIOp>(
      loc, b.create<arith::MulIOp>(loc, blockIndex, blockSize), thread);
  Value parts = b.create<arith::MulIOp>(loc, blocks, blockSize);
  SmallVector<Value> operands(block->getArguments().take_front(buffers));
  for (BlockArgument param : block->getArguments().slice(buffers, params))
    operands.push_back(b.create<arith::IndexCastOp>(loc, index, param));
  Value bytes =
      b.create<arith::IndexCastOp>(loc, index, block->getArguments().back());
  Value offset = b.create<arith::IndexCastOp>(
      loc, i64, b.create<arith::MulIOp>(loc, part, bytes));
  Value scratch = b.create<LLVM::GEPOp>(loc, pointer, b.getI8Type(),
                                        block->getArgument(buffers + params),
                                        ArrayRef<LLVM::GEPArg>{offset});
  operands.append({part, parts, scratch});
  b.create<func::CallOp>(loc, body, operands);
  b.create<func::ReturnOp>(loc);
}

OwningOpRef<ModuleOp>
nvidia::buildKernels(ArrayRef<rt::KernelOp> kernels,
                     const codegen::Emitters &emitters,
                     const codegen::MachineModel &machine) {
  MLIRContext *context = kernels.front()->getContext();
  OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(context));
  OpBuilder b(context);
  bool failed = false;
  for (auto [i, kernel] : llvm::enumerate(kernels)) {
    b.setInsertionPointToEnd(module->getBody());
    KernelEmitter *emitter = codegen::findEmitter(emitters, kernel, machine);
    if (!emitter) {
      rt::KernelOp(kernel).emitError("no code generator for kernel @")
          << rt::KernelOp(kernel).getSymName();
      failed = true;
      continue;
    }
    if (func::FuncOp body = codegen::buildBody(b, kernel, *emitter, machine))
      buildEntry(b, kernel, body, entryName(i));
    else
      failed = true;
  }
  return failed ? nullptr : std::move(module);
}
