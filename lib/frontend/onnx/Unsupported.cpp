//===- Unsupported.cpp - Which ops of a model have no importer ------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/onnx/GraphImporter.h"

#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace narae;
using namespace narae::onnx;

/// Why some ops will not come, and what to do instead.
static StringRef reason(StringRef op) {
  return llvm::StringSwitch<StringRef>(op)
      .Cases("CategoryMapper", "DictVectorizer",
             "do the text processing outside of the model")
      .Cases("RandomNormal", "RandomNormalLike", "RandomUniform",
             "RandomUniformLike", "Multinomial", "Bernoulli",
             "its result is random: make the random numbers an input")
      .Case("ImageDecoder", "decode images outside of the model")
      .Default("");
}

/// The importer's name nearest to an op that has none; "" when none is near.
static std::string nearest(StringRef domain, StringRef op) {
  std::string best;
  unsigned bestDistance = 3;
  for (const std::string &name : ImporterTable::get().names()) {
    auto [otherDomain, otherOp] = StringRef(name).split(':');
    if (otherOp == op && otherDomain != domain)
      return (Twine(otherOp) + "' of the " +
              (otherDomain.empty() ? "default" : otherDomain) + " domain")
          .str();
    unsigned distance = op.edit_distance_insensitive(otherOp);
    if (otherDomain == domain && distance < bestDistance && distance > 0) {
      best = otherOp.str() + "'";
      bestDistance = distance;
    }
  }
  return best;
}

namespace {
/// Walks the nodes that would be imported, every function once.
class Collector {
public:
  Collector(const ModelState &state) : state(state) {}

  void visit(const GraphImporter::Nodes &nodes, const std::string &prefix) {
    for (auto [i, node] : llvm::enumerate(nodes)) {
      std::string name = node.name().empty()
                             ? node.op_type() + "_" + std::to_string(i)
                             : node.name();
      auto function = state.functions.find(functionKey(node));
      if (function != state.functions.end()) {
        if (visited.insert(function->second).second)
          visit(function->second->node(), prefix + name + "/");
        continue;
      }
      if (!ImporterTable::get().find(domainOf(node), node.op_type()))
        found[{domainOf(node).str(), node.op_type()}].push_back(prefix + name);
      for (const ::onnx::AttributeProto &attr : node.attribute()) {
        visit(attr.g().node(), prefix);
        for (const ::onnx::GraphProto &graph : attr.graphs())
          visit(graph.node(), prefix);
      }
    }
  }

  const ModelState &state;
  llvm::DenseSet<const ::onnx::FunctionProto *> visited;
  llvm::MapVector<std::pair<std::string, std::string>, std::vector<std::string>,
                  std::map<std::pair<std::string, std::string>, unsigned>>
      found;
};
} // namespace

void narae::onnx::reportUnsupportedOps(const ::onnx::ModelProto &model,
                                       const ModelState &state) {
  Collector collector(state);
  collector.visit(model.graph().node(), "");
  MLIRContext *context = state.builder.getContext();
  for (auto &[op, names] : collector.found) {
    auto &[domain, type] = op;
    InFlightDiagnostic diagnostic = emitError(NameLoc::get(
        StringAttr::get(context, names.front() + " (" + type + ")")));
    diagnostic << "op '" << type << "'";
    if (!domain.empty())
      diagnostic << " of domain '" << domain << "'";
    diagnostic << " is not supported";
    if (StringRef why = reason(type); !why.empty())
      diagnostic << ": " << why;
    else if (std::string other = nearest(domain, type); !other.empty())
      diagnostic << "; did you mean '" << other << "?";
    if (names.size() == 1)
      continue;
    constexpr size_t shown = 8;
    diagnostic << " (" << names.size() << " nodes: ";
    llvm::interleaveComma(ArrayRef(names).take_front(shown), diagnostic);
    diagnostic << (names.size() > shown ? ", ...)" : ")");
  }
}
