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
  std::string error;
  std::string text = "id,lower,upper,size\nx,-5,3,16\n7,0,4,32\n";
  auto problem = readCsv(text, error);
  ASSERT_TRUE(problem) << error;
  ASSERT_EQ(problem->buffers.size(), 2u);
  EXPECT_EQ(problem->buffers[0].name, "x");
  EXPECT_EQ(problem->buffers[0].lower, -5);
  EXPECT_EQ(problem->buffers[0].upper, 3);
  EXPECT_EQ(problem->buffers[0].size, 16u);
  EXPECT_FALSE(problem->buffers[0].offset);
  EXPECT_EQ(writeCsv(*problem), text);
}

TEST(Csv, ReadsColumnsInAnyOrderWithOffsets) {
  std::string error;
  auto problem = readCsv("size, offset, id, upper, lower\r\n"
                         "8, 64, a, 2, 1\r\n\r\n"
                         "8,, b, 2, 1",
                         error);
  ASSERT_TRUE(problem) << error;
  ASSERT_EQ(problem->buffers.size(), 2u);
  EXPECT_EQ(problem->buffers[0].offset, 64u);
  EXPECT_FALSE(problem->buffers[1].offset);
}

TEST(Csv, WritesPlans) {
  std::string error;
  auto problem = readCsv("id,lower,upper,size\n0,0,2,16\n1,1,3,4\n", error);
  ASSERT_TRUE(problem) << error;
  Plan plan;
  plan.offsets = {0, 16};
  EXPECT_EQ(writeCsv(*problem, &plan),
            "id,lower,upper,size,offset\n0,0,2,16,0\n1,1,3,4,16\n");
}

TEST(Csv, NamesTheLineOfAnError) {
  auto errorOf = [](const std::string &text) {
    std::string error;
    EXPECT_FALSE(readCsv(text, error)) << text;
    return error;
  };
  EXPECT_EQ(errorOf(""), "line 1: expected the header id,lower,upper,size");
  EXPECT_EQ(errorOf("id,lower,size"), "line 1: column 'upper' is missing");
  EXPECT_EQ(errorOf("id,id,lower"), "line 1: column 'id' appears twice");
  EXPECT_EQ(errorOf("id,begin"),
            "line 1: unknown column 'begin'; expected id, lower, upper, size "
            "and optionally offset");
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
}

} // namespace
