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
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace narae;
using namespace narae::cpu;
using codegen::KernelEmitter;

void cpu::loadKernelDialects(MLIRContext *context) {
  context->loadDialect<arith::ArithDialect, cf::ControlFlowDialect,
                       func::FuncDialect, LLVM::LLVMDialect, math::MathDialect,
                       scf::SCFDialect, ub::UBDialect, vector::VectorDialect>();
}

Emitters cpu::allEmitters() {
  Emitters result = cpuEmitters();
  for (auto &emitter : codegen::genericEmitters())
    result.push_back(std::move(emitter));
  return result;
}

KernelEmitter *cpu::findEmitter(const Emitters &emitters, rt::KernelOp kernel,
                                const codegen::MachineModel &machine) {
  StringAttr name;
  if (DictionaryAttr config = kernel.getConfigAttr())
    name = config.getAs<StringAttr>("emitter");
  for (auto &emitter : emitters)
    if (name ? emitter->name() == name.getValue()
             : emitter->matches(kernel, machine))
      return emitter.get();
  return nullptr;
}

SmallVector<rt::KernelOp> cpu::kernelsOf(ModuleOp module) {
  SmallVector<rt::KernelOp> kernels;
  for (auto kernel : module.getOps<rt::KernelOp>())
    if (kernel.getDevice().split(':').first == "cpu")
      kernels.push_back(kernel);
  return kernels;
}

/// func @NAME_body(inputs, outputs: ptr; params: index; part, parts, scratch)
static func::FuncOp buildBody(OpBuilder &b, rt::KernelOp kernel,
                              KernelEmitter &emitter,
                              const codegen::MachineModel &machine) {
  MLIRContext *context = b.getContext();
  Location loc = kernel.getLoc();
  Type pointer = LLVM::LLVMPointerType::get(context);
  Type index = b.getIndexType();
  size_t inputs = kernel.block().getNumArguments();
  size_t outputs = kernel.yield()->getNumOperands();
  size_t params = rt::paramCount(kernel);
  SmallVector<Type> types(inputs + outputs, pointer);
  types.append(params + 2, index);
  types.push_back(pointer);

  auto body = b.create<func::FuncOp>(loc, (kernel.getSymName() + "_body").str(),
                                     b.getFunctionType(types, TypeRange()));
  body.setPrivate();
  body->setAttr("llvm.linkage",
                LLVM::LinkageAttr::get(context, LLVM::Linkage::Internal));
  // Nothing else overlaps an output or the scratch memory, but for a result
  // that the planner puts in place of an operand; kernels for which that
  // matters read an element before they write it.
  for (size_t i = inputs; i < inputs + outputs; ++i)
    body.setArgAttr(i, "llvm.noalias", b.getUnitAttr());
  body.setArgAttr(types.size() - 1, "llvm.noalias", b.getUnitAttr());

  OpBuilder::InsertionGuard guard(b);
  Block *entry = body.addEntryBlock();
  auto arguments = entry->getArguments();
  codegen::KernelArguments args;
  args.inputs.assign(arguments.begin(), arguments.begin() + inputs);
  args.outputs.assign(arguments.begin() + inputs,
                      arguments.begin() + inputs + outputs);
  args.params.assign(arguments.begin() + inputs + outputs, arguments.end() - 3);
  args.part = arguments[types.size() - 3];
  args.parts = arguments[types.size() - 2];
  args.scratch = arguments[types.size() - 1];
  b.setInsertionPointToStart(entry);
  codegen::KernelContext k(b, kernel, std::move(args));
  if (failed(emitter.emit(k, machine))) {
    kernel.emitError("no code for kernel @")
        << kernel.getSymName() << " by emitter " << emitter.name();
    return {};
  }
  b.setInsertionPointToEnd(&body.getBody().back());
  b.create<func::ReturnOp>(loc);
  return body;
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
    KernelEmitter *emitter = findEmitter(emitters, kernel, machine);
    if (!emitter) {
      kernel.emitError("no code generator for kernel @") << kernel.getSymName();
      failed = true;
      continue;
    }
    if (func::FuncOp body = buildBody(b, kernel, *emitter, machine))
      buildWrapper(b, kernel, body);
    else
      failed = true;
  }
  return failed ? nullptr : std::move(module);
}
