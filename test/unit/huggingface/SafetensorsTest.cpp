//===- SafetensorsTest.cpp - Files that lie, and folders ----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TestFolder.h"

#include "lib/frontend/huggingface/CheckpointFiles.h"

using namespace narae;
using namespace narae::huggingface;
using narae::language::Problems;

/// A file with the given header and bytes of data.
static std::string fileOf(const std::string &header, size_t data) {
  uint64_t length = header.size();
  std::string file(8, '\0');
  std::memcpy(file.data(), &length, 8);
  return file + header + std::string(data, '\1');
}

static std::string problemsOf(const std::string &file) {
  Problems problems;
  readHeader(file, file.size(), "x.safetensors", problems);
  return textOf(problems);
}

/// One tensor 'a' with the given description beside 16 bytes of data.
static std::string problemsOfTensor(const std::string &description) {
  return problemsOf(fileOf("{\"a\":" + description + "}", 16));
}

TEST(Safetensors, Reads) {
  Problems problems;
  std::string file = fileOf(
      R"({"__metadata__":{"format":"pt"},"b":{"dtype":"F32","shape":[2],)"
      R"("data_offsets":[4,12]},"a":{"dtype":"BF16","shape":[2,1],)"
      R"("data_offsets":[0,4]},"c":{"dtype":"F8_E4M3","shape":[4],)"
      R"("data_offsets":[12,16]}})",
      16);
  std::vector<TensorEntry> entries =
      readHeader(file, file.size(), "x.safetensors", problems);
  EXPECT_EQ(textOf(problems), "");
  ASSERT_EQ(entries.size(), 3u);
  EXPECT_EQ(entries[0].name, "a");
  EXPECT_EQ(entries[0].shape, (std::vector<int64_t>{2, 1}));
  EXPECT_EQ(entries[1].offset, file.size() - 12);
  EXPECT_EQ(entries[1].length, 8u);
}

TEST(Safetensors, HeadersThatLie) {
  EXPECT_NE(problemsOf("").find("too short"), std::string::npos);
  std::string huge = fileOf("{}", 0);
  huge[6] = '\x7f'; // a header of 2^54 bytes
  EXPECT_NE(problemsOf(huge).find("its header would take"), std::string::npos);
  EXPECT_NE(problemsOf(fileOf("{", 0)).find("is not JSON"), std::string::npos);
  EXPECT_NE(problemsOf(fileOf("[]", 0)).find("no JSON object"),
            std::string::npos);
  std::string deep(100000, '[');
  EXPECT_NE(problemsOf(fileOf(deep, 0)).find("nested deeper"),
            std::string::npos);
  EXPECT_NE(problemsOf(fileOf("{}", 3)).find("last 3 bytes belong to no"),
            std::string::npos);
}

TEST(Safetensors, TensorsThatLie) {
  struct Case {
    const char *description, *message;
  };
  for (const Case &c : std::initializer_list<Case>{
           {"3", "is not described by an object"},
           {R"({"dtype":"F32","data_offsets":[0,16]})", "has no shape"},
           {R"({"shape":[4],"data_offsets":[0,16]})", "has no type"},
           {R"({"dtype":"Q7","shape":[4],"data_offsets":[0,16]})",
            "has the unknown type 'Q7'"},
           {R"({"dtype":"F32","shape":[-4],"data_offsets":[0,16]})",
            "not a natural number"},
           {R"({"dtype":"F32","shape":[0.5],"data_offsets":[0,16]})",
            "not a natural number"},
           {R"({"dtype":"F32","shape":[1,1,1,1,1,1,1,1,4],)"
            R"("data_offsets":[0,16]})",
            "more than 8 dimensions"},
           {R"({"dtype":"F32","shape":[4294967296,4294967296,4],)"
            R"("data_offsets":[0,16]})",
            "more elements than 64 bits count"},
           {R"({"dtype":"F32","shape":[4611686018427387904],)"
            R"("data_offsets":[0,16]})",
            "no whole number of bytes"},
           {R"({"dtype":"F32","shape":[4],"data_offsets":[4,20]})",
            "ends at byte 20 of the data, of which the file has 16"},
           {R"({"dtype":"F32","shape":[4],"data_offsets":[16,0]})",
            "has no sound data_offsets"},
           {R"({"dtype":"F32","shape":[4],"data_offsets":[-1,15]})",
            "has no sound data_offsets"},
           {R"({"dtype":"F32","shape":[4],"data_offsets":[0]})",
            "has no sound data_offsets"},
           {R"({"dtype":"F32","shape":[3],"data_offsets":[0,16]})",
            "has 16 bytes; its type and shape take 12"}}) {
    std::string text = problemsOfTensor(c.description);
    EXPECT_NE(text.find(c.message), std::string::npos) << c.description << "\n"
                                                       << text;
  }
}

TEST(Safetensors, TensorsThatOverlapOrRepeat) {
  const std::string sixteen =
      R"({"dtype":"F32","shape":[4],"data_offsets":[0,16]})";
  EXPECT_NE(
      problemsOf(fileOf("{\"a\":" + sixteen + ",\"b\":" + sixteen + "}", 16))
          .find("shares bytes with another"),
      std::string::npos);
  EXPECT_NE(
      problemsOf(fileOf("{\"a\":" + sixteen + ",\"a\":" + sixteen + "}", 16))
          .find("has the key 'a' twice"),
      std::string::npos);
  EXPECT_NE(
      problemsOfTensor(R"({"dtype":"F32","shape":[2],"data_offsets":[8,16]})")
          .find("8 bytes before tensor 'a' belong to no tensor"),
      std::string::npos);
}

static std::string problemsOfFolder(const TestFolder &folder) {
  Problems problems;
  readCheckpointTensors(folder.str(), problems);
  return textOf(problems);
}

TEST(Safetensors, Indices) {
  TestFolder folder;
  const char *index = "model.safetensors.index.json";
  folder.write("one.safetensors", madeSafetensors({{"a", {"F32", {2}, ""}}}));
  folder.write("two.safetensors", madeSafetensors({{"b", {"F32", {3}, ""}}}));
  EXPECT_NE(problemsOfFolder(folder).find("several safetensors files and no"),
            std::string::npos);
  folder.write(index, R"({"weight_map":{"a":"one.safetensors",)"
                      R"("b":"two.safetensors"}})");
  EXPECT_EQ(problemsOfFolder(folder), "");

  struct Case {
    const char *map, *message;
  };
  for (const Case &c : std::initializer_list<Case>{
           {R"({"weight_map":{}})", "has no weight_map"},
           {R"({"weight_map":{"a":3}})", "names no file for tensor 'a'"},
           {R"({"weight_map":{"a":"three.safetensors"}})",
            "three.safetensors: is missing"},
           {R"({"weight_map":{"a":"model.safetensors.index.json"}})",
            "which is no safetensors file"},
           {R"({"weight_map":{"a":"../one.safetensors"}})",
            "which leads out of this folder"},
           {R"({"weight_map":{"a":"/etc/one.safetensors"}})",
            "which is no name of a file in this folder"},
           {R"({"weight_map":{"a":"two.safetensors","b":"two.safetensors"}})",
            "says that tensor 'a' is in 'two.safetensors', which does not"}}) {
    folder.write(index, c.map);
    std::string text = problemsOfFolder(folder);
    EXPECT_NE(text.find(c.message), std::string::npos) << c.map << "\n" << text;
  }
}

TEST(Safetensors, FoldersWithoutThem) {
  TestFolder folder;
  EXPECT_NE(problemsOfFolder(folder).find("has no safetensors file"),
            std::string::npos);
  folder.write("pytorch_model.bin", "x");
  EXPECT_NE(problemsOfFolder(folder).find("as pickled files only"),
            std::string::npos);
}
