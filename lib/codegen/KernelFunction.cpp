//===- KernelFunction.cpp - A kernel as a function -----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/codegen/KernelFunction.h"

#include "dialects/rt/KernelScope.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace narae;
using namespace narae::codegen;

void codegen::loadKernelDialects(MLIRContext *context) {
  context->loadDialect<arith::ArithDialect, cf::ControlFlowDialect,
                       func::FuncDialect, LLVM::LLVMDialect, math::MathDialect,
                       scf::SCFDialect, ub::UBDialect, vector::VectorDialect>();
}

KernelEmitter *codegen::findEmitter(const Emitters &emitters,
                                    rt::KernelOp kernel,
                                    const MachineModel &machine) {
  StringAttr name;
  if (DictionaryAttr config = kernel.getConfigAttr())
    name = config.getAs<StringAttr>("emitter");
  for (auto &emitter : emitters)
    if (name ? emitter->name() == name.getValue()
             : emitter->matches(kernel, machine))
      return emitter.get();
  return nullptr;
}

SmallVector<rt::KernelOp> codegen::kernelsOf(ModuleOp module,
                                             StringRef backend) {
  SmallVector<rt::KernelOp> kernels;
  for (auto kernel : module.getOps<rt::KernelOp>())
    if (kernel.getDevice().split(':').first == backend)
      kernels.push_back(kernel);
  return kernels;
}

func::FuncOp codegen::buildBody(OpBuilder &b, rt::KernelOp kernel,
                                KernelEmitter &emitter,
                                const MachineModel &machine) {
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
  KernelArguments args;
  args.inputs.assign(arguments.begin(), arguments.begin() + inputs);
  args.outputs.assign(arguments.begin() + inputs,
                      arguments.begin() + inputs + outputs);
  args.params.assign(arguments.begin() + inputs + outputs, arguments.end() - 3);
  args.part = arguments[types.size() - 3];
  args.parts = arguments[types.size() - 2];
  args.scratch = arguments[types.size() - 1];
  b.setInsertionPointToStart(entry);
  KernelContext k(b, kernel, std::move(args));
  if (failed(emitter.emit(k, machine))) {
    kernel.emitError("no code for kernel @")
        << kernel.getSymName() << " by emitter " << emitter.name();
    return {};
  }
  b.setInsertionPointToEnd(&body.getBody().back());
  b.create<func::ReturnOp>(loc);
  return body;
}
