//===- ImportRecurrent.cpp - LSTM, GRU and RNN ----------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/onnx/Compose.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSwitch.h"

#include <cmath>

using namespace mlir;
using llvm::SmallVector;
using llvm::StringRef;

namespace narae::onnx {

namespace {
/// The activation functions of all gates and directions.
struct Activations {
  SmallVector<Attribute> names;
  SmallVector<double> alpha, beta;
};
} // namespace

/// ONNX's spelling of an activation's name in any case; "" if there is none.
static StringRef canonicalName(StringRef name) {
  return llvm::StringSwitch<StringRef>(name.lower())
      .Case("relu", "Relu")
      .Case("tanh", "Tanh")
      .Case("sigmoid", "Sigmoid")
      .Case("affine", "Affine")
      .Case("leakyrelu", "LeakyRelu")
      .Case("thresholdedrelu", "ThresholdedRelu")
      .Case("scaledtanh", "ScaledTanh")
      .Case("hardsigmoid", "HardSigmoid")
      .Case("elu", "Elu")
      .Case("softsign", "Softsign")
      .Case("softplus", "Softplus")
      .Default("");
}

/// Gives each activation its alpha (or beta). A list as long as that of the
/// functions is by position; a shorter one is for those that use the value.
static SmallVector<double> spread(llvm::ArrayRef<double> values,
                                  llvm::ArrayRef<std::string> names,
                                  llvm::ArrayRef<StringRef> users) {
  SmallVector<double> result(names.size(), NAN);
  if (values.size() == names.size()) {
    result.assign(values.begin(), values.end());
    return result;
  }
  size_t next = 0;
  for (auto [i, name] : llvm::enumerate(names))
    if (llvm::is_contained(users, StringRef(name)) && next < values.size())
      result[i] = values[next++];
  return result;
}

static FailureOr<Activations>
readActivations(const Node &n, llvm::ArrayRef<StringRef> defaults,
                int64_t directions) {
  SmallVector<std::string> names = n.strsAttr("activations");
  size_t count = defaults.size() * directions;
  if (names.empty())
    for (int64_t d = 0; d < directions; ++d)
      for (StringRef name : defaults)
        names.push_back(name.str());
  if (names.size() != count)
    return n.error() << "activations has " << names.size() << " names; "
                     << count << " are needed";
  Activations result;
  for (std::string &name : names) {
    StringRef canonical = canonicalName(name);
    if (canonical.empty())
      return n.error() << "the activation '" << name << "' is unknown";
    name = canonical.str();
    result.names.push_back(n.b.getStringAttr(name));
  }
  result.alpha = spread(n.floatsAttr("activation_alpha"), names,
                        {"Affine", "LeakyRelu", "ThresholdedRelu", "ScaledTanh",
                         "HardSigmoid", "Elu"});
  result.beta = spread(n.floatsAttr("activation_beta"), names,
                       {"Affine", "ScaledTanh", "HardSigmoid"});
  return result;
}

/// Inputs are X, W, R, B, sequence_lens, initial_h and, for the LSTM,
/// initial_c and P.
static LogicalResult recurrent(Node &n, StringRef kind, int64_t gates,
                               llvm::ArrayRef<StringRef> defaults) {
  for (unsigned i = 0; i < 3; ++i)
    if (failed(checkRank(n, i, 3, 3)))
      return failure();
  std::string direction = n.strAttr("direction", "forward");
  if (direction != "forward" && direction != "reverse" &&
      direction != "bidirectional")
    return n.error() << "direction is '" << direction
                     << "'; it must be forward, reverse or bidirectional";
  int64_t directions = direction == "bidirectional" ? 2 : 1;
  auto activations = readActivations(n, defaults, directions);
  if (failed(activations))
    return failure();
  int64_t hidden = n.intAttr("hidden_size", staticDim(n.input(2), 2));
  if (int64_t size = staticDim(n.input(2), 2); size >= 0 && size != hidden)
    return n.error() << "hidden_size is " << hidden << "; the weights are for "
                     << size;
  if (int64_t size = staticDim(n.input(1), 1);
      size >= 0 && hidden >= 0 && size != gates * hidden)
    return n.error() << "W is for " << size << " gate elements; "
                     << gates * hidden << " are needed";

  // With layout 1 the batch comes first in everything but the weights.
  bool batchFirst = n.intAttr("layout", 0);
  Value x = n.input(0);
  Maybe lengths = maybeInput(n, 4), h0 = maybeInput(n, 5),
        c0 = maybeInput(n, 6), peepholes = maybeInput(n, 7);
  if (lengths.value)
    lengths.value = n.cast(lengths.value, n.b.getI32Type());
  if (batchFirst) {
    x = n.transpose(x, {1, 0, 2});
    for (Maybe *state : {&h0, &c0})
      if (state->value)
        state->value = n.transpose(state->value, {1, 0, 2});
  }
  if (!x)
    return failure();
  fm::RecurrentOp op = fm::createOp<fm::RecurrentOp>(
      n.b, n.loc, n.scope, x, n.input(1), n.input(2), n.input(3), lengths.value,
      h0.value, c0.value, peepholes.value, kind, direction,
      n.b.getArrayAttr(activations->names),
      llvm::ArrayRef<double>(activations->alpha),
      llvm::ArrayRef<double>(activations->beta),
      llvm::APFloat(n.floatAttr("clip", 0)),
      bool(n.intAttr("linear_before_reset", 0)),
      bool(n.intAttr("input_forget", 0)));
  if (!op)
    return failure();
  Value y = op.getY(), h = op.getH(), c = op.getC();
  if (batchFirst) {
    y = n.transpose(y, {2, 0, 1, 3});
    h = n.transpose(h, {1, 0, 2});
    c = n.transpose(c, {1, 0, 2});
  }
  Value results[] = {y, h, c};
  for (auto [i, value] : llvm::enumerate(results))
    if (n.hasOutput(i) && failed(n.setOutput(i, value)))
      return failure();
  return success();
}

static LogicalResult lstm(Node &n) {
  return recurrent(n, "lstm", 4, {"Sigmoid", "Tanh", "Tanh"});
}
static LogicalResult gru(Node &n) {
  return recurrent(n, "gru", 3, {"Sigmoid", "Tanh"});
}
static LogicalResult rnn(Node &n) { return recurrent(n, "rnn", 1, {"Tanh"}); }

void registerRecurrent(ImporterTable &table) {
  table.add("LSTM", checked<lstm, 3>);
  table.add("GRU", checked<gru, 3>);
  table.add("RNN", checked<rnn, 3>);
}

} // namespace narae::onnx
