//===- EntryPoint.cpp - Inputs and outputs of the model -------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/onnx/EntryPoint.h"

#include "lib/frontend/onnx/DeclaredShapes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;
using namespace narae;
using namespace narae::onnx;

namespace {
/// An argument of @main.
struct Input {
  std::string name;
  RankedTensorType type;
  SmallVector<std::string> dims; ///< names, "" where there is none
  SmallVector<DimRange> bounds;
  bool keepsSizes = false; ///< when sizes are forgotten
};

/// Reads the declarations of inputs and what the options say of them.
class Inputs {
public:
  Inputs(MLIRContext *context, const ImportOptions &options)
      : context(context), options(options) {}

  void add(const ::onnx::ValueInfoProto &info);
  /// Reports options that fit no input.
  void checkOptions(Location loc) const;

  std::vector<Input> list;

private:
  int64_t size(Input &input, const ::onnx::TensorShapeProto::Dimension &dim,
               int64_t axis, Location loc);

  MLIRContext *context;
  const ImportOptions &options;
  std::vector<std::string> known; ///< names that options can use
};
} // namespace

/// Reads one dimension; returns its size or kDynamic.
int64_t Inputs::size(Input &input,
                     const ::onnx::TensorShapeProto::Dimension &dim,
                     int64_t axis, Location loc) {
  std::string position = input.name + "." + std::to_string(axis);
  std::string name = dimName(dim);
  // Some exporters write unknown sizes as negative ones.
  bool fixed = dim.has_dim_value() && dim.dim_value() >= 0;
  int64_t declared = fixed ? dim.dim_value() : ShapedType::kDynamic;
  if (!name.empty() && !llvm::is_contained(known, name))
    known.push_back(name);
  known.push_back(position);
  input.dims.push_back("");
  input.bounds.push_back({});
  if (options.allDynamic && !input.keepsSizes)
    return ShapedType::kDynamic;
  auto option = options.dims.find(position);
  if (option == options.dims.end() && !name.empty())
    option = options.dims.find(name);
  if (option == options.dims.end()) {
    input.dims.back() = name;
    return declared;
  }
  DimRange range = option->second;
  if (range.min < 0 || (range.max >= 0 && range.max < range.min)) {
    emitError(loc) << "dimension '" << option->first << "' cannot be "
                   << range.min << ".." << range.max;
    return declared;
  }
  if (fixed) {
    if (declared < range.min || (range.max >= 0 && declared > range.max))
      emitError(loc) << "dimension '" << option->first << "' is " << declared
                     << " in the model and cannot be changed; export the "
                        "model with a dynamic dimension";
    return declared;
  }
  if (range.min == range.max)
    return range.min;
  input.dims.back() = name;
  input.bounds.back() = range;
  return ShapedType::kDynamic;
}

void Inputs::add(const ::onnx::ValueInfoProto &info) {
  Location loc = NameLoc::get(StringAttr::get(context, info.name()));
  Input input;
  input.name = info.name();
  if (!info.type().has_tensor_type()) {
    emitError(loc) << "input '" << info.name()
                   << "' is not a tensor; sequences, optionals and maps are "
                      "supported inside of the model only";
    return;
  }
  const ::onnx::TypeProto::Tensor &tensor = info.type().tensor_type();
  Type element = elementType(tensor.elem_type(), context, [&] {
    return emitError(loc) << "input '" << info.name() << "': ";
  });
  if (!tensor.has_shape()) {
    emitError(loc) << "input '" << info.name()
                   << "' has no shape; its rank must be known: run "
                      "onnx.shape_inference or export the model with shapes";
    return;
  }
  // The lengths of shapes and axes decide ranks, which are always static.
  input.keepsSizes =
      element && element.isInteger() && tensor.shape().dim_size() == 1;
  SmallVector<int64_t> shape, known;
  for (auto [axis, dim] : llvm::enumerate(tensor.shape().dim())) {
    shape.push_back(size(input, dim, axis, loc));
    if (!ShapedType::isDynamic(shape.back()))
      known.push_back(shape.back());
  }
  if (!elementCount(known)) {
    emitError(loc) << "input '" << info.name() << "' has too many elements";
    return;
  }
  if (!element)
    return;
  input.type = RankedTensorType::get(shape, element);
  list.push_back(std::move(input));
}

void Inputs::checkOptions(Location loc) const {
  for (auto &[name, range] : options.dims) {
    if (llvm::is_contained(known, name))
      continue;
    InFlightDiagnostic diagnostic = emitError(loc);
    diagnostic << "no input has a dimension '" << name << "'";
    if (known.empty())
      continue;
    diagnostic << "; the dimensions are ";
    llvm::interleaveComma(known, diagnostic);
  }
}

/// Attributes of an argument: its name, dimensions and their bounds.
static DictionaryAttr attributes(Builder &b, const Input &input) {
  SmallVector<Attribute> dims, bounds;
  for (auto [name, range] : llvm::zip(input.dims, input.bounds)) {
    dims.push_back(b.getStringAttr(name));
    bounds.push_back(b.getI64IntegerAttr(range.min));
    bounds.push_back(b.getI64IntegerAttr(range.max));
  }
  return b.getDictionaryAttr({
      b.getNamedAttr("fm.bounds", b.getArrayAttr(bounds)),
      b.getNamedAttr("fm.dims", b.getArrayAttr(dims)),
      b.getNamedAttr("fm.name", b.getStringAttr(input.name)),
  });
}

/// Attributes of a result; the names of dimensions are hints.
static DictionaryAttr
attributes(Builder &b, const ::onnx::ValueInfoProto &output, int64_t rank) {
  SmallVector<Attribute> dims(rank, b.getStringAttr(""));
  const ::onnx::TensorShapeProto &shape = output.type().tensor_type().shape();
  if (shape.dim_size() == rank)
    for (int64_t i = 0; i < rank; ++i)
      dims[i] = b.getStringAttr(dimName(shape.dim(i)));
  return b.getDictionaryAttr({
      b.getNamedAttr("fm.dims", b.getArrayAttr(dims)),
      b.getNamedAttr("fm.name", b.getStringAttr(output.name())),
  });
}

void narae::onnx::importMain(ModelState &state, const ::onnx::GraphProto &graph,
                             const Opsets &opsets,
                             const ImportOptions &options) {
  OpBuilder &b = state.builder;
  Location loc = state.module.getLoc();
  // Initializers that are inputs too are weights; overriding them at run time
  // is not supported.
  llvm::StringSet<> initialized, names;
  for (const ::onnx::TensorProto &tensor : graph.initializer())
    initialized.insert(tensor.name());
  for (const ::onnx::SparseTensorProto &tensor : graph.sparse_initializer())
    initialized.insert(tensor.values().name());
  Inputs inputs(b.getContext(), options);
  for (const ::onnx::ValueInfoProto &info : graph.input()) {
    if (info.name().empty() || !names.insert(info.name()).second)
      emitError(loc) << "an input has no name, or '" << info.name()
                     << "' is the name of two";
    else if (!initialized.contains(info.name()))
      inputs.add(info);
  }
  inputs.checkOptions(loc);

  SmallVector<Type> types;
  SmallVector<DictionaryAttr> argAttrs, resultAttrs;
  for (const Input &input : inputs.list) {
    types.push_back(input.type);
    argAttrs.push_back(attributes(b, input));
  }
  b.setInsertionPointToEnd(state.module.getBody());
  auto main = b.create<func::FuncOp>(loc, "main", b.getFunctionType(types, {}),
                                     ArrayRef<NamedAttribute>(), argAttrs);
  state.symbols.insert(main); // weights get other names
  Block *entry = main.addEntryBlock();
  b.setInsertionPointToStart(entry);
  GraphImporter importer(state, opsets);
  for (const ::onnx::ValueInfoProto &info : graph.input())
    importer.bind(info.name(), Binding::failed());
  for (auto [input, value] : llvm::zip(inputs.list, entry->getArguments()))
    importer.bind(input.name, Binding::tensor(value));
  importer.importInitializers(graph);
  importer.importNodes(graph.node());
  checkDeclaredShapes(importer, graph);

  SmallVector<Value> results;
  if (graph.output().empty())
    emitError(loc) << "the model has no outputs";
  names.clear();
  for (const ::onnx::ValueInfoProto &output : graph.output()) {
    const Binding *binding = importer.lookup(output.name());
    if (!names.insert(output.name()).second)
      emitError(loc) << "two outputs have the name '" << output.name() << "'";
    else if (!binding || output.name().empty())
      emitError(loc) << "output '" << output.name()
                     << "' is not defined by any node";
    else if (binding->kind == Binding::Tensor) {
      results.push_back(binding->value);
      int64_t rank = cast<ShapedType>(binding->value.getType()).getRank();
      resultAttrs.push_back(attributes(b, output, rank));
    } else if (binding->kind != Binding::Failed)
      emitError(loc) << "output '" << output.name()
                     << "' is a sequence or an optional; outputs must be "
                        "tensors";
  }
  if (state.errors)
    return;
  if (!state.strings.empty())
    state.module->setAttr("fm.strings", b.getArrayAttr(state.strings));
  b.create<func::ReturnOp>(loc, results);
  main.setFunctionType(
      b.getFunctionType(types, TypeRange(ValueRange(results))));
  main.setAllResultAttrs(resultAttrs);
}
