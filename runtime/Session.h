//===- Session.h - Runs the entries of one artifact on one device *- C++
//-*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Everything that a run needs is allocated when the session is created or
// when a dimension changes: a run with the shapes of the run before calls no
// allocator.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_RUNTIME_SESSION_H
#define NARAE_RUNTIME_SESSION_H

#include "lib/text/Regex.h"
#include "runtime/Artifact.h"
#include "runtime/Device.h"
#include "runtime/EntryPlan.h"
#include "runtime/StringTable.h"
#include "runtime/ZeroMemory.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace narae::runtime {

/// Where a buffer is in this run: at slot's address + offset, `size` bytes.
struct Place {
  uint64_t offset = 0;
  uint64_t size = 0;
};

/// The memory of one output, and what the caller gave for it.
struct OutputState {
  DeviceMemory memory;       ///< where kernels write it, unless to the caller
  std::vector<char> staging; ///< host copy of what is elsewhere after the run
  std::vector<int64_t> shape;
  uint64_t earlyBytes = 0; ///< what is known of its size after the prologue
  const narae_tensor *caller = nullptr; ///< null: the session's memory
  uint64_t callerBytes = 0;
};

/// What a session keeps of one entry between runs.
struct EntryState {
  explicit EntryState(const EntryPlan &plan);

  std::vector<int64_t> registers;
  std::vector<int64_t> inputDims; ///< of the last run, one after the other
  bool prologueDone = false;      ///< for `inputDims`
  std::vector<Place> places;      ///< of buffers that are not late
  std::vector<void *> slots;
  std::vector<DeviceMemory> dynamic; ///< by buffer
  /// Copies, on devices with own memory; numbers of strings.
  std::vector<DeviceMemory> inputs;
  std::vector<OutputState> outputs;
  std::vector<void *> launchBuffers;
  std::vector<int64_t> launchParams;
};

/// The body of `narae_session`.
class Session {
public:
  static Expected<std::unique_ptr<Session>>
  create(narae_artifact *artifact, const char *device, int32_t threads);
  ~Session();
  Session(const Session &) = delete;
  Session &operator=(const Session &) = delete;

  Status run(size_t entry, const narae_tensor *inputs, size_t inputCount,
             narae_tensor *outputs, size_t outputCount);
  void setTrace(narae_trace_fn fn, void *context) {
    trace = fn;
    traceContext = context;
  }
  uint64_t arenaBytes() const { return arena.size(); }
  /// What the device has measured, see narae/runtime.h.
  Status deviceReport(const char *kind, NaraeSink sink, void *context) {
    return device->report(kind, sink, context);
  }

  // What the session keeps from run to run (SessionState.cpp).
  size_t stateCount() const { return artifact->states.size(); }
  const narae_state_info &stateInfo(size_t state) const {
    return artifact->states[state].info;
  }
  /// Copies a whole state out or in; `bytes` must be its size.
  Status readState(size_t state, void *data, uint64_t bytes);
  Status writeState(size_t state, const void *data, uint64_t bytes);
  /// Makes all states zero.
  Status resetStates();

private:
  Session(narae_artifact *artifact, std::unique_ptr<Device> device);
  Status loadKernels();
  Status placeWeights();
  /// Gives weights addresses in a device with memory of its own.
  Status copyWeights(std::vector<void *> &addresses);
  Status placeStates();
  Status compilePatterns();
  Status checkState(size_t state, const void *data, uint64_t bytes) const;

  /// One run of one entry: plan, state and session under short names.
  class Run;

  narae_artifact *artifact;
  std::unique_ptr<Device> device;
  std::vector<NaraeObject *> objects;
  std::vector<NaraeKernel *> kernels;
  std::vector<DeviceMemory> weights; ///< copies, on devices with own memory
  std::vector<EntryPlan> plans;
  std::vector<EntryState> states;
  StringTable strings;
  std::vector<std::vector<str::Regex>> patterns; ///< by entry and call
  DeviceMemory arena;       ///< shared by the entries: one runs at a time
  DeviceMemory stateMemory; ///< on devices with own memory
  std::unique_ptr<ZeroMemory> hostStates;
  char *stateBase = nullptr;
  narae_trace_fn trace = nullptr;
  void *traceContext = nullptr;
};

/// Executes an entry once. The steps are in the order of their calls.
class Session::Run {
public:
  Run(Session &session, const EntryPlan &plan, EntryState &state)
      : session(session), device(*session.device), plan(plan), state(state) {}

  Status bindInputs(const narae_tensor *inputs);
  Status bindOutputs(const narae_tensor *outputs);
  Status prepare();
  Status execute();
  Status deliver(narae_tensor *outputs);

private:
  // Places (SessionPlaces.cpp).
  Status bytesOf(uint32_t buffer, uint64_t &bytes);
  Status place(uint32_t buffer, Place &result);
  Status placeEarly();
  Status reserveOutput(uint32_t output, uint64_t bytes);
  Status resolve(uint32_t buffer, void *&address, uint64_t &size);
  bool isText(uint32_t output) const {
    return plan.info.outputs[output].info.type == NARAE_STRING;
  }
  // Strings (SessionText.cpp).
  Status bindStrings(uint32_t input, const narae_tensor &tensor,
                     uint64_t bytes);
  Status showStrings(uint32_t output, void *data, uint64_t bytes);
  Status call(uint32_t call);
  // Outputs (Outputs.cpp).
  Status checkCallerShape(uint32_t output);
  Status deliverOne(uint32_t output, narae_tensor &tensor);
  // Commands (SessionRun.cpp).
  Status evaluate(const artifact::Command &command);
  Status readItem(const artifact::RegInst &inst);
  Status runCommands(uint32_t begin, uint32_t end);
  Status dispatch(const artifact::Dispatch &dispatch);
  Status copy(const artifact::Command &command);
  Status allocate(uint32_t buffer);
  std::string nameOf(uint32_t buffer) const;

  Session &session;
  Device &device;
  const EntryPlan &plan;
  EntryState &state;
};

/// Checks tensors against the inputs of an entry; all problems in one error.
Status checkInputs(const EntryPlan &plan, const narae_tensor *inputs,
                   size_t count);
/// Checks what can be known of the caller's outputs before the run.
Status checkOutputs(const EntryPlan &plan, const narae_tensor *outputs,
                    size_t count);
/// "[1, 3, 224]"
std::string formatShape(const int64_t *dims, size_t rank);

} // namespace narae::runtime

struct narae_session {
  std::unique_ptr<narae::runtime::Session> body;
};

#endif // NARAE_RUNTIME_SESSION_H
