//===- BuildEncoder.cpp - The fm graph of a text encoder ------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/language/BuildEncoder.h"

#include "lib/frontend/language/Graph.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace narae;
using namespace narae::language;

static Value layerNorm(Graph &g, const LayerNorm &norm, Value x) {
  Graph::At at(g, blockName(norm.scale), "norm");
  return g.make<fm::LayerNormOp>(x, g.weight(norm.scale), g.weight(norm.bias),
                                 uint64_t(2), llvm::APFloat(norm.epsilon));
}

/// Rows of a table of embeddings, in f32.
static Value rows(Graph &g, const Weight &table, Value indices) {
  Graph::At at(g, blockName(table), "embedding");
  return g.cast(g.make<fm::GatherOp>(g.raw(table), indices, uint64_t(0)),
                g.b.getF32Type());
}

static Value embed(Graph &g, const EncoderModel &model, Value ids,
                   Value types) {
  Value x =
      g.sum(rows(g, model.embedding, ids), rows(g, model.typeEmbedding, types));
  Graph::At at(g, "positions", "embedding");
  Value length =
      g.make<fm::ShapeOfOp>(ids, uint64_t(1), g.b.getI64IntegerAttr(2));
  Value positions =
      g.make<fm::IotaOp>(length, uint64_t(0), Type(g.b.getI64Type()));
  x = g.sum(x, rows(g, model.positionEmbedding, positions));
  return layerNorm(g, model.embeddingNorm, x);
}

/// 0 where a key may be seen and the least number elsewhere: [B, 1, 1, T].
static Value additiveMask(Graph &g, Value mask) {
  Graph::At at(g, "attention_mask", "mask");
  Value zero = g.make<fm::ConstantOp>(cast<ElementsAttr>(DenseElementsAttr::get(
      RankedTensorType::get({}, g.b.getI64Type()), int64_t(0))));
  Value seen = g.make<fm::CmpOp>(mask, zero, StringRef("ne"));
  Value added = g.make<fm::SelectOp>(
      seen, g.scalar(0), g.scalar(std::numeric_limits<float>::lowest()));
  return g.unsqueeze(g.unsqueeze(added, 1), 1);
}

static Value attention(Graph &g, const EncoderModel &model,
                       const EncoderLayer &layer, Value mask, Value x) {
  int64_t size = model.hidden / model.heads;
  auto heads = [&](const Linear &linear) {
    Value y = g.linear(x, linear);
    Graph::At at(g, blockName(linear.weight), "heads");
    // 0: as before.
    return g.make<fm::ReshapeOp>(y, g.ints({0, 0, model.heads, size}),
                                 /*allow_zero=*/false);
  };
  Value query = heads(layer.query), key = heads(layer.key),
        value = heads(layer.value);
  Graph::At at(g, parentName(layer.query.weight), "attention");
  Value y = g.make<fm::AttentionOp>(
      query, key, value, mask, llvm::APFloat(1 / std::sqrt(double(size))),
      /*causal=*/false, /*causal_end=*/false, llvm::APFloat(0.0),
      /*q_bshd=*/true, /*kv_bshd=*/true, /*out_bshd=*/true);
  y = g.make<fm::ReshapeOp>(y, g.ints({0, 0, model.hidden}),
                            /*allow_zero=*/false);
  return g.linear(y, layer.output);
}

static DictionaryAttr named(Builder &b, StringRef name,
                            ArrayRef<StringRef> dims, int64_t longest) {
  SmallVector<NamedAttribute> list;
  if (dims.size() == 2) {
    list.push_back(
        b.getNamedAttr("fm.bounds", b.getI64ArrayAttr({0, -1, 1, longest})));
  }
  list.push_back(b.getNamedAttr("fm.dims", b.getStrArrayAttr(dims)));
  list.push_back(b.getNamedAttr("fm.name", b.getStringAttr(name)));
  return b.getDictionaryAttr(list);
}

static void buildMain(ModuleOp module, const EncoderModel &model,
                      Weights &weights) {
  OpBuilder b = OpBuilder::atBlockEnd(module.getBody());
  auto ids = RankedTensorType::get({ShapedType::kDynamic, ShapedType::kDynamic},
                                   b.getI64Type());
  SmallVector<DictionaryAttr> arguments;
  for (StringRef name : {"input_ids", "attention_mask", "token_type_ids"})
    arguments.push_back(named(b, name, {"batch", "seq"}, model.maxPositions));
  SmallVector<Type> inputs(3, ids);
  auto func = b.create<func::FuncOp>(module.getLoc(), "main",
                                     b.getFunctionType(inputs, {}),
                                     ArrayRef<NamedAttribute>(), arguments);
  Block *block = func.addEntryBlock();
  b.setInsertionPointToStart(block);
  Graph g(b, module.getLoc(), weights);
  Value x = embed(g, model, block->getArgument(0), block->getArgument(2));
  Value mask = additiveMask(g, block->getArgument(1));
  for (const EncoderLayer &layer : model.layers) {
    x = layerNorm(g, layer.attentionNorm,
                  g.sum(x, attention(g, model, layer, mask, x)));
    Value wide = buildActivation(g, model.activation, g.linear(x, layer.up));
    x = layerNorm(g, layer.mlpNorm, g.sum(x, g.linear(wide, layer.down)));
  }
  if (!x)
    return;
  b.create<func::ReturnOp>(module.getLoc(), x);
  func.setFunctionType(b.getFunctionType(inputs, TypeRange(x.getType())));
  func.setResultAttrs(
      0, named(b, "last_hidden_state", {"batch", "seq", "hidden"}, 0));
}

OwningOpRef<ModuleOp> language::buildEncoder(const EncoderModel &model,
                                             StringRef directory,
                                             MLIRContext &context,
                                             WeightStore &store) {
  context.loadDialect<func::FuncDialect, fm::FmDialect>();
  Location loc = NameLoc::get(StringAttr::get(&context, model.name));
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  unsigned errors = 0;
  ScopedDiagnosticHandler counter(&context, [&](Diagnostic &diagnostic) {
    errors += diagnostic.getSeverity() == DiagnosticSeverity::Error;
    return failure();
  });
  Weights weights(*module, store, directory, model.withoutWeights);
  for (const Attachment &attachment : model.attachments)
    weights.attach(attachment);
  buildMain(*module, model, weights);
  if (errors)
    return {};
  return module;
}
