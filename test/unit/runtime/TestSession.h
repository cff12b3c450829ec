//===- TestSession.h - Artifacts and sessions for the tests ---------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_TEST_UNIT_RUNTIME_TESTSESSION_H
#define NARAE_TEST_UNIT_RUNTIME_TESTSESSION_H

#include "runtime/DefaultBackends.h"
#include "test/unit/artifact/ProgramBuilder.h"

#include <functional>
#include <gtest/gtest.h>

namespace narae::test {

enum TestKernel : uint32_t { Affine, Twice, Iota, AddOne, CountParts };

/// A program with all kernels of Kernels.c and weight "w" = {3, 1}.
inline std::unique_ptr<artifact::ProgramT> kernelProgram() {
  auto program = emptyProgram();
  for (const char *name : {"affine", "twice", "iota", "add_one", "count_parts"})
    addKernel(*program, name);
  addWeight(*program, "w", NARAE_F32, {2});
  return program;
}

inline void writeProgram(artifact::ProgramT &program, const std::string &path) {
  static const float weights[] = {3, 1};
  artifact::Writer writer(program);
  writer.addObject("elf", readFile(NARAE_TEST_KERNELS));
  writer.setWeight(0, {weights, sizeof(weights)});
  Status status = writer.write(path);
  ASSERT_TRUE(status.ok()) << status.message();
}

/// The message of a status, which is freed; "" for success.
inline std::string take(narae_status *status) {
  std::string message = narae_status_message(status);
  narae_status_free(status);
  return message;
}

/// A loaded artifact with one session.
class TestSession {
public:
  explicit TestSession(std::unique_ptr<artifact::EntryT> entry,
                       int32_t threads = 1) {
    auto program = kernelProgram();
    program->entries.push_back(std::move(entry));
    open(*program, threads);
  }
  TestSession(artifact::ProgramT &program, int32_t threads) {
    open(program, threads);
  }
  ~TestSession() {
    narae_session_release(session);
    narae_artifact_release(loaded);
  }
  TestSession(const TestSession &) = delete;
  TestSession &operator=(const TestSession &) = delete;

  /// Runs an entry; returns the error, "" for none.
  std::string run(const std::vector<narae_tensor> &inputs,
                  std::vector<narae_tensor> &outputs, size_t entry = 0) {
    return take(narae_session_run(session, entry, inputs.data(), inputs.size(),
                                  outputs.data(), outputs.size()));
  }

  TemporaryFolder folder;
  narae_artifact *loaded = nullptr;
  narae_session *session = nullptr;

private:
  void open(artifact::ProgramT &program, int32_t threads) {
    registerDefaultBackends();
    writeProgram(program, folder.file("a.narae"));
    ASSERT_EQ(take(narae_artifact_load(folder.file("a.narae").c_str(), nullptr,
                                       &loaded)),
              "");
    narae_session_options options = {sizeof(options), nullptr, threads};
    ASSERT_EQ(take(narae_session_create(loaded, &options, &session)), "");
  }
};

/// A tensor over memory and a shape that live elsewhere.
template <typename T>
narae_tensor tensorOf(narae_type type, std::vector<T> &data,
                      const std::vector<int64_t> &shape) {
  return {type, shape.size(), shape.data(), data.data()};
}

inline void expectContains(const std::string &text, const std::string &part) {
  EXPECT_NE(text.find(part), std::string::npos)
      << "looked for: " << part << "\nin: " << text;
}

} // namespace narae::test

#endif // NARAE_TEST_UNIT_RUNTIME_TESTSESSION_H
