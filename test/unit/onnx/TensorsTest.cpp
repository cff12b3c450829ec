//===- TensorsTest.cpp - Elements of tensors ------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TestModels.h"

#include "lib/frontend/onnx/Tensors.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <fstream>

using namespace narae;
using namespace narae::test;

/// Reads a tensor; messages go to `messages`.
static llvm::FailureOr<narae::onnx::TensorData>
read(Model &m, const TensorProto &tensor) {
  mlir::ScopedDiagnosticHandler handler(&m.context, [&](mlir::Diagnostic &d) {
    m.messages += d.str();
    return mlir::success();
  });
  llvm::SmallString<128> real;
  (void)llvm::sys::fs::real_path(m.directory, real);
  return narae::onnx::readTensor(tensor, &m.context, m.directory, real, [&] {
    return mlir::emitError(mlir::UnknownLoc::get(&m.context));
  });
}

TEST(OnnxTensors, NarrowIntegersAreUnpacked) {
  Model m;
  TensorProto tensor;
  tensor.set_data_type(TensorProto::INT4);
  tensor.add_dims(3);
  tensor.set_raw_data(std::string("\xF1\x08", 2)); // 1, -1, -8
  auto data = read(m, tensor);
  ASSERT_TRUE(succeeded(data)) << m.messages;
  EXPECT_EQ(data->bytes, (std::vector<char>{1, -1, -8}));
  EXPECT_TRUE(data->type.getElementType().isSignlessInteger(4));
  tensor.set_data_type(TensorProto::UINT2);
  tensor.set_raw_data(std::string("\x1B", 1)); // 3, 2, 1
  data = read(m, tensor);
  ASSERT_TRUE(succeeded(data)) << m.messages;
  EXPECT_EQ(data->bytes, (std::vector<char>{3, 2, 1}));
}

TEST(OnnxTensors, TypedFields) {
  Model m;
  TensorProto half;
  half.set_data_type(TensorProto::FLOAT16);
  half.add_dims(2);
  half.add_int32_data(0x3C00); // 1
  half.add_int32_data(0xC000); // -2
  auto data = read(m, half);
  ASSERT_TRUE(succeeded(data)) << m.messages;
  EXPECT_EQ(narae::onnx::floatElements(data->type, data->bytes),
            (llvm::SmallVector<double>{1, -2}));
  TensorProto flags;
  flags.set_data_type(TensorProto::BOOL);
  flags.add_dims(2);
  flags.add_int32_data(7);
  flags.add_int32_data(0);
  data = read(m, flags);
  ASSERT_TRUE(succeeded(data)) << m.messages;
  EXPECT_EQ(data->bytes, (std::vector<char>{1, 0}));
}

TEST(OnnxTensors, SizesAreChecked) {
  Model m;
  TensorProto tensor;
  tensor.set_data_type(TensorProto::FLOAT);
  tensor.add_dims(3);
  tensor.add_float_data(1);
  EXPECT_TRUE(failed(read(m, tensor)));
  EXPECT_NE(m.messages.find("has 4 bytes"), std::string::npos);
  tensor.set_dims(0, -3);
  EXPECT_TRUE(failed(read(m, tensor)));
  tensor.set_dims(0, INT64_MAX);
  tensor.add_dims(INT64_MAX);
  EXPECT_TRUE(failed(read(m, tensor)));
}

TEST(OnnxTensors, TypesThatAreNotSupportedSayWhy) {
  for (int type : std::initializer_list<int>{
           TensorProto::FLOAT6E2M3, TensorProto::FLOAT6E3M2,
           TensorProto::COMPLEX64, TensorProto::UNDEFINED, 77}) {
    Model m;
    TensorProto tensor;
    tensor.set_data_type(type);
    EXPECT_TRUE(failed(read(m, tensor)));
    EXPECT_FALSE(m.messages.empty());
  }
}

namespace {
/// A folder with a weights file of 100 bytes.
struct OnnxExternal : testing::Test {
  OnnxExternal() {
    llvm::SmallString<128> folder;
    (void)llvm::sys::fs::createUniqueDirectory("narae-onnx", folder);
    m.directory = folder.str().str();
    std::ofstream file(m.directory + "/w.bin", std::ios::binary);
    for (int i = 0; i < 100; ++i)
      file.put(static_cast<char>(i));
  }
  ~OnnxExternal() override {
    (void)llvm::sys::fs::remove_directories(m.directory);
  }
  TensorProto external(const char *location, const char *offset) {
    TensorProto tensor;
    tensor.set_name("w");
    tensor.set_data_type(TensorProto::FLOAT);
    tensor.add_dims(20);
    tensor.set_data_location(TensorProto::EXTERNAL);
    auto *entry = tensor.add_external_data();
    entry->set_key("location");
    entry->set_value(location);
    entry = tensor.add_external_data();
    entry->set_key("offset");
    entry->set_value(offset);
    return tensor;
  }
  Model m;
};
} // namespace

TEST_F(OnnxExternal, WeightsStayInTheFile) {
  m.graph.input("x", {20});
  *m.graph.proto.add_initializer() = external("w.bin", "8");
  m.graph.node("Add", {"x", "w"}, {"y"});
  m.graph.output("y");
  ASSERT_TRUE(m.import()) << m.messages;
  m.module->walk([&](fm::WeightDataOp op) {
    EXPECT_EQ(op.getFile(), "w.bin");
    EXPECT_EQ(op.getOffset(), 8u);
    EXPECT_EQ(op.getLength(), 80u);
  });
  EXPECT_EQ((*m.weights.find("w"))[0], 8);
}

TEST_F(OnnxExternal, OutsideOfTheFileOrFolder) {
  EXPECT_TRUE(failed(read(m, external("w.bin", "40"))));
  EXPECT_NE(m.messages.find("40 to 120"), std::string::npos) << m.messages;
  EXPECT_TRUE(failed(read(m, external("w.bin", "18446744073709551615"))));
  for (const char *path : {"../w.bin", "/etc/passwd", "a/../../w.bin", ""}) {
    m.messages.clear();
    EXPECT_TRUE(failed(read(m, external(path, "0"))));
    EXPECT_NE(m.messages.find("leads out of"), std::string::npos) << path;
  }
  (void)llvm::sys::fs::create_link("/etc/passwd", m.directory + "/link");
  m.messages.clear();
  EXPECT_TRUE(failed(read(m, external("link", "0"))));
  EXPECT_NE(m.messages.find("is a link out of"), std::string::npos);
  EXPECT_TRUE(failed(read(m, external("absent.bin", "0"))));
}

/// Two files are missing, wanted by seven tensors and by one that is a node's
/// value; one message a file.
TEST_F(OnnxExternal, MissingFilesAreNamedOnce) {
  m.graph.input("x", {20});
  std::string last = "x";
  for (int i = 0; i < 7; ++i) {
    std::string number = std::to_string(i);
    TensorProto &tensor = *m.graph.proto.add_initializer();
    tensor = external("absent.bin", "0");
    tensor.set_name("w" + number);
    m.graph.node("Add", {last, "w" + number}, {"y" + number});
    // A second use does not count.
    m.graph.node("Mul", {"y" + number, "w" + number}, {"z" + number});
    last = "z" + number;
  }
  NodeProto &node = m.graph.node("Constant", {}, {"c"});
  node.set_name("constant");
  ::onnx::AttributeProto &value = *node.add_attribute();
  value.set_name("value");
  value.set_type(::onnx::AttributeProto::TENSOR);
  *value.mutable_t() = external("other.bin", "0");
  m.graph.node("Neg", {"c"}, {"d"});
  m.graph.output(last);
  m.graph.output("d");
  EXPECT_FALSE(m.import());
  EXPECT_EQ(std::count(m.messages.begin(), m.messages.end(), '\n'), 2)
      << m.messages;
  EXPECT_NE(m.messages.find("'absent.bin'"), std::string::npos) << m.messages;
  EXPECT_NE(m.messages.find("7 tensors ('w0', 'w1', 'w2', ...)"),
            std::string::npos)
      << m.messages;
  EXPECT_NE(m.messages.find("'other.bin'"), std::string::npos) << m.messages;
  EXPECT_NE(m.messages.find("1 tensor ('w')"), std::string::npos) << m.messages;
}
