//===- EmitProgram.cpp - The scheduled module as an artifact ===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/artifact/Writer.h"
#include "lib/driver/EmitEntry.h"
#include "lib/driver/Session.h"
#include "lib/driver/TypeCodes.h"

#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace narae;
using namespace narae::driver;
using namespace narae::artifact;

namespace {

std::string joined(ArrayAttr nodes) {
  std::string text;
  for (Attribute node : nodes)
    text += (text.empty() ? "" : ", ") + cast<StringAttr>(node).str();
  return text;
}

/// Fills in the tables that entries point into.
class ProgramEmitter {
public:
  ProgramEmitter(ModuleOp module, WeightStore &store, const ArtifactInfo &info)
      : module(module), store(store), info(info), writer(program) {}
  bool run(const std::string &path);

private:
  void addKernels();
  bool addWeights();
  bool addWeight(fm::WeightDataOp data);
  bool placeOutside(fm::WeightDataOp data, WeightT &weight);
  bool addStates();
  bool addAttachments();
  WeightSource sourceOf(StringRef name);

  ModuleOp module;
  WeightStore &store;
  const ArtifactInfo &info;
  ProgramT program;
  Writer writer;
  ProgramTables tables;
};

void ProgramEmitter::addKernels() {
  llvm::StringMap<uint32_t> objects;
  for (auto object : module.getOps<rt::ObjectOp>())
    objects[object.getSymName()] =
        writer.addObject(object.getFormat().str(), object.getData().str());
  for (auto kernel : module.getOps<rt::KernelOp>()) {
    auto k = std::make_unique<KernelT>();
    k->name = kernel.getSymName().str();
    k->object = kernel.getObject() ? objects.lookup(*kernel.getObject()) : 0;
    k->nodes = joined(kernel.getNodes());
    tables.kernels[kernel.getSymName()] = program.kernels.size();
    program.kernels.push_back(std::move(k));
  }
}

/// Bytes that are read when they are written, and not held.
WeightSource ProgramEmitter::sourceOf(StringRef name) {
  auto produce = [this, name = name.str()](const ByteSink &sink) {
    Status status = Status::success();
    store.stream(name, [&](ArrayRef<char> bytes) {
      status = sink(bytes.data(), bytes.size());
      return !status.failed();
    });
    return status;
  };
  return WeightSource(*store.size(name), produce);
}

/// Leaves a weight where it is if that is one place in a file below the
/// model's folder; false otherwise.
bool ProgramEmitter::placeOutside(fm::WeightDataOp data, WeightT &weight) {
  ArrayRef<WeightPiece> source = store.source(data.getSymName());
  if (source.size() != 1)
    return false;
  StringRef file = source[0].file;
  if (!info.weightsFolder.empty()) {
    if (!file.consume_front(info.weightsFolder))
      return false;
    file = file.ltrim('/');
  }
  if (file.empty() || llvm::sys::path::is_absolute(file))
    return false;
  weight.file = file.str();
  weight.offset = source[0].offset;
  weight.size = source[0].length;
  weight.hash = store.hash(data.getSymName());
  return true;
}

bool ProgramEmitter::addWeight(fm::WeightDataOp data) {
  bool isAbsent = !store.contains(data.getSymName());
  if (isAbsent && !data.getAbsent()) {
    data.emitError("the bytes of weight '")
        << data.getSymName() << "' are missing";
    return false;
  }
  auto type = cast<RankedTensorType>(data.getType());
  auto weight = std::make_unique<WeightT>();
  weight->name = data.getSymName().str();
  weight->type = typeCode(type.getElementType());
  weight->dims.assign(type.getShape().begin(), type.getShape().end());
  size_t index = program.weights.size();
  tables.weights[data.getSymName()] = index;
  if (isAbsent) {
    weight->absent = true;
    weight->size = fm::storageBytes(type);
  } else if (!info.externalWeights || !placeOutside(data, *weight))
    writer.setWeight(index, sourceOf(data.getSymName()));
  program.weights.push_back(std::move(weight));
  return true;
}

bool ProgramEmitter::addWeights() {
  llvm::StringSet<> used;
  module.walk([&](rt::WeightOp op) { used.insert(op.getData()); });
  bool ok = true;
  for (auto data : module.getOps<fm::WeightDataOp>())
    if (used.contains(data.getSymName()))
      ok &= addWeight(data);
  return ok;
}

bool ProgramEmitter::addStates() {
  for (auto op : module.getOps<fm::StateOp>()) {
    auto type = cast<RankedTensorType>(op.getType());
    if (!op.getOffset()) {
      op.emitError("state '") << op.getSymName() << "' has no place";
      return false;
    }
    auto state = std::make_unique<StateT>();
    state->name = op.getSymName().str();
    state->type = typeCode(type.getElementType());
    state->dims.assign(type.getShape().begin(), type.getShape().end());
    state->offset = *op.getOffset();
    state->size = fm::storageBytes(type);
    state->kind = op.getKind().str();
    state->axis = op.getAxis();
    state->window = op.getWindow().value_or(0);
    tables.states[op.getSymName()] = program.states.size();
    program.states.push_back(std::move(state));
  }
  return true;
}

bool ProgramEmitter::addAttachments() {
  for (auto op : module.getOps<fm::AttachmentOp>()) {
    if (!store.contains(op.getSymName())) {
      op.emitError("the bytes of attachment '")
          << op.getSymName() << "' are missing";
      return false;
    }
    writer.addAttachment(op.getSymName().str(), sourceOf(op.getSymName()));
  }
  return true;
}

bool ProgramEmitter::run(const std::string &path) {
  program.compiler = std::string("narae ") + version();
  program.options = info.optionsJson;
  program.target = info.targetJson;
  program.backend = info.backend;
  program.report = info.report;
  program.names.push_back(""); // the name of nameless dimensions
  if (auto metadata = module->getAttrOfType<StringAttr>("fm.metadata"))
    program.metadata = metadata.str();
  if (auto strings = module->getAttrOfType<ArrayAttr>("fm.strings"))
    for (auto text : strings.getAsRange<StringAttr>())
      program.strings.push_back(text.str());
  addKernels();
  if (!addWeights() || !addStates() || !addAttachments())
    return false;
  for (auto func : module.getOps<func::FuncOp>()) {
    auto entry = std::make_unique<EntryT>();
    emitEntry(func, *entry, program, tables);
    program.entries.push_back(std::move(entry));
  }
  if (Status status = writer.write(path); status.failed()) {
    emitError(UnknownLoc::get(module.getContext())) << status.message();
    return false;
  }
  return true;
}

} // namespace

bool driver::emitArtifact(ModuleOp module, WeightStore &store,
                          const ArtifactInfo &info, const std::string &path) {
  return ProgramEmitter(module, store, info).run(path);
}
