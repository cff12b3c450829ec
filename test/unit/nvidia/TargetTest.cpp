//===- TargetTest.cpp - Which artifacts a GPU runs -----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/nvidia/runtime/Target.h"

#include <gtest/gtest.h>

using namespace narae::nvidia;

namespace {

std::string check(const char *json, int major, int minor) {
  DeviceInfo device;
  device.name = "GPU";
  device.major = major;
  device.minor = minor;
  return checkTarget(json, device).message();
}

TEST(NvidiaTarget, PortableCodeRunsOnLaterGenerations) {
  const char *portable = R"({"backend": "nvidia", "sm": "sm_80"})";
  EXPECT_EQ(check(portable, 8, 0), "");
  EXPECT_EQ(check(portable, 8, 9), "");
  EXPECT_EQ(check(portable, 10, 0), "");
  EXPECT_NE(check(portable, 7, 5).find("GPU is sm_75"), std::string::npos);
}

TEST(NvidiaTarget, ExactCodeRunsOnItsOwn) {
  const char *exact = R"({"backend": "nvidia", "sm": "sm_90a"})";
  EXPECT_EQ(check(exact, 9, 0), "");
  EXPECT_NE(check(exact, 10, 0).find("--target=nvidia:sm_80"),
            std::string::npos);
  EXPECT_NE(check(exact, 8, 0), "");
}

TEST(NvidiaTarget, OtherDescriptionsAreRefused) {
  EXPECT_NE(check(R"({"backend": "cpu"})", 9, 0).find("is for 'cpu'"),
            std::string::npos);
  for (const char *sm : {"", "sm_", "80", "sm_80b", "sm_90aa", "sm_-1"})
    EXPECT_NE(
        check((std::string(R"({"backend": "nvidia", "sm": ")") + sm + "\"}")
                  .c_str(),
              9, 0)
            .find("no compute capability"),
        std::string::npos)
        << sm;
  for (const char *json : {"", "[]", "{", "3", R"({"backend": 3})"})
    EXPECT_NE(check(json, 9, 0), "") << json;
}

} // namespace
