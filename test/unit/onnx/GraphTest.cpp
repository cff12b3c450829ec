//===- GraphTest.cpp - Graphs, nested graphs and functions ----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TestModels.h"

using namespace narae;
using namespace narae::test;
using testing::Test;

static bool contains(const std::string &text, const char *part) {
  return text.find(part) != std::string::npos;
}

TEST(OnnxGraph, NodesInAnyOrder) {
  Model m;
  m.graph.input("x", {2, 3});
  m.graph.node("Relu", {"y"}, {"z"});
  m.graph.node("Abs", {"x"}, {"y"});
  m.graph.output("z");
  ASSERT_TRUE(m.import()) << m.messages;
  EXPECT_EQ(m.resultType().getShape(), llvm::ArrayRef<int64_t>({2, 3}));
}

TEST(OnnxGraph, CycleNamesItsNodes) {
  Model m;
  m.graph.input("x", {2});
  m.graph.node("Add", {"x", "c"}, {"a"}).set_name("first");
  m.graph.node("Abs", {"a"}, {"b"}).set_name("second");
  m.graph.node("Neg", {"b"}, {"c"}).set_name("third");
  m.graph.output("c");
  ASSERT_FALSE(m.import());
  EXPECT_TRUE(contains(m.messages, "cycle of 3 nodes")) << m.messages;
  EXPECT_TRUE(contains(m.messages, "second (Abs)")) << m.messages;
}

TEST(OnnxGraph, EveryProblemIsReported) {
  Model m;
  m.graph.input("x", {2, 3});
  m.graph.node("Fancy", {"x"}, {"a"}).set_name("n1");
  m.graph.node("Fancy", {"a"}, {"b"}).set_name("n2");
  m.graph.node("Reluu", {"x"}, {"c"}).set_name("n3");
  m.graph.node("Add", {"x", "missing"}, {"d"}).set_name("n4");
  auto &transpose = m.graph.node("Transpose", {"x"}, {"e"});
  setInts(transpose, "perm", {0, 0});
  m.graph.output("b");
  m.graph.output("e");
  ASSERT_FALSE(m.import());
  EXPECT_TRUE(contains(m.messages, "op 'Fancy' is not supported (2 nodes: "
                                   "n1, n2)"))
      << m.messages;
  EXPECT_TRUE(contains(m.messages, "did you mean 'Relu'?")) << m.messages;
  EXPECT_TRUE(contains(m.messages, "uses 'missing'")) << m.messages;
  EXPECT_TRUE(contains(m.messages, "Transpose_4 (Transpose)")) << m.messages;
}

TEST(OnnxGraph, DuplicateDefinition) {
  Model m;
  m.graph.input("x", {2});
  m.graph.node("Abs", {"x"}, {"y"}).set_name("one");
  m.graph.node("Neg", {"x"}, {"y"}).set_name("two");
  m.graph.output("y");
  ASSERT_FALSE(m.import());
  EXPECT_TRUE(contains(m.messages, "defines 'y'")) << m.messages;
}

TEST(OnnxGraph, InitializersThatAreInputsAreWeights) {
  Model m;
  m.graph.input("x", {20});
  m.graph.input("w", {20});
  m.graph.floats("w", {20});
  m.graph.node("Add", {"x", "w"}, {"y"});
  m.graph.output("y");
  ASSERT_TRUE(m.import()) << m.messages;
  EXPECT_EQ(m.main().getNumArguments(), 1u);
  EXPECT_EQ(m.count<fm::WeightDataOp>(), 1u);
  EXPECT_EQ(m.weights.find("w")->size(), 80u);
}

TEST(OnnxGraph, WeightsKeepTheirOrderAndAvoidMain) {
  Model m;
  m.graph.input("x", {20});
  for (const char *name : {"main", "b", "a"}) {
    m.graph.floats(name, {20});
    m.graph.node("Add", {"x", name}, {std::string("y_") + name});
    m.graph.output(std::string("y_") + name);
  }
  ASSERT_TRUE(m.import()) << m.messages;
  std::vector<std::string> names;
  m.module->walk(
      [&](fm::WeightDataOp op) { names.push_back(op.getSymName().str()); });
  EXPECT_EQ(names, (std::vector<std::string>{"main_0", "b", "a"}));
}

TEST(OnnxGraph, ShapeArithmeticFolds) {
  Model m;
  m.graph.input("x", {2, 3, 4});
  m.graph.node("Shape", {"x"}, {"s"});
  m.graph.ints("one", {1}, /*scalar=*/true);
  m.graph.ints("minus", {-1});
  m.graph.node("Gather", {"s", "one"}, {"d"});
  m.graph.ints("axis", {0});
  m.graph.node("Unsqueeze", {"d", "axis"}, {"d1"});
  auto &concat = m.graph.node("Concat", {"d1", "minus"}, {"shape"});
  setInt(concat, "axis", 0);
  m.graph.node("Reshape", {"x", "shape"}, {"y"});
  m.graph.output("y");
  ASSERT_TRUE(m.import()) << m.messages;
  EXPECT_EQ(m.resultType().getShape(), llvm::ArrayRef<int64_t>({3, 8}));
  m.module->walk([](fm::ReshapeOp op) {
    EXPECT_TRUE(op.getShape().getDefiningOp<fm::ConstantOp>());
  });
}

TEST(OnnxGraph, BranchesCaptureOuterValues) {
  Model m;
  m.graph.input("c", {}, TensorProto::BOOL);
  m.graph.input("x", {2});
  auto &node = m.graph.node("If", {"c"}, {"y"});
  Graph yes(setGraph(node, "then_branch")), no(setGraph(node, "else_branch"));
  yes.node("Abs", {"x"}, {"a"});
  yes.output("a");
  no.node("Neg", {"x"}, {"b"});
  no.output("b");
  m.graph.output("y");
  ASSERT_TRUE(m.import()) << m.messages;
  EXPECT_EQ(m.count<fm::IfOp>(), 1u);
}

/// y = y + x, `trips` times, with each y as a scan output.
static void addLoop(Model &m) {
  auto &node = m.graph.node("Loop", {"trips", "", "x"}, {"y", "ys"});
  Graph body(setGraph(node, "body"));
  body.input("i", {}, TensorProto::INT64);
  body.input("c", {}, TensorProto::BOOL);
  body.input("in", {2});
  body.node("Identity", {"c"}, {"c2"});
  body.node("Add", {"in", "x"}, {"out"});
  body.node("Identity", {"out"}, {"slice"});
  for (const char *name : {"c2", "out", "slice"})
    body.output(name);
  m.graph.output("y");
  m.graph.output("ys");
}

TEST(OnnxGraph, ShortLoopsUnroll) {
  Model m;
  m.graph.input("x", {2});
  m.graph.ints("trips", {3}, /*scalar=*/true);
  addLoop(m);
  ASSERT_TRUE(m.import()) << m.messages;
  EXPECT_EQ(m.count<fm::LoopOp>(), 0u);
  EXPECT_EQ(m.count<fm::AddOp>(), 3u);
  EXPECT_EQ(m.resultType(1).getShape(), llvm::ArrayRef<int64_t>({3, 2}));
}

TEST(OnnxGraph, OtherLoopsCollectScansInBuffers) {
  Model m;
  m.graph.input("x", {2});
  m.graph.input("trips", {}, TensorProto::INT64);
  addLoop(m);
  ASSERT_TRUE(m.import()) << m.messages;
  EXPECT_EQ(m.count<fm::LoopOp>(), 1u);
  EXPECT_EQ(m.count<fm::ScatterNdOp>(), 1u);
  EXPECT_EQ(m.resultType(1).getRank(), 2);
}

TEST(OnnxGraph, FunctionsAreImportedInPlace) {
  Model m;
  auto &function = *m.proto.add_functions();
  function.set_name("Shift");
  function.set_domain("mine");
  function.add_input("a");
  function.add_output("b");
  function.add_attribute("amount");
  function.add_opset_import()->set_version(20);
  auto &constant = *function.add_node();
  constant.set_op_type("Constant");
  constant.add_output("k");
  auto &attr = *constant.add_attribute();
  attr.set_name("value_float");
  attr.set_ref_attr_name("amount");
  attr.set_type(AttributeProto::FLOAT);
  auto &add = *function.add_node();
  add.set_op_type("Add");
  add.add_input("a");
  add.add_input("k");
  add.add_output("b");

  m.graph.input("x", {2});
  auto &call = m.graph.node("Shift", {"x"}, {"y"});
  call.set_domain("mine");
  auto &amount = *call.add_attribute();
  amount.set_name("amount");
  amount.set_type(AttributeProto::FLOAT);
  amount.set_f(2.5);
  m.graph.output("y");
  ASSERT_TRUE(m.import()) << m.messages;
  m.module->walk([](fm::ConstantOp op) {
    auto values = mlir::cast<mlir::DenseElementsAttr>(op.getValue());
    EXPECT_EQ(*values.getValues<float>().begin(), 2.5f);
  });
}

TEST(OnnxGraph, RecursiveFunctionEnds) {
  Model m;
  auto &function = *m.proto.add_functions();
  function.set_name("Self");
  function.set_domain("mine");
  function.add_input("a");
  function.add_output("b");
  auto &node = *function.add_node();
  node.set_op_type("Self");
  node.set_domain("mine");
  node.add_input("a");
  node.add_output("b");
  m.graph.input("x", {2});
  m.graph.node("Self", {"x"}, {"y"}).set_domain("mine");
  m.graph.output("y");
  ASSERT_FALSE(m.import());
  EXPECT_TRUE(contains(m.messages, "does 'Self' call itself?")) << m.messages;
}
