//===- PluginTest.cpp - Plugins that are refused, and why -----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TestSession.h"

#include <cinttypes>
#include <fstream>

using namespace narae;
using namespace narae::test;

static std::string load(const std::string &name) {
  return take(narae_load_plugin(
      (NARAE_TEST_PLUGINS "/narae_plugin_" + name + ".so").c_str()));
}

TEST(Plugin, RefusedForWhatIsWrong) {
  registerDefaultBackends();
  char hash[17];
  std::snprintf(hash, sizeof hash, "%016" PRIx64,
                uint64_t(NARAE_BACKEND_SCHEMA_HASH));
  std::string version = std::to_string(NARAE_BACKEND_API_VERSION);
  struct {
    const char *name;
    std::vector<std::string> words;
  } cases[] = {
      {"null", {"hands over nothing"}},
      {"throws", {"threw an exception", "no licence"}},
      {"tiny", {"incomplete table"}},
      {"size", {"incomplete table"}},
      {"version",
       {"version 1 of the backend API", "this Narae has version " + version}},
      {"hash", {"schema 0000000000001234", "this Narae has schema ", hash}},
      {"sides", {"neither a compiler nor a runtime side"}},
      {"runtime_size", {"runtime side has an incomplete table"}},
      {"runtime_version", {"runtime side was built for version 7"}},
      {"runtime_name", {"backend 'cpu' is registered already"}},
      {"runtime_nameless", {"needs a name"}},
      {"runtime_colon", {"needs a name without ':'"}},
      {"runtime_nulls", {"lacks these functions", "copy, wait"}},
  };
  for (auto &test : cases) {
    std::string message = load(test.name);
    expectContains(message, test.name);
    for (const std::string &word : test.words)
      expectContains(message, word.c_str());
  }
}

TEST(Plugin, TakenWithoutOptionalMembers) {
  EXPECT_EQ(load("good"), "");
  EXPECT_EQ(load("good"), ""); // twice is once
  EXPECT_EQ(load("short_table"), "");
}

TEST(Plugin, NoLibraries) {
  std::string path = testing::TempDir() + "narae-no-library.so";
  std::ofstream(path) << "not an ELF file, but long enough to be looked at";
  expectContains(take(narae_load_plugin(path.c_str())), "cannot load plugin");
  std::ofstream(path, std::ios::trunc).close();
  expectContains(take(narae_load_plugin(path.c_str())), "cannot load plugin");
  std::remove(path.c_str());
  expectContains(take(narae_load_plugin(testing::TempDir().c_str())),
                 "cannot load plugin");
}
