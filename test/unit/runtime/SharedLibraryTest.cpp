//===- SharedLibraryTest.cpp - The C API out of the shared library --------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "test/unit/runtime/TestSession.h"

#include <dlfcn.h>
#include <sys/stat.h>

using namespace narae;
using namespace narae::test;

TEST(SharedLibrary, RunsAnArtifactByItself) {
  TestSession other(affineEntry(100));
  void *library = dlopen(NARAE_SHARED_RUNTIME, RTLD_NOW | RTLD_LOCAL);
  ASSERT_NE(library, nullptr) << dlerror();
  auto load = reinterpret_cast<decltype(&narae_artifact_load)>(
      dlsym(library, "narae_artifact_load"));
  auto create = reinterpret_cast<decltype(&narae_session_create)>(
      dlsym(library, "narae_session_create"));
  auto run = reinterpret_cast<decltype(&narae_session_run)>(
      dlsym(library, "narae_session_run"));
  ASSERT_TRUE(load && create && run);
  narae_artifact *artifact = nullptr;
  narae_session *session = nullptr;
  ASSERT_EQ(load(other.folder.file("a.narae").c_str(), nullptr, &artifact),
            nullptr);
  ASSERT_EQ(create(artifact, nullptr, &session), nullptr);
  float x[] = {1};
  int64_t shape[] = {1};
  narae_tensor input = {NARAE_F32, 1, shape, x}, output = {};
  ASSERT_EQ(run(session, 0, &input, 1, &output, 1), nullptr);
  EXPECT_EQ(static_cast<float *>(output.data)[0], 8.0f);
  reinterpret_cast<decltype(&narae_session_release)>(
      dlsym(library, "narae_session_release"))(session);
  reinterpret_cast<decltype(&narae_artifact_release)>(
      dlsym(library, "narae_artifact_release"))(artifact);
}

TEST(SharedLibrary, Plugins) {
  expectContains(take(narae_load_plugin("/no/such.so")), "cannot load plugin");
  expectContains(take(narae_load_plugin(NARAE_TEST_KERNELS)),
                 "does not export narae_backend_register");
  expectContains(take(narae_register_backend(nullptr)), "needs a table");
}
