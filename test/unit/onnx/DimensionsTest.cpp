//===- DimensionsTest.cpp - Names, bounds and sizes of inputs -------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TestModels.h"

using namespace narae;
using namespace narae::test;
using mlir::ShapedType;

static std::string dimsOf(Model &m) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << m.main().getArgAttr(0, "fm.dims")
     << m.main().getArgAttr(0, "fm.bounds");
  return text;
}

static void addAbs(Model &m, std::vector<Dim> dims) {
  m.graph.input("x", std::move(dims));
  m.graph.node("Abs", {"x"}, {"y"});
  m.graph.output("y");
}

TEST(OnnxDimensions, NamesAndBounds) {
  Model m;
  addAbs(m, {"batch", 3});
  narae::onnx::ImportOptions options;
  options.dims["batch"] = {1, 8};
  ASSERT_TRUE(m.import(options)) << m.messages;
  EXPECT_EQ(dimsOf(m), "[\"batch\", \"\"][1, 8, 0, -1]");
  EXPECT_EQ(m.resultType().getShape(),
            llvm::ArrayRef<int64_t>({ShapedType::kDynamic, 3}));
}

TEST(OnnxDimensions, FixedByNameAndByPosition) {
  Model m;
  addAbs(m, {"batch", -1, 3});
  narae::onnx::ImportOptions options;
  options.dims["batch"] = {2, 2};
  options.dims["x.1"] = {5, 5};
  ASSERT_TRUE(m.import(options)) << m.messages;
  EXPECT_EQ(m.resultType().getShape(), llvm::ArrayRef<int64_t>({2, 5, 3}));
}

TEST(OnnxDimensions, UnknownNameListsTheKnownOnes) {
  Model m;
  addAbs(m, {"batch", 3});
  narae::onnx::ImportOptions options;
  options.dims["bach"] = {2, 2};
  ASSERT_FALSE(m.import(options));
  EXPECT_NE(m.messages.find("no input has a dimension 'bach'; the dimensions "
                            "are batch, x.0, x.1"),
            std::string::npos)
      << m.messages;
}

TEST(OnnxDimensions, StaticSizesStay) {
  Model m;
  addAbs(m, {3});
  narae::onnx::ImportOptions options;
  options.dims["x.0"] = {4, 4};
  ASSERT_FALSE(m.import(options));
  EXPECT_NE(m.messages.find("is 3 in the model"), std::string::npos);
}

TEST(OnnxDimensions, AllDynamic) {
  Model m;
  addAbs(m, {"batch", 3});
  narae::onnx::ImportOptions options;
  options.allDynamic = true;
  ASSERT_TRUE(m.import(options)) << m.messages;
  EXPECT_EQ(dimsOf(m), "[\"\", \"\"][0, -1, 0, -1]");
  EXPECT_EQ(m.resultType().getNumDynamicDims(), 2);
}

TEST(OnnxDimensions, UnknownRankIsRefused) {
  Model m;
  m.graph.input("x", {});
  m.graph.proto.mutable_input(0)
      ->mutable_type()
      ->mutable_tensor_type()
      ->clear_shape();
  m.graph.node("Abs", {"x"}, {"y"});
  m.graph.output("y");
  ASSERT_FALSE(m.import());
  EXPECT_NE(m.messages.find("has no shape"), std::string::npos);
}
