//===- CsvTest.cpp - Reading and writing problems -------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/memory/planner/Csv.h"

#include <gtest/gtest.h>

using namespace narae::memory;

namespace {

TEST(Csv, ReadsAndWrites) {
  std::vector<std::string> errors;
  std::string text = "id,lower,upper,size\nx,-5,3,16\n7,0,4,32\n";
  auto problem = readCsv(text, errors);
  ASSERT_TRUE(problem);
  ASSERT_EQ(problem->buffers.size(), 2u);
  EXPECT_EQ(problem->buffers[0].name, "x");
  EXPECT_EQ(problem->buffers[0].lower, -5);
  EXPECT_EQ(problem->buffers[0].upper, 3);
  EXPECT_EQ(problem->buffers[0].size, 16u);
  EXPECT_FALSE(problem->buffers[0].offset);
  EXPECT_EQ(writeCsv(*problem), text);
}

TEST(Csv, ReadsColumnsInAnyOrderWithOffsets) {
  std::vector<std::string> errors;
  auto problem = readCsv("size, offset, id, upper, lower\r\n"
                         "8, 64, a, 2, 1\r\n\r\n"
                         "8,, b, 2, 1",
                         errors);
  ASSERT_TRUE(problem);
  ASSERT_EQ(problem->buffers.size(), 2u);
  EXPECT_EQ(problem->buffers[0].offset, 64u);
  EXPECT_FALSE(problem->buffers[1].offset);
}

TEST(Csv, WritesPlans) {
  std::vector<std::string> errors;
  auto problem = readCsv("id,lower,upper,size\n0,0,2,16\n1,1,3,4\n", errors);
  ASSERT_TRUE(problem);
  Plan plan;
  plan.offsets = {0, 16};
  EXPECT_EQ(writeCsv(*problem, &plan),
            "id,lower,upper,size,offset\n0,0,2,16,0\n1,1,3,4,16\n");
}

TEST(Csv, NamesTheLineOfAnError) {
  auto errorOf = [](const std::string &text) {
    std::vector<std::string> errors;
    EXPECT_FALSE(readCsv(text, errors)) << text;
    std::string all;
    for (const std::string &error : errors)
      all += (all.empty() ? "" : "; ") + error;
    return all;
  };
  EXPECT_EQ(errorOf(""), "line 1: expected the header id,lower,upper,size");
  EXPECT_EQ(errorOf("id,lower,size"), "line 1: column 'upper' is missing");
  EXPECT_EQ(errorOf("id,id,lower,upper,size"),
            "line 1: column 'id' appears twice");
  EXPECT_EQ(errorOf("id,begin,upper,size"),
            "line 1: unknown column 'begin'; expected id, lower, upper, size "
            "and optionally offset and alignment; line 1: column 'lower' is "
            "missing");
  std::string header = "id,lower,upper,size\n0,0,1,1\n\n";
  EXPECT_EQ(errorOf(header + "1,2,3"), "line 4: expected 4 fields, found 3");
  EXPECT_EQ(errorOf(header + "1,2,3,4k"),
            "line 4: column 'size': '4k' is no integer");
  EXPECT_EQ(errorOf(header + "1,2,3,-4"),
            "line 4: column 'size': '-4' is no integer");
  EXPECT_EQ(errorOf(header + "1,2,,4"),
            "line 4: column 'upper': '' is no integer");
  EXPECT_EQ(errorOf(header + "1,2,3,18446744073709551616"),
            "line 4: column 'size': '18446744073709551616' is out of range");
  EXPECT_EQ(errorOf(header + "1,3,3,4"),
            "line 4: the lifetime [3, 3) is empty");
  EXPECT_EQ(errorOf(header + "1,4,3,x\n2,0,1"),
            "line 4: column 'size': 'x' is no integer; line 4: the lifetime "
            "[4, 3) is empty; line 5: expected 4 fields, found 3");
  EXPECT_EQ(errorOf("id,lower,upper,size,alignment\na,0,1,1,3"),
            "line 2: column 'alignment': 3 is no power of two");
}

TEST(Csv, StopsAfterTwentyErrors) {
  std::string text = "id,lower,upper,size\n";
  for (int i = 0; i < 25; ++i)
    text += "a\n";
  std::vector<std::string> errors;
  EXPECT_FALSE(readCsv(text, errors));
  ASSERT_EQ(errors.size(), 21u);
  EXPECT_EQ(errors.back(), "and 5 more");
}

TEST(Csv, KeepsAlignments) {
  std::vector<std::string> errors;
  std::string text = "id,lower,upper,size,alignment\nx,0,3,16,8\ny,0,4,3,1\n";
  auto problem = readCsv(text, errors);
  ASSERT_TRUE(problem);
  EXPECT_EQ(problem->buffers[0].alignment, 8u);
  EXPECT_EQ(writeCsv(*problem), text);
}

} // namespace
