//===- OpsTest.cpp - Ops that changed between opsets ----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TestModels.h"

using namespace narae;
using namespace narae::test;
using Shape = llvm::ArrayRef<int64_t>;

TEST(OnnxOps, AxesAsAttributeAndAsInput) {
  Model old(11), now(13);
  for (Model *m : {&old, &now}) {
    m->graph.input("x", {2, 1, 3});
    m->graph.ints("axes", {1});
    m->graph.output("y");
    m->graph.output("z");
  }
  setInts(old.graph.node("Squeeze", {"x"}, {"y"}), "axes", {1});
  setInts(old.graph.node("ReduceSum", {"x"}, {"z"}), "axes", {-1});
  now.graph.node("Squeeze", {"x", "axes"}, {"y"});
  now.graph.node("ReduceSum", {"x", "axes"}, {"z"});
  ASSERT_TRUE(old.import()) << old.messages;
  ASSERT_TRUE(now.import()) << now.messages;
  EXPECT_EQ(old.resultType().getShape(), Shape({2, 3}));
  EXPECT_EQ(now.resultType().getShape(), Shape({2, 3}));
  EXPECT_EQ(old.resultType(1).getShape(), Shape({2, 1, 1}));
  EXPECT_EQ(now.resultType(1).getShape(), Shape({2, 1, 3}));
}

TEST(OnnxOps, AxesAtRunTime) {
  Model m;
  m.graph.input("x", {2, 3, 4});
  m.graph.input("axes", {1}, TensorProto::INT64);
  m.graph.node("Unsqueeze", {"x", "axes"}, {"u"});
  setInt(m.graph.node("ReduceMax", {"x", "axes"}, {"r"}), "keepdims", 0);
  m.graph.input("from", {1}, TensorProto::INT64);
  m.graph.input("to", {1}, TensorProto::INT64);
  m.graph.node("Slice", {"x", "from", "to", "axes"}, {"s"});
  for (const char *name : {"u", "r", "s"})
    m.graph.output(name);
  ASSERT_TRUE(m.import()) << m.messages;
  EXPECT_EQ(m.resultType(0).getRank(), 4);
  EXPECT_EQ(m.resultType(1).getRank(), 2);
  EXPECT_EQ(m.resultType(2).getRank(), 3);
}

TEST(OnnxOps, SplitIntoUnevenParts) {
  Model m(18);
  m.graph.input("x", {7});
  setInt(m.graph.node("Split", {"x"}, {"a", "b", "c"}), "num_outputs", 3);
  for (const char *name : {"a", "b", "c"})
    m.graph.output(name);
  ASSERT_TRUE(m.import()) << m.messages;
  EXPECT_EQ(m.resultType(0).getShape(), Shape({3}));
  EXPECT_EQ(m.resultType(1).getShape(), Shape({3}));
  EXPECT_EQ(m.resultType(2).getShape(), Shape({1}));
}

TEST(OnnxOps, ClipBoundsAsAttributes) {
  Model m(10);
  m.graph.input("x", {2});
  auto &node = m.graph.node("Clip", {"x"}, {"y"});
  auto &low = *node.add_attribute();
  low.set_name("min");
  low.set_type(AttributeProto::FLOAT);
  low.set_f(-1);
  m.graph.output("y");
  ASSERT_TRUE(m.import()) << m.messages;
  EXPECT_EQ(m.count<fm::MaxOp>(), 1u);
  EXPECT_EQ(m.count<fm::MinOp>(), 0u);
}

TEST(OnnxOps, BroadcastBeforeOpset7) {
  Model m(6);
  m.graph.input("x", {2, 3, 4});
  m.graph.input("b", {3});
  auto &node = m.graph.node("Add", {"x", "b"}, {"y"});
  setInt(node, "broadcast", 1);
  setInt(node, "axis", 1);
  m.graph.output("y");
  ASSERT_TRUE(m.import()) << m.messages;
  EXPECT_EQ(m.resultType().getShape(), Shape({2, 3, 4}));
}

TEST(OnnxOps, SequencesExistWhileImporting) {
  Model m;
  m.graph.input("x", {6, 2});
  m.graph.ints("two", {2}, /*scalar=*/true);
  m.graph.node("SplitToSequence", {"x", "two"}, {"parts"});
  m.graph.ints("last", {-1}, /*scalar=*/true);
  m.graph.node("SequenceErase", {"parts", "last"}, {"fewer"});
  setInt(m.graph.node("ConcatFromSequence", {"fewer"}, {"y"}), "axis", 1);
  m.graph.node("SequenceLength", {"fewer"}, {"n"});
  m.graph.output("y");
  m.graph.output("n");
  ASSERT_TRUE(m.import()) << m.messages;
  EXPECT_EQ(m.resultType().getShape(), Shape({2, 4}));
}

TEST(OnnxOps, SqueezeOfADynamicDimension) {
  Model m;
  m.graph.input("c", {}, TensorProto::BOOL);
  m.graph.input("x", {2, "n"});
  m.graph.ints("axes", {1});
  auto &node = m.graph.node("If", {"c"}, {"y"});
  Graph yes(setGraph(node, "then_branch")), no(setGraph(node, "else_branch"));
  yes.node("Squeeze", {"x", "axes"}, {"a"});
  yes.output("a");
  no.node("Identity", {"x"}, {"b"});
  no.output("b");
  m.graph.output("y");
  ASSERT_TRUE(m.import()) << m.messages;
  EXPECT_NE(m.messages.find("is taken to be 1"), std::string::npos);
  EXPECT_EQ(m.resultType().getShape(), Shape({2}));
}
