//===- MalformedTest.cpp - Models that are not ----------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TestModels.h"

#include <random>

using namespace narae;
using namespace narae::test;

static void expectRefused(Model &m, const std::string &bytes,
                          const char *part) {
  m.messages.clear();
  EXPECT_FALSE(m.importBytes(bytes));
  EXPECT_NE(m.messages.find(part), std::string::npos) << m.messages;
  EXPECT_EQ(std::count(m.messages.begin(), m.messages.end(), '\n'), 1);
}

static void addSmallModel(Model &m) {
  m.graph.input("x", {2, 3});
  m.graph.floats("w", {3, 8});
  m.graph.node("MatMul", {"x", "w"}, {"y"});
  m.graph.ints("shape", {4, 4});
  m.graph.node("Reshape", {"y", "shape"}, {"z"});
  m.graph.output("z");
}

TEST(OnnxMalformed, NoModel) {
  Model m;
  expectRefused(m, "", "the file is empty");
  expectRefused(m, "not a model at all", "not an ONNX model");
  addSmallModel(m);
  std::string bytes = m.proto.SerializeAsString();
  expectRefused(m, bytes.substr(0, bytes.size() / 2), "not an ONNX model");
}

TEST(OnnxMalformed, Files) {
  Model m;
  std::string text;
  mlir::ScopedDiagnosticHandler handler(&m.context, [&](mlir::Diagnostic &d) {
    text += d.str();
    return mlir::success();
  });
  EXPECT_FALSE(
      narae::onnx::importOnnx("/nonexistent/m.onnx", m.context, m.weights, {}));
  EXPECT_NE(text.find("cannot read"), std::string::npos);
  EXPECT_FALSE(narae::onnx::importOnnx("/", m.context, m.weights, {}));
  EXPECT_NE(text.find("is a folder"), std::string::npos);
}

TEST(OnnxMalformed, Versions) {
  Model m;
  addSmallModel(m);
  m.proto.mutable_opset_import(0)->set_version(999);
  EXPECT_FALSE(m.import());
  EXPECT_NE(m.messages.find("operator set 999, newer"), std::string::npos);
  m.proto.mutable_opset_import(0)->set_version(20);
  m.proto.set_ir_version(1000);
  m.messages.clear();
  EXPECT_FALSE(m.import());
  EXPECT_NE(m.messages.find("IR version 1000"), std::string::npos);
}

TEST(OnnxMalformed, AttributeOfAnotherType) {
  Model m;
  m.graph.input("x", {2, 3});
  setInt(m.graph.node("Transpose", {"x"}, {"y"}), "perm", 1);
  m.graph.output("y");
  ASSERT_FALSE(m.import());
  EXPECT_NE(m.messages.find("has another type"), std::string::npos);
}

TEST(OnnxMalformed, MissingInputs) {
  for (const char *op :
       {"Gather",     "Reshape",   "Slice",    "Concat", "Where", "If",
        "Loop",       "Scan",      "Constant", "Pad",    "TopK",  "Split",
        "SequenceAt", "Cast",      "OneHot",   "Range",  "Conv",  "LSTM",
        "Resize",     "Attention", "Gemm"}) {
    Model m;
    m.graph.node(op, {}, {"y"});
    m.graph.output("y");
    EXPECT_FALSE(m.import()) << op;
    EXPECT_FALSE(m.messages.empty()) << op;
  }
}

/// Bytes changed at random never crash and never pass in silence.
TEST(OnnxMalformed, Mutations) {
  Model original;
  addSmallModel(original);
  const std::string bytes = original.proto.SerializeAsString();
  std::mt19937 random(7);
  for (int round = 0; round < 3000; ++round) {
    std::string changed = bytes;
    for (unsigned i = 0; i < 1 + random() % 4; ++i)
      changed[random() % changed.size()] = static_cast<char>(random());
    Model m;
    if (!m.importBytes(changed))
      EXPECT_FALSE(m.messages.empty());
  }
}
