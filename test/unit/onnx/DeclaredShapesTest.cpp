//===- DeclaredShapesTest.cpp - Shapes that the model states --------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TestModels.h"

using namespace narae;
using namespace narae::test;

/// x [n, 3] times w [3, 8] is y, its negative z.
static void addModel(Model &m) {
  m.graph.input("x", {"n", 3});
  m.graph.floats("w", {3, 8});
  m.graph.node("MatMul", {"x", "w"}, {"y"});
  m.graph.node("Neg", {"y"}, {"z"});
}

static void addOutput(Model &m, std::vector<Dim> dims) {
  addValue(*m.graph.proto.add_output(), "z", std::move(dims),
           TensorProto::FLOAT);
}

TEST(OnnxDeclaredShapes, OutputsThatAgree) {
  // A symbol or an unknown size says nothing, and a size where the inferred
  // one is dynamic may come true.
  for (std::vector<Dim> dims : std::vector<std::vector<Dim>>{
           {"n", 8}, {"n", "k"}, {4, 8}, {-1, 8}, {"n", -1}}) {
    Model m;
    addModel(m);
    addOutput(m, dims);
    EXPECT_TRUE(m.import()) << m.messages;
    EXPECT_EQ(m.messages, "");
  }
  Model m;
  addModel(m);
  m.graph.output("z"); // no shape at all
  EXPECT_TRUE(m.import()) << m.messages;
}

TEST(OnnxDeclaredShapes, OutputsThatContradict) {
  struct Case {
    std::vector<Dim> dims;
    const char *declared;
  };
  for (const Case &test : std::vector<Case>{{{"n", 7}, "[n, 7]"},
                                            {{-1, 7}, "[?, 7]"},
                                            {{"n", 8, 1}, "[n, 8, 1]"},
                                            {{}, "[]"}}) {
    Model m;
    addModel(m);
    addOutput(m, test.dims);
    EXPECT_FALSE(m.import());
    std::string want = "output 'z' is declared with the shape " +
                       std::string(test.declared) +
                       ", but its nodes make [?, 8]";
    EXPECT_NE(m.messages.find(want), std::string::npos) << m.messages;
    EXPECT_EQ(std::count(m.messages.begin(), m.messages.end(), '\n'), 1);
  }
}

TEST(OnnxDeclaredShapes, AllOutputsAreNamed) {
  Model m;
  addModel(m);
  addOutput(m, {"n", 7});
  addValue(*m.graph.proto.add_output(), "y", {2}, TensorProto::FLOAT);
  EXPECT_FALSE(m.import());
  EXPECT_NE(m.messages.find("output 'z'"), std::string::npos) << m.messages;
  EXPECT_NE(m.messages.find("output 'y'"), std::string::npos) << m.messages;
}

TEST(OnnxDeclaredShapes, OtherValuesAreWarnedOf) {
  Model m;
  addModel(m);
  addOutput(m, {"n", 8});
  addValue(*m.graph.proto.add_value_info(), "y", {"n", 9}, TensorProto::FLOAT);
  addValue(*m.graph.proto.add_value_info(), "none", {1}, TensorProto::FLOAT);
  EXPECT_TRUE(m.import()) << m.messages;
  EXPECT_NE(m.messages.find("'y'"), std::string::npos) << m.messages;
  EXPECT_NE(m.messages.find("[n, 9]"), std::string::npos) << m.messages;
  EXPECT_NE(m.messages.find("[?, 8]"), std::string::npos) << m.messages;
  EXPECT_EQ(std::count(m.messages.begin(), m.messages.end(), '\n'), 1);
}

TEST(OnnxDeclaredShapes, ManyWarningsAreOne) {
  Model m;
  addModel(m);
  std::string last = "z";
  for (int i = 0; i < 50; ++i) {
    std::string name = "v" + std::to_string(i);
    m.graph.node("Abs", {last}, {name});
    addValue(*m.graph.proto.add_value_info(), name, {1, 2, 3},
             TensorProto::FLOAT);
    last = name;
  }
  m.graph.output("z");
  EXPECT_TRUE(m.import()) << m.messages;
  EXPECT_NE(m.messages.find("50 values"), std::string::npos) << m.messages;
  EXPECT_NE(m.messages.find("'v0'"), std::string::npos) << m.messages;
  EXPECT_EQ(std::count(m.messages.begin(), m.messages.end(), '\n'), 1);
}
