//===- Session.cpp - Creates sessions ------------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "runtime/Session.h"
#include "lib/artifact/ProgramVerifier.h"

#include <algorithm>
#include <cstdio>
#include <numeric>

using namespace narae;
using namespace narae::artifact;
using namespace narae::runtime;

EntryState::EntryState(const EntryPlan &plan)
    : registers(plan.entry.registers()), inputDims(plan.inputDims, -1),
      places(plan.buffers.size()), slots(plan.slots),
      dynamic(plan.buffers.size()), inputs(plan.inputs), outputs(plan.outputs),
      launchBuffers(plan.maxBuffers + 1), launchParams(plan.maxParams + 1) {
  for (uint32_t i = 0; i < plan.outputs; ++i)
    outputs[i].shape.resize(plan.info.outputs[i].dims.size());
}

Session::Session(narae_artifact *artifact, std::unique_ptr<Device> opened)
    : artifact(artifact), device(std::move(opened)),
      strings(artifact->reader->program()) {
  artifact->retain();
}

Session::~Session() {
  // Nothing in the queue may use what is about to go.
  (void)device->wait();
  for (NaraeObject *object : objects)
    device->unload(object);
  // Memory goes back to the device before the device goes.
  states.clear();
  weights.clear();
  arena = DeviceMemory();
  stateMemory = DeviceMemory();
  device.reset();
  artifact->release();
}

Status Session::loadKernels() {
  const Program &program = artifact->reader->program();
  for (uint32_t i = 0; i < count(program.objects()); ++i) {
    Bytes bytes = artifact->reader->object(i);
    NaraeObject *object = nullptr;
    if (Status status = device->load(bytes.data, bytes.size, &object);
        status.failed())
      return status;
    objects.push_back(object);
  }
  for (uint32_t i = 0; i < count(program.kernels()); ++i) {
    const Kernel &kernel = *program.kernels()->Get(i);
    NaraeKernel *handle = nullptr;
    if (Status status = device->find(objects[kernel.object()],
                                     text(kernel.name()), &handle);
        status.failed())
      return status;
    device->annotate(handle, text(kernel.nodes()));
    kernels.push_back(handle);
  }
  return Status::success();
}

/// "1.50 GiB"
static std::string formatBytes(uint64_t bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f GiB", double(bytes) / (1 << 30));
  return bytes < (1 << 20) ? std::to_string(bytes) + " bytes" : text;
}

Status Session::copyWeights(std::vector<void *> &addresses) {
  const Reader &reader = *artifact->reader;
  size_t number = addresses.size();
  // The largest first: devices of several memories fill evenly, and what does
  // not fit shows at once.
  std::vector<size_t> order(number);
  std::iota(order.begin(), order.end(), size_t(0));
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    uint64_t left = reader.weight(a).size, right = reader.weight(b).size;
    return left != right ? left > right : a < b;
  });
  weights.resize(number);
  uint64_t placed = 0;
  for (size_t i : order) {
    Bytes bytes = reader.weight(i);
    Status status = weights[i].reserve(*device, bytes.size);
    addresses[i] = weights[i].data();
    if (status.ok() && !device->isTimingOnly())
      status = device->upload(addresses[i], bytes.data, bytes.size);
    if (status.failed())
      return Status::error(
          "no place for weight '" +
          std::string(text(reader.program()
                               .weights()
                               ->Get(static_cast<flatbuffers::uoffset_t>(i))
                               ->name())) +
          "' of " + formatBytes(bytes.size) + ", with " + formatBytes(placed) +
          " of " + formatBytes(reader.weightBytes()) +
          " of weights in the device: " + status.message());
    placed += bytes.size;
  }
  return device->wait();
}

Status Session::placeWeights() {
  const Reader &reader = *artifact->reader;
  size_t number = count(reader.program().weights());
  std::vector<void *> addresses(number);
  for (size_t i = 0; i < number && !device->isTimingOnly(); ++i)
    if (reader.weight(i).size && !reader.weight(i).data)
      return Status::error(
          "the artifact was compiled without weights: it can be timed on a "
          "simulator (--timing-only), and computes nothing");
  if (!device->isHost()) {
    if (Status status = copyWeights(addresses); status.failed())
      return status;
  } else {
    for (size_t i = 0; i < number; ++i)
      addresses[i] = const_cast<void *>(reader.weight(i).data);
  }
  for (size_t entry = 0; entry < states.size(); ++entry)
    for (uint32_t i = 0; i < number; ++i)
      states[entry].slots[plans[entry].weightSlot(i)] = addresses[i];
  return Status::success();
}

Expected<std::unique_ptr<Session>> Session::create(narae_artifact *artifact,
                                                   const char *deviceName,
                                                   int32_t threads) {
  const Program &program = artifact->reader->program();
  std::string name = deviceName ? deviceName : "";
  std::string base = name.substr(0, name.find(','));
  bool isFile =
      base.size() > 5 && base.compare(base.size() - 5, 5, ".json") == 0;
  if (base.empty())
    name = text(program.backend()) + name;
  else if (isFile && base.find(':') == std::string::npos)
    name = std::string(text(program.backend())) + ":" + name;
  Expected<std::unique_ptr<Device>> device = Device::open(name, threads);
  if (device.failed())
    return device.status();
  if (Status status = (*device)->checkTarget(text(program.target()));
      status.failed())
    return status;
  std::unique_ptr<Session> session(new Session(artifact, std::move(*device)));
  if (Status status = session->loadKernels(); status.failed())
    return status;
  size_t entries = count(program.entries());
  session->plans.reserve(entries);
  session->states.reserve(entries);
  for (uint32_t i = 0; i < entries; ++i) {
    session->plans.emplace_back(program, *program.entries()->Get(i),
                                artifact->entries[i]);
    session->states.emplace_back(session->plans.back());
  }
  if (Status status = session->placeWeights(); status.failed())
    return status;
  if (Status status = session->placeStates(); status.failed())
    return status;
  if (Status status = session->compilePatterns(); status.failed())
    return status;
  return session;
}

Status Session::run(size_t entry, const narae_tensor *inputs, size_t inputCount,
                    narae_tensor *outputs, size_t outputCount) {
  if (entry >= plans.size())
    return Status::error("there is no entry " + std::to_string(entry) +
                         "; the artifact has " + std::to_string(plans.size()));
  const EntryPlan &plan = plans[entry];
  if (Status status = checkInputs(plan, inputs, inputCount); status.failed())
    return status;
  if (Status status = checkOutputs(plan, outputs, outputCount); status.failed())
    return status;
  strings.beginRun();
  Run run(*this, plan, states[entry]);
  Status status = run.bindInputs(inputs);
  if (status.ok())
    status = run.bindOutputs(outputs);
  if (status.ok())
    status = run.prepare();
  if (status.ok())
    status = run.execute();
  if (status.ok())
    status = run.deliver(outputs);
  if (status.ok())
    return status;
  // The caller's memory may go once the run has failed.
  (void)device->wait();
  return Status::error("entry '" + std::string(plan.info.name) +
                       "': " + status.message());
}
