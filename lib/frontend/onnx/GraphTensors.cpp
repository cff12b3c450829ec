//===- GraphTensors.cpp - Initializers as constants and weights -----------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/onnx/GraphImporter.h"

#include "llvm/Support/Path.h"

using namespace mlir;
using namespace narae;
using namespace narae::onnx;

/// Up to these sizes tensors are constants in the IR, where folding sees them.
static constexpr int64_t kMaxConstantInts = 512, kMaxConstantFloats = 16;

static bool isSmall(RankedTensorType type) {
  // Attributes have no such elements.
  if (fm::isString(type.getElementType()) ||
      fm::isCarriedFloat(type.getElementType()))
    return false;
  return type.getNumElements() <= (type.getElementType().isInteger()
                                       ? kMaxConstantInts
                                       : kMaxConstantFloats);
}

int64_t narae::onnx::numberOf(ModelState &model, StringRef text) {
  if (text.empty())
    return 0;
  auto [it, isNew] =
      model.stringNumbers.try_emplace(text, model.strings.size() + 1);
  if (isNew)
    model.strings.push_back(model.builder.getStringAttr(text));
  return it->second;
}

Value GraphImporter::weightOp(StringAttr symbol, Location loc) {
  auto data = model.symbols.lookup<fm::WeightDataOp>(symbol);
  auto type = cast<RankedTensorType>(data.getType());
  auto op = model.builder.create<fm::WeightOp>(loc, type,
                                               FlatSymbolRefAttr::get(symbol));
  fm::SymTensor tensor;
  tensor.elementType = type.getElementType();
  for (int64_t size : type.getShape())
    tensor.dims.push_back(model.scope.cst(size));
  model.scope.set(op.getResult(), std::move(tensor));
  return op.getResult();
}

Value GraphImporter::weight(TensorData data, StringRef name,
                            const ::onnx::TensorProto *proto, Location loc) {
  MLIRContext *context = model.builder.getContext();
  auto emit = [&] { return emitError(loc) << "tensor '" << name << "': "; };
  OpBuilder builder(context);
  // The symbol table makes the name unique. @main is last.
  auto op = builder.create<fm::WeightDataOp>(
      loc, name.empty() ? StringRef("weight") : name, data.type, data.file,
      data.offset, data.length, 0);
  StringAttr symbol =
      model.symbols.insert(op, std::prev(model.module.getBody()->end()));
  if (data.isAbsent) {
    op.setAbsent(true);
    op.setLength(fm::storageBytes(data.type));
    if (proto)
      model.weightOf[proto] = symbol;
    return weightOp(symbol, loc);
  }
  if (data.file.empty()) {
    data.length = data.bytes.size();
    model.weights.addBytes(symbol, std::move(data.bytes));
  } else {
    SmallString<256> path(model.directory);
    llvm::sys::path::append(path, data.file);
    if (llvm::Error error =
            model.weights.addFile(symbol, path, data.offset, data.length)) {
      emit() << llvm::toString(std::move(error));
      model.symbols.erase(op);
      return {};
    }
  }
  ArrayRef<char> bytes = *model.weights.find(symbol);
  if (!data.file.empty() && isSmall(data.type)) {
    TensorData here;
    here.type = data.type;
    here.bytes.assign(bytes.begin(), bytes.end());
    model.weights.erase(symbol);
    model.symbols.erase(op);
    return tensorValue(std::move(here), name, proto, loc);
  }
  uint64_t hash = WeightStore::hash(bytes);
  op.setLength(data.length);
  op.setHash(static_cast<int64_t>(hash));
  if (proto) {
    model.weightOf[proto] = symbol;
    return weightOp(symbol, loc);
  }
  // Tensors in bodies that are imported more than once are one weight.
  StringAttr &same = model.weightByHash[hash];
  if (same) {
    auto other = model.symbols.lookup<fm::WeightDataOp>(same);
    if (other.getType() == data.type && *model.weights.find(same) == bytes) {
      model.weights.erase(symbol);
      model.symbols.erase(op);
      symbol = same;
    }
  }
  same = symbol;
  return weightOp(symbol, loc);
}

Value GraphImporter::tensorValue(TensorData data, StringRef name,
                                 const ::onnx::TensorProto *proto,
                                 Location loc) {
  for (const std::string &text : data.strings) {
    int64_t number = numberOf(model, text);
    const char *bytes = reinterpret_cast<const char *>(&number);
    data.bytes.insert(data.bytes.end(), bytes, bytes + sizeof number);
  }
  if (!data.file.empty() || !isSmall(data.type))
    return weight(std::move(data), name, proto, loc);
  auto op = fm::createOp<fm::ConstantOp>(model.builder, loc, model.scope,
                                         denseAttr(data.type, data.bytes));
  return op ? op.getResult() : Value();
}

Value GraphImporter::tensorValue(const ::onnx::TensorProto &proto,
                                 StringRef name, Location loc) {
  const ::onnx::TensorProto *key = copied ? nullptr : &proto;
  if (auto known = model.weightOf.find(key); known != model.weightOf.end())
    return weightOp(known->second, loc);
  auto emit = [&] { return emitError(loc) << "tensor '" << name << "': "; };
  if (model.withoutWeights) {
    auto type = tensorType(proto, model.builder.getContext(), emit);
    if (failed(type))
      return {};
    if (!isSmall(*type)) {
      TensorData absent;
      absent.type = *type;
      absent.isAbsent = true;
      return weight(std::move(absent), name, key, loc);
    }
  }
  auto data = readTensor(proto, model.builder.getContext(), model.directory,
                         model.realDirectory, emit);
  if (failed(data))
    return {};
  return tensorValue(std::move(*data), name, key, loc);
}

void GraphImporter::importInitializers(const ::onnx::GraphProto &graph) {
  llvm::StringSet<> used;
  for (const ::onnx::NodeProto &node : graph.node())
    for (StringRef name : usedNames(node))
      used.insert(name);
  for (const ::onnx::ValueInfoProto &output : graph.output())
    used.insert(output.name());
  llvm::StringSet<> seen;
  auto import = [&](StringRef name, auto makeValue) {
    Location loc =
        NameLoc::get(StringAttr::get(model.builder.getContext(), name));
    if (name.empty() || !seen.insert(name).second) {
      emitError(loc) << (name.empty() ? "an initializer has no name"
                                      : "there are two initializers '")
                     << name << (name.empty() ? "" : "'");
      return;
    }
    if (!used.contains(name))
      return;
    Value value = makeValue(loc);
    bind(name, value ? Binding::tensor(value) : Binding::failed());
  };
  for (const ::onnx::TensorProto &tensor : graph.initializer())
    import(tensor.name(), [&](Location loc) {
      return tensorValue(tensor, tensor.name(), loc);
    });
  for (const ::onnx::SparseTensorProto &tensor : graph.sparse_initializer())
    import(tensor.values().name(), [&](Location loc) {
      auto data = readSparse(tensor, model.builder.getContext(),
                             model.directory, model.realDirectory, [&] {
                               return emitError(loc) << "sparse tensor: ";
                             });
      return succeeded(data) ? tensorValue(std::move(*data),
                                           tensor.values().name(), nullptr, loc)
                             : Value();
    });
}
