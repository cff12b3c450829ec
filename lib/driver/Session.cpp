//===- Session.cpp - One compilation, phase by phase ===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/driver/Session.h"
#include "dialects/rt/RtDialect.h"
#include "lib/dispatch/Passes.h"
#include "lib/driver/ActivationLoss.h"
#include "lib/graph/Passes.h"
#include "lib/memory/Passes.h"
#include "lib/place/Passes.h"
#include "lib/schedule/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <chrono>

using namespace mlir;
using namespace narae;
using namespace narae::driver;

void driver::registerDialects(MLIRContext &context) {
  context.loadDialect<fm::FmDialect, rt::RtDialect, hbm::HbmDialect,
                      func::FuncDialect, arith::ArithDialect,
                      tensor::TensorDialect>();
}

Session::Session(MLIRContext &context, const CompileOptions &options)
    : context(context), options(options) {}

bool Session::resolveTarget() {
  std::string error;
  if (describeTarget(options.target, error).empty()) {
    emitError(UnknownLoc::get(&context)) << error;
    return false;
  }
  resolved.emplace(findBackend(options.target), options.target, options);
  return true;
}

/// The pieces that a weight's attributes name, below `directory`.
static std::vector<WeightPiece> piecesOf(fm::WeightDataOp data,
                                         StringRef directory) {
  auto resolve = [&](StringRef file) {
    SmallString<256> path(llvm::sys::path::is_absolute(file) ? StringRef()
                                                             : directory);
    llvm::sys::path::append(path, file);
    return path.str().str();
  };
  std::vector<WeightPiece> pieces;
  if (!data.getPieces())
    return {{resolve(data.getFile()), data.getOffset(), data.getLength()}};
  for (auto piece : data.getPieces()->getAsRange<DictionaryAttr>())
    pieces.push_back({resolve(piece.getAs<StringAttr>("file")),
                      uint64_t(piece.getAs<IntegerAttr>("offset").getInt()),
                      uint64_t(piece.getAs<IntegerAttr>("length").getInt())});
  return pieces;
}

bool Session::loadWeights(StringRef directory) {
  bool ok = true;
  auto failed = [&](Operation *op, llvm::Error error) {
    if (!error)
      return false;
    op->emitError() << llvm::toString(std::move(error));
    ok = false;
    return true;
  };
  for (auto data : module->getOps<fm::WeightDataOp>()) {
    StringRef name = data.getSymName();
    if (data.getAbsent() || weights.contains(name))
      continue;
    if (data.getFile().empty() && !data.getPieces()) {
      data.emitError("weight '")
          << name
          << "' names no file: the IR was printed without its weights; write "
             "it with `narae compile ... -o FILE.mlir`";
      ok = false;
    } else if (!failed(data,
                       weights.addPieces(name, piecesOf(data, directory))) &&
               data.getHash() &&
               weights.hash(name) != uint64_t(data.getHash())) {
      data.emitError("weight '")
          << name << "' in '" << data.getFile()
          << "' is not the one this module was made with";
      ok = false;
    }
  }
  for (auto data : module->getOps<fm::AttachmentOp>()) {
    StringRef name = data.getSymName();
    if (weights.contains(name))
      continue;
    SmallString<256> path(directory);
    llvm::sys::path::append(path, data.getFile());
    if (data.getFile().empty()) {
      data.emitError("attachment '") << name << "' names no file";
      ok = false;
    } else {
      failed(data,
             weights.addFile(name, path, data.getOffset(), data.getLength()));
    }
  }
  return ok;
}

bool Session::runPasses(llvm::function_ref<void(OpPassManager &)> build,
                        const char *phase) {
  PassManager pm(&context, ModuleOp::getOperationName());
  pm.enableVerifier(true);
  SmallString<256> path;
  if (!options.reproducerDir.empty()) {
    path = options.reproducerDir;
    llvm::sys::fs::create_directories(path);
    llvm::sys::path::append(path, std::string("reproducer-") + phase + ".mlir");
    pm.enableCrashReproducerGeneration(path);
  }
  build(pm);
  if (succeeded(pm.run(*module)))
    return true;
  if (!path.empty())
    emitRemark(UnknownLoc::get(&context))
        << "to replay: narae-opt --run-reproducer " << path;
  return false;
}

bool Session::dispatch() {
  auto form = [&](OpPassManager &pm) {
    dispatch::FormKernelsOptions fusion;
    fusion.fuse = options.optLevel > 0;
    pm.addPass(dispatch::createFormKernels(fusion));
    pm.addPass(createCSEPass());
    pm.addPass(createCanonicalizerPass());
    pm.addPass(dispatch::createDedupeKernels());
  };
  if (!runPasses(form, "dispatch"))
    return false;
  if (!resolved->configure(*module))
    return false;
  if (measuresLoss && !measureActivationLoss(*module, weights, options))
    return false;
  if (!evaluateConstants(*module, weights, options))
    return false;
  return runPasses(
      [](OpPassManager &pm) {
        pm.addPass(createCSEPass());
        pm.addPass(dispatch::createDedupeKernels());
        pm.addPass(dispatch::createVerifyDispatch());
      },
      "dispatch");
}

bool driver::generateCode(ModuleOp module, const Target &target) {
  std::string object;
  bool any = !module.getOps<rt::KernelOp>().empty();
  if (!any)
    return true;
  if (!target.compile(module, object))
    return false;
  OpBuilder b = OpBuilder::atBlockBegin(module.getBody());
  b.create<rt::ObjectOp>(module.getLoc(), target.backend(), "elf", object);
  for (auto kernel : module.getOps<rt::KernelOp>())
    kernel.setObjectAttr(
        FlatSymbolRefAttr::get(module.getContext(), target.backend()));
  return true;
}

/// Bytes of the target's first memory, 0 where its description does not say.
static int64_t memoryCapacity(const std::string &target) {
  std::string error;
  auto json = llvm::json::parse(describeTarget(target, error));
  if (!json) {
    llvm::consumeError(json.takeError());
    return 0;
  }
  const llvm::json::Object *object = json->getAsObject();
  const llvm::json::Array *spaces =
      object ? object->getArray("memory") : nullptr;
  const llvm::json::Object *first =
      spaces && !spaces->empty() ? spaces->front().getAsObject() : nullptr;
  return first ? first->getInteger("capacity").value_or(0) : 0;
}

bool Session::planMemory() {
  memory::PlanMemoryOptions plan;
  if (checkCapacity)
    plan.capacity = memoryCapacity(resolved->name());
  return runPasses(
      [&](OpPassManager &pm) {
        pm.addPass(memory::createPlanMemory(plan));
        pm.addPass(memory::createVerifyMemory());
      },
      "memory");
}

bool Session::codegen() { return generateCode(*module, *resolved); }

bool Session::run(Phase phase) {
  auto start = std::chrono::steady_clock::now();
  bool ok = true;
  switch (phase) {
  case Phase::Graph:
    ok = runPasses(
        [&](OpPassManager &pm) {
          pm.addPass(graph::createSimplifyGraph());
          if (options.optLevel > 0)
            pm.addPass(graph::createRecognizeOps());
          if (!options.precision.empty() && options.precision != "f32")
            pm.addPass(graph::createApplyPrecision({options.precision}));
          pm.addPass(createCSEPass());
          pm.addPass(graph::createVerifyGraph());
        },
        "graph");
    break;
  case Phase::Place: {
    place::PlaceOptions where;
    where.device = resolved->backend();
    ok = runPasses(
        [&](OpPassManager &pm) { pm.addPass(place::createPlace(where)); },
        "place");
    ok = ok && place::checkSupport(*module, [&](Operation *op) {
           return resolved->supports(op);
         });
    break;
  }
  case Phase::Dispatch:
    ok = dispatch();
    break;
  case Phase::Schedule:
    ok = runPasses(
        [](OpPassManager &pm) {
          pm.addPass(schedule::createSchedule());
          pm.addPass(createCSEPass());
          pm.addPass(schedule::createVerifySchedule());
        },
        "schedule");
    break;
  case Phase::Memory:
    ok = planMemory();
    break;
  case Phase::Codegen:
    ok = codegen();
    break;
  default:
    break;
  }
  std::chrono::duration<double, std::milli> elapsed =
      std::chrono::steady_clock::now() - start;
  times.push_back({phaseName(phase), elapsed.count()});
  return ok && (options.dumpPhases.empty() || dump(phase));
}

/// All weights and attachments go to one file beside the dumps, so that the
/// dumped IR can be compiled further.
static bool dumpWeights(ModuleOp module, const WeightStore &weights,
                        StringRef directory) {
  SmallString<256> path(directory);
  llvm::sys::path::append(path, "weights.bin");
  std::error_code error;
  llvm::raw_fd_ostream out(path, error);
  if (error) {
    module.emitError("cannot write '") << path << "': " << error.message();
    return false;
  }
  uint64_t offset = 0;
  auto append = [&](auto data) {
    uint64_t padding = (64 - offset % 64) % 64;
    out.write_zeros(padding);
    offset += padding;
    data.setFile("weights.bin");
    data.setOffset(offset);
    data.setLength(*weights.size(data.getSymName()));
    weights.stream(data.getSymName(), [&](ArrayRef<char> bytes) {
      out.write(bytes.data(), bytes.size());
      return true;
    });
    offset += data.getLength();
  };
  for (auto data : module.getOps<fm::WeightDataOp>()) {
    if (!weights.contains(data.getSymName()))
      continue;
    data.removePiecesAttr();
    append(data);
    data.setHash(weights.hash(data.getSymName()));
  }
  for (auto data : module.getOps<fm::AttachmentOp>())
    if (weights.contains(data.getSymName()))
      append(data);
  return true;
}

bool Session::dump(Phase phase) {
  if (std::error_code error =
          llvm::sys::fs::create_directories(options.dumpPhases)) {
    module->emitError("cannot create '")
        << options.dumpPhases << "': " << error.message();
    return false;
  }
  // The dumped module names files; the one compiled on is left alone.
  OwningOpRef<ModuleOp> copy = module->clone();
  bool newWeights = phase == Phase::Import || phase == Phase::Dispatch;
  std::string folder = options.dumpPhases;
  if (newWeights || phase > Phase::Dispatch) {
    SmallString<256> sub(folder);
    if (phase >= Phase::Dispatch)
      llvm::sys::path::append(sub, "packed");
    llvm::sys::fs::create_directories(sub);
    if (!dumpWeights(*copy, weights, sub))
      return false;
    if (phase >= Phase::Dispatch)
      copy->walk([&](Operation *op) {
        if (auto data = dyn_cast<fm::WeightDataOp>(op);
            data && !data.getAbsent())
          data.setFile("packed/weights.bin");
        else if (auto data = dyn_cast<fm::AttachmentOp>(op))
          data.setFile("packed/weights.bin");
      });
  } else {
    dumpWeights(*copy, weights, folder);
  }
  SmallString<256> path(folder);
  llvm::sys::path::append(path, std::to_string(int(phase) + 1) + "-" +
                                    phaseName(phase) + ".mlir");
  std::error_code error;
  llvm::raw_fd_ostream out(path, error);
  if (error) {
    module->emitError("cannot write '") << path << "': " << error.message();
    return false;
  }
  copy->print(out, OpPrintingFlags().enableDebugInfo());
  return true;
}
