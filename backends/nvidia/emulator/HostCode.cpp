//===- HostCode.cpp - Kernels of NVPTX as code of this CPU ---------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/nvidia/emulator/HostCode.h"

#include "llvm/Analysis/ValueTracking.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InlineAsm.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/Verifier.h"
#include "llvm/Support/TargetSelect.h"

#include <map>
#include <mutex>
#include <set>

using namespace narae;
using namespace narae::nvidia;
namespace orc = llvm::orc;

static constexpr const char *kChecker = "narae_check_access";
static constexpr const char *kThread = "narae_thread_";

namespace {
/// Makes a module of NVPTX one of the host.
class Retarget {
public:
  Retarget(llvm::Module &module, bool checked)
      : module(module), checked(checked) {}
  Status run(const llvm::DataLayout &layout, const llvm::Triple &triple);
  /// Functions of the emulator that the module calls, by symbol.
  std::map<std::string, void *> symbols;
  std::vector<std::string> entries;

private:
  void takeEntries();
  void replaceIntrinsics();
  void checkAccesses(llvm::Function &function);
  void makeThread(llvm::Function &entry);

  llvm::Module &module;
  bool checked;
  std::set<std::string> unknown;
};
} // namespace

/// Kernels are those in the convention of PTX.
void Retarget::takeEntries() {
  for (llvm::Function &function : module) {
    for (llvm::StringRef name : {"target-cpu", "target-features"})
      function.removeFnAttr(name);
    if (function.getCallingConv() != llvm::CallingConv::PTX_Kernel)
      continue;
    function.setCallingConv(llvm::CallingConv::C);
    function.setLinkage(llvm::GlobalValue::InternalLinkage);
    entries.push_back(function.getName().str());
  }
  if (llvm::NamedMDNode *annotations =
          module.getNamedMetadata("nvvm.annotations"))
    annotations->eraseFromParent();
}

/// Calls of NVPTX's intrinsics become calls of the emulator.
void Retarget::replaceIntrinsics() {
  for (llvm::Function &function : llvm::make_early_inc_range(module)) {
    if (!function.getName().starts_with("llvm.nvvm."))
      continue;
    std::string name = function.getName().str();
    void *address = hostFunctionOf(name);
    if (!address) {
      unknown.insert(name);
      continue;
    }
    std::string symbol = "narae_" + name.substr(5);
    std::replace(symbol.begin(), symbol.end(), '.', '_');
    symbols[symbol] = address;
    llvm::FunctionCallee callee =
        module.getOrInsertFunction(symbol, function.getFunctionType());
    function.replaceAllUsesWith(callee.getCallee());
    function.eraseFromParent();
  }
  for (llvm::Function &function : module)
    for (llvm::Instruction &instruction : llvm::instructions(function))
      if (auto *call = llvm::dyn_cast<llvm::CallBase>(&instruction))
        if (auto *assembly =
                llvm::dyn_cast<llvm::InlineAsm>(call->getCalledOperand()))
          unknown.insert("'" + assembly->getAsmString() + "'");
}

/// Memory of the thread itself and constants need no check.
static bool isOwnMemory(llvm::Value *pointer) {
  const llvm::Value *base = llvm::getUnderlyingObject(pointer, 0);
  return llvm::isa<llvm::AllocaInst, llvm::GlobalVariable>(base);
}

void Retarget::checkAccesses(llvm::Function &function) {
  llvm::IRBuilder<> b(module.getContext());
  llvm::Type *pointerType = b.getPtrTy();
  llvm::FunctionCallee checker = module.getOrInsertFunction(
      kChecker, b.getVoidTy(), pointerType, b.getInt64Ty(), b.getInt32Ty());
  symbols[kChecker] = accessChecker();
  auto check = [&](llvm::Instruction &at, llvm::Value *pointer,
                   llvm::Value *bytes, bool isWrite) {
    if (isOwnMemory(pointer))
      return;
    b.SetInsertPoint(&at);
    b.CreateCall(checker, {b.CreateAddrSpaceCast(pointer, pointerType), bytes,
                           b.getInt32(isWrite)});
  };
  const llvm::DataLayout &layout = module.getDataLayout();
  auto sizeOf = [&](llvm::Type *type) {
    return b.getInt64(layout.getTypeStoreSize(type));
  };
  for (llvm::Instruction &at :
       llvm::make_early_inc_range(llvm::instructions(function))) {
    if (auto *load = llvm::dyn_cast<llvm::LoadInst>(&at))
      check(at, load->getPointerOperand(), sizeOf(load->getType()), false);
    else if (auto *store = llvm::dyn_cast<llvm::StoreInst>(&at))
      check(at, store->getPointerOperand(),
            sizeOf(store->getValueOperand()->getType()), true);
    else if (auto *set = llvm::dyn_cast<llvm::MemSetInst>(&at))
      check(at, set->getDest(), set->getLength(), true);
    else if (auto *copy = llvm::dyn_cast<llvm::MemTransferInst>(&at)) {
      check(at, copy->getSource(), copy->getLength(), false);
      check(at, copy->getDest(), copy->getLength(), true);
    }
  }
}

/// void narae_thread_NAME(void **arguments): loads the arguments, calls NAME.
void Retarget::makeThread(llvm::Function &entry) {
  llvm::IRBuilder<> b(module.getContext());
  auto *type = llvm::FunctionType::get(b.getVoidTy(), {b.getPtrTy()},
                                       /*isVarArg=*/false);
  auto *thread =
      llvm::Function::Create(type, llvm::GlobalValue::ExternalLinkage,
                             kThread + entry.getName(), module);
  b.SetInsertPoint(llvm::BasicBlock::Create(module.getContext(), "", thread));
  std::vector<llvm::Value *> arguments;
  for (llvm::Argument &argument : entry.args()) {
    llvm::Value *slot = b.CreateLoad(
        b.getPtrTy(), b.CreateConstGEP1_64(b.getPtrTy(), thread->getArg(0),
                                           argument.getArgNo()));
    arguments.push_back(b.CreateLoad(argument.getType(), slot));
  }
  b.CreateCall(&entry, arguments);
  b.CreateRetVoid();
}

Status Retarget::run(const llvm::DataLayout &layout,
                     const llvm::Triple &triple) {
  takeEntries();
  replaceIntrinsics();
  if (!unknown.empty()) {
    std::string names;
    for (const std::string &name : unknown)
      names += (names.empty() ? "" : ", ") + name;
    return Status::error("the emulator does not know " + names);
  }
  module.setDataLayout(layout);
  module.setTargetTriple(triple.str());
  for (const std::string &name : entries) {
    llvm::Function *entry = module.getFunction(name);
    makeThread(*entry);
  }
  if (checked)
    for (llvm::Function &function : module)
      if (!function.isDeclaration() && !function.getName().starts_with(kThread))
        checkAccesses(function);
  std::string broken;
  llvm::raw_string_ostream os(broken);
  if (llvm::verifyModule(module, &os))
    return Status::error("the module is invalid for the host: " + broken);
  return Status::success();
}

namespace {
class JitCode : public HostCode {
public:
  std::unique_ptr<orc::LLJIT> jit;
  std::map<std::string, ThreadFunction> functions;

  ThreadFunction find(const std::string &name) const override {
    auto found = functions.find(name);
    return found == functions.end() ? nullptr : found->second;
  }
};
} // namespace

static Status failure(const char *what, llvm::Error error) {
  return Status::error(std::string(what) + ": " +
                       llvm::toString(std::move(error)));
}

/// Compiles a module that is the host's, and looks all kernels up.
static Status finish(JitCode &code, orc::ThreadSafeModule module,
                     const Retarget &retarget) {
  orc::SymbolMap symbols;
  for (const auto &[name, address] : retarget.symbols)
    symbols[code.jit->mangleAndIntern(name)] = {
        orc::ExecutorAddr::fromPtr(address), llvm::JITSymbolFlags::Exported};
  orc::JITDylib &library = code.jit->getMainJITDylib();
  if (llvm::Error error = library.define(orc::absoluteSymbols(symbols)))
    return failure("linking kernels for the emulator", std::move(error));
  if (llvm::Error error = code.jit->addIRModule(std::move(module)))
    return failure("compiling kernels for the emulator", std::move(error));
  for (const std::string &name : retarget.entries) {
    auto address = code.jit->lookup(kThread + name);
    if (!address)
      return failure("compiling kernels for the emulator", address.takeError());
    code.functions[name] = address->toPtr<ThreadFunction>();
  }
  return Status::success();
}

Expected<std::unique_ptr<HostCode>>
nvidia::compileForHost(std::string_view bitcode, bool checked) {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
  });
  auto host = orc::JITTargetMachineBuilder::detectHost();
  if (!host)
    return failure("this host's CPU", host.takeError());
  host->setCodeGenOptLevel(llvm::CodeGenOptLevel::Default);
  auto layout = host->getDefaultDataLayoutForTarget();
  if (!layout)
    return failure("this host's CPU", layout.takeError());

  auto context = std::make_unique<llvm::LLVMContext>();
  auto module = llvm::parseBitcodeFile(
      llvm::MemoryBufferRef({bitcode.data(), bitcode.size()}, "kernels"),
      *context);
  if (!module)
    return failure("the bitcode is damaged", module.takeError());
  Retarget retarget(**module, checked);
  if (Status status = retarget.run(*layout, host->getTargetTriple());
      status.failed())
    return status;
  auto jit =
      orc::LLJITBuilder().setJITTargetMachineBuilder(std::move(*host)).create();
  if (!jit)
    return failure("the emulator's compiler", jit.takeError());
  auto code = std::make_unique<JitCode>();
  code->jit = std::move(*jit);
  Status status = finish(
      *code, orc::ThreadSafeModule(std::move(*module), std::move(context)),
      retarget);
  if (status.failed())
    return status;
  return std::unique_ptr<HostCode>(std::move(code));
}
