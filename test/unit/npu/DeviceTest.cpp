//===- DeviceTest.cpp - The NPU as a device of the runtime ----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/simulator/Simulator.h"
#include "backends/npu/timing/Timing.h"
#include "runtime/DefaultBackends.h"
#include "runtime/Registry.h"
#include "test/unit/npu/TestObject.h"

#include <nlohmann/json.hpp>
#include <thread>

using namespace narae;
using namespace narae::npu;
using namespace narae::npu::test;
using narae::test::TemporaryFolder;

namespace {

std::string take(narae_status *status) {
  std::string message = narae_status_message(status);
  narae_status_free(status);
  return message;
}

void append(void *context, const char *data, size_t size) {
  static_cast<std::string *>(context)->append(data, size);
}

void expectContains(const std::string &text, const std::string &part) {
  EXPECT_NE(text.find(part), std::string::npos)
      << "looked for: " << part << "\nin: " << text;
}

/// An artifact and a session on a device.
class NpuSession {
public:
  NpuSession(const std::string &path, const char *device) {
    registerDefaultBackends();
    error = take(narae_artifact_load(path.c_str(), nullptr, &artifact));
    narae_session_options options = {sizeof(options), device, 1};
    if (error.empty())
      error = take(narae_session_create(artifact, &options, &session));
  }
  ~NpuSession() {
    narae_session_release(session);
    if (artifact)
      narae_artifact_release(artifact);
  }
  NpuSession(const NpuSession &) = delete;
  NpuSession &operator=(const NpuSession &) = delete;

  std::vector<float> run(std::vector<float> x) {
    int64_t shape[] = {int64_t(x.size())};
    narae_tensor input = {NARAE_F32, 1, shape, x.data()}, output = {};
    error = take(narae_session_run(session, 0, &input, 1, &output, 1));
    auto *y = static_cast<float *>(output.data);
    return error.empty() ? std::vector<float>(y, y + output.shape[0])
                         : std::vector<float>();
  }
  std::string report(const char *kind) {
    std::string text;
    error = take(narae_session_device_report(session, kind, append, &text));
    return text;
  }

  std::string error;
  narae_artifact *artifact = nullptr;
  narae_session *session = nullptr;
};

class NpuDevice : public testing::Test {
protected:
  void SetUp() override {
    writeArtifact(path, "npu:atom", affineObject(builtIn("npu:atom")));
  }
  /// A copy of a target file with one number changed.
  std::string variant(const std::string &from, const std::string &group,
                      const std::string &field, double value) {
    std::string text, error;
    EXPECT_TRUE(targets::read(from, text, error));
    auto json = nlohmann::json::parse(text);
    json["npu"][group][field]["value"] = value;
    std::string file = folder.file("my-npu.json");
    narae::test::writeFile(file, json.dump());
    return file;
  }
  TemporaryFolder folder;
  std::string path = folder.file("a.narae");
};

} // namespace

TEST_F(NpuDevice, RunsArtifacts) {
  // By its chip, and as what the artifact was compiled for.
  for (const char *device : {"npu:atom", static_cast<const char *>(nullptr),
                             "npu", ",unchecked", "npu:atom,timing"}) {
    NpuSession session(path, device);
    ASSERT_EQ(session.error, "");
    EXPECT_EQ(session.run({1, 2, 5}), (std::vector<float>{8, 14, 32}))
        << session.error;
    // Another shape, more memory.
    std::vector<float> y = session.run(std::vector<float>(1000, 0.5f));
    ASSERT_EQ(y.size(), 1000u) << session.error;
    EXPECT_EQ(y[999], 5.0f);
  }
}

TEST_F(NpuDevice, SessionsInThreads) {
  std::vector<std::thread> threads;
  std::vector<float> results(4);
  for (size_t i = 0; i < results.size(); ++i)
    threads.emplace_back([&, i] {
      NpuSession session(path, i % 2 ? "npu:atom,timing" : "npu:atom");
      for (int round = 0; round < 5; ++round) {
        std::vector<float> y = session.run({float(i), 1});
        results[i] = y.empty() ? -1 : y[0];
      }
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(results, (std::vector<float>{2, 8, 14, 20}));
}

TEST_F(NpuDevice, RefusesOtherMachines) {
  expectContains(NpuSession(path, "npu:rebel-quad").error,
                 "the artifact was compiled for 'npu:atom', this device is "
                 "'npu:rebel-quad': they differ in memory.pools (1, 4)");
  expectContains(NpuSession(path, "npu:rebel-quad").error,
                 "--target=npu:rebel-quad");
  expectContains(NpuSession(path, "cpu").error, "compiled for 'npu'");
  expectContains(NpuSession(path, "npu:nought").error,
                 "there is no device 'npu:nought'; there are npu:atom");
  expectContains(NpuSession(path, "npu:atom,fast").error,
                 "unknown option 'fast'; there are: timing");
  expectContains(NpuSession(path, "npu:atom,timing-only,opencl").error,
                 "timing-only computes nothing");
  std::string file = variant("npu:atom", "vector", "lanes", 128);
  expectContains(NpuSession(path, file.c_str()).error,
                 "npu.vector.lanes (64, 128)");
  // An object for another machine in an artifact that says otherwise.
  writeArtifact(path, "npu:atom", affineObject(builtIn("npu:rebel-quad")));
  expectContains(NpuSession(path, "npu:atom").error,
                 "made for another machine");
}

TEST_F(NpuDevice, RunsOnTargetFiles) {
  std::string file = variant("npu:atom", "vector", "lanes", 128);
  writeArtifact(path, file, affineObject([&] {
                  std::string text, error;
                  std::vector<std::string> problems;
                  EXPECT_TRUE(targets::read(file, text, error));
                  return readMachine(text, problems);
                }()));
  for (const std::string &device : {file, "npu:" + file, std::string("npu")}) {
    NpuSession session(path, device.c_str());
    EXPECT_EQ(session.error, "");
    EXPECT_EQ(session.run({1}), std::vector<float>{8});
  }
  narae::test::writeFile(file, "{\"name\": \"x\"}");
  expectContains(NpuSession(path, file.c_str()).error, "'npu' is missing");
  expectContains(NpuSession(path, "/nowhere/b.json").error, "cannot read");
}

TEST_F(NpuDevice, FaultsNameTheKernel) {
  Object object = affineObject(builtIn("npu:atom"));
  // It does not wait for what is loaded.
  object.kernels[1] = elementKernel("twice", {"x1"}, "v.add v0, v1, v1, 0", "");
  writeArtifact(path, "npu:atom", object);
  NpuSession session(path, "npu:atom");
  ASSERT_EQ(session.error, "");
  EXPECT_TRUE(session.run({1, 2}).empty());
  expectContains(session.error, "kernel 'twice' (node of twice)");
  expectContains(session.error, "core 0 vector");
  // A bound of a parameter.
  object = affineObject(builtIn("npu:atom"));
  object.kernels[0].program.parameters[0].high = 2;
  writeArtifact(path, "npu:atom", object);
  NpuSession narrow(path, "npu:atom");
  EXPECT_EQ(narrow.run({1, 2}).size(), 2u) << narrow.error;
  EXPECT_TRUE(narrow.run({1, 2, 3}).empty());
  expectContains(narrow.error, "parameter 'n' is 3, but must be from 1 to 2");
}

TEST_F(NpuDevice, TellsTimes) {
  Machine machine = builtIn("npu:atom");
  NpuSession session(path, "npu:atom,timing");
  ASSERT_EQ(session.error, "");
  EXPECT_EQ(session.report("text"), "");
  for (int i = 0; i < 3; ++i)
    session.run({1, 2, 3});
  auto json = nlohmann::json::parse(session.report("json"));
  EXPECT_EQ(json["launches"], 6);
  EXPECT_EQ(json["simulated_launches"], 2);
  EXPECT_EQ(json["host"]["from_device_bytes"], 36);
  // The time of each kernel alone.
  double cycles = 0;
  for (const Kernel &kernel : affineObject(machine).kernels) {
    SimulatorOptions options;
    options.data = options.track = false;
    Simulator simulator(machine, options);
    ASSERT_TRUE(simulator.load(kernel.program).ok());
    std::vector<int64_t> parameters(kernel.bindings.size());
    parameters[0] = 3;
    ASSERT_TRUE(simulator.launch(parameters).ok());
    TimingReport report = timeProgram(simulator);
    ASSERT_FALSE(report.fault);
    cycles += report.cycles;
  }
  double launches = 0;
  for (const auto &kernel : json["kernels"])
    launches += kernel["cycles"].get<double>();
  EXPECT_DOUBLE_EQ(launches, 3 * cycles);
  // An input, which comes before the first launch, is loading; two more and
  // three results are transfers with a round trip each.
  EXPECT_EQ(json["host"]["loaded_bytes"], 8 + 12);
  double transfers = 5 * (machine.host.roundTrip + 12 / machine.host.bandwidth);
  EXPECT_NEAR(json["seconds"].get<double>(),
              3 * cycles / machine.clock + transfers, 1e-12);
  expectContains(session.report("text"), "in 6 launches (2 simulated)");
  auto trace = nlohmann::json::parse(session.report("trace"))["traceEvents"];
  size_t kernels = 0, engines = 0;
  double end = 0;
  for (const auto &event : trace) {
    if (event["ph"] != "X")
      continue;
    kernels += event.value("cat", "") == "launch";
    engines += event.value("cat", "") == "vector";
    end = std::max(end, event["ts"].get<double>() + event["dur"].get<double>());
  }
  EXPECT_EQ(kernels, 6u);
  EXPECT_EQ(engines, 6u);
  EXPECT_NEAR(end, json["seconds"].get<double>() * 1e6, 1e-6);
  session.report("prose");
  expectContains(session.error, "there are text, json and trace");
}

TEST_F(NpuDevice, TellsTimesWithoutData) {
  NpuSession computing(path, "npu:atom,timing"), session(path, ",timing-only");
  ASSERT_EQ(session.error, "");
  EXPECT_EQ(session.run({1, 2, 3}), (std::vector<float>(3)));
  computing.run({1, 2, 3});
  EXPECT_EQ(nlohmann::json::parse(session.report("json"))["cycles"],
            nlohmann::json::parse(computing.report("json"))["cycles"]);
  NpuSession silent(path, "npu:atom");
  silent.run({1});
  EXPECT_EQ(silent.report("json"), "");
}

TEST_F(NpuDevice, DamagedObjects) {
  Machine machine = builtIn("npu:atom");
  Object object = affineObject(machine);
  object.kernels[0].program.code[3][0] = 0xee; // no such opcode
  object.kernels[1].program.code[3][0] = 0xee;
  writeArtifact(path, "npu:atom", object);
  std::string error = NpuSession(path, "npu:atom").error;
  expectContains(error, "kernel 'affine': the program cannot run");
  expectContains(error, "kernel 'twice': the program cannot run");
  object = affineObject(machine);
  object.kernels[1].name = "thrice";
  writeArtifact(path, "npu:atom", object);
  expectContains(NpuSession(path, "npu:atom").error, "no kernel 'twice'");
  std::vector<uint8_t> bytes = writeObject(affineObject(machine));
  for (size_t size :
       {size_t(0), size_t(7), bytes.size() / 2, bytes.size() - 1}) {
    writeArtifact(
        path, "npu:atom",
        std::vector<uint8_t>(bytes.begin(), bytes.begin() + int64_t(size)));
    EXPECT_NE(NpuSession(path, "npu:atom").error, "") << size;
  }
  for (size_t at = 0; at < bytes.size(); at += 97) {
    std::vector<uint8_t> damaged = bytes;
    damaged[at] ^= 0x41;
    writeArtifact(path, "npu:atom", damaged);
    EXPECT_NE(NpuSession(path, "npu:atom").error, "") << at;
  }
}

TEST_F(NpuDevice, OutOfMemoryNamesTheWeight) {
  std::string text, error;
  ASSERT_TRUE(targets::read("npu:atom", text, error));
  auto json = nlohmann::json::parse(text);
  // Room for two granules; weight, input and output take a share of one, and
  // the arena is larger than the other.
  json["memory"]["reserve"]["value"] =
      json["memory"]["capacity"]["value"].get<int64_t>() - (4 << 20);
  std::string file = folder.file("small.json");
  narae::test::writeFile(file, json.dump());
  std::vector<std::string> problems;
  Object object = affineObject(readMachine(json.dump(), problems));
  ASSERT_TRUE(problems.empty()) << problems[0];
  object.kernels[0].constants.assign(3 << 20, 1);
  object.kernels[1].constants.assign(1 << 20, 1);
  writeArtifact(path, file, object);
  expectContains(NpuSession(path, "npu").error,
                 "constants of kernel 'twice': out of device memory: 1.00 MiB "
                 "are needed in one stack");
  object.kernels[1].constants.clear();
  writeArtifact(path, file, object);
  expectContains(NpuSession(path, "npu").error,
                 "no place for weight 'w' of 8 bytes, with 0 bytes of 8 bytes "
                 "of weights in the device: npu: out of device memory");
  object.kernels[0].constants.clear();
  writeArtifact(path, file, object);
  EXPECT_EQ(NpuSession(path, "npu").run({1}), std::vector<float>{8});
}

TEST_F(NpuDevice, PrintsPrograms) {
  std::vector<uint8_t> bytes = writeObject(affineObject(builtIn("npu:atom")));
  registerDefaultBackends();
  Expected<std::string> text =
      runtime::disassemble("npu", bytes.data(), bytes.size());
  ASSERT_TRUE(text.ok()) << text.message();
  size_t twice = text->find("twice:\n");
  ASSERT_NE(twice, std::string::npos);
  EXPECT_EQ(text->rfind("affine:\n", 0), 0u);
  expectContains(*text, "v.fma v0, v1, v2, v3, 0, 0");
  std::vector<std::string> problems;
  Program again = assemble(text->substr(text->find('\n', twice)), problems);
  EXPECT_TRUE(problems.empty());
  EXPECT_EQ(again.code,
            affineObject(builtIn("npu:atom")).kernels[1].program.code);
  EXPECT_TRUE(runtime::disassemble("npu", bytes.data(), 9).failed());
  EXPECT_EQ(*runtime::disassemble("cpu", bytes.data(), 9), "");
}

TEST_F(NpuDevice, IsListed) {
  registerDefaultBackends();
  std::string list;
  EXPECT_EQ(take(narae_list_devices(append, &list)), "");
  auto devices = nlohmann::json::parse(list)["npu"];
  std::vector<std::string> names;
  for (const auto &device : devices) {
    names.push_back(device["name"]);
    EXPECT_EQ(device["kind"], "simulator");
    if (names.back() != "npu:rebel-quad")
      continue;
    EXPECT_EQ(device["memory_bytes"], 144ll << 30);
    EXPECT_EQ(device["reserved_bytes"], 4ll << 30);
    EXPECT_EQ(device["cores"], 64);
  }
  EXPECT_EQ(names, (std::vector<std::string>{"npu:atom-max", "npu:atom",
                                             "npu:rebel-quad"}));
}
