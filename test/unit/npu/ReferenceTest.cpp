//===- ReferenceTest.cpp - The manual and the table -----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/isa/Reference.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

using namespace narae::npu;

TEST(Reference, TheManualIsUpToDate) {
  std::ifstream file(NARAE_DOCS_DIR "/npu-isa.md");
  std::stringstream text;
  text << file.rdbuf();
  ASSERT_TRUE(file.good());
  auto updated = updateReference(text.str());
  ASSERT_TRUE(updated.ok()) << updated.message();
  EXPECT_TRUE(*updated == text.str())
      << "renew it: narae-npu reference docs/npu-isa.md";
}

TEST(Reference, DocumentsWithoutPlace) {
  auto updated = updateReference("<!-- end of reference -->\n");
  ASSERT_TRUE(updated.failed());
  EXPECT_NE(updated.message().find("lacks the lines"), std::string::npos);
}
