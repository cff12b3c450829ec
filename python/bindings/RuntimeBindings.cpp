//===- RuntimeBindings.cpp - The runtime for Python -----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Tensors cross as tuples (type, shape, address): the Python side keeps their
// memory alive during the call.
//
//===----------------------------------------------------------------------===//

#include "python/bindings/Bindings.h"

#include "narae/runtime.h"

#include <pybind11/stl.h>

#include <cstring>
#include <memory>
#include <mutex>
#include <optional>

namespace py = pybind11;

namespace {

using TensorTuple = std::tuple<int, std::vector<int64_t>, uintptr_t>;
using TraceTuple = std::tuple<std::string, std::string, uint64_t, uint64_t>;

using narae::python::text;

/// A failed status; becomes a RuntimeError of Python.
struct Failure {
  std::string message;
};

/// Turns a failed status into an exception. The GIL need not be held.
void check(narae_status *status) {
  if (!status)
    return;
  std::string message = narae_status_message(status);
  narae_status_free(status);
  throw Failure{std::move(message)};
}

/// An artifact, and what keeps its memory alive.
struct Artifact {
  Artifact(const std::string &path, bool verify,
           const std::optional<std::string> &weightsDir) {
    narae_load_options options = {sizeof options, verify,
                                  weightsDir ? weightsDir->c_str() : nullptr};
    narae_artifact *loaded = nullptr;
    check(narae_artifact_load(path.c_str(), &options, &loaded));
    handle.reset(loaded);
  }
  std::unique_ptr<narae_artifact, void (*)(narae_artifact *)> handle{
      nullptr, narae_artifact_release};
};

struct Session {
  Session(const Artifact &artifact, const std::optional<std::string> &device,
          int32_t threads) {
    narae_session_options options = {
        sizeof options, device ? device->c_str() : nullptr, threads};
    narae_session *created = nullptr;
    check(narae_session_create(artifact.handle.get(), &options, &created));
    handle.reset(created);
  }
  std::unique_ptr<narae_session, void (*)(narae_session *)> handle{
      nullptr, narae_session_release};
  /// Serialises runs: a session is used by one thread at a time.
  std::mutex mutex;
};

py::tuple describe(const narae_tensor_info &info) {
  py::list dims;
  for (size_t i = 0; i < info.rank; ++i) {
    const narae_dim &dim = info.dims[i];
    dims.append(py::make_tuple(dim.value, dim.min, dim.max, text(dim.name)));
  }
  return py::make_tuple(text(info.name), static_cast<int>(info.type), dims);
}

py::list entries(const Artifact &artifact) {
  const narae_artifact *handle = artifact.handle.get();
  py::list result;
  for (size_t e = 0, n = narae_artifact_entry_count(handle); e < n; ++e) {
    py::list inputs, outputs;
    for (size_t i = 0; i < narae_artifact_input_count(handle, e); ++i)
      inputs.append(describe(*narae_artifact_input(handle, e, i)));
    for (size_t i = 0; i < narae_artifact_output_count(handle, e); ++i)
      outputs.append(describe(*narae_artifact_output(handle, e, i)));
    result.append(py::make_tuple(text(narae_artifact_entry_name(handle, e)),
                                 inputs, outputs));
  }
  return result;
}

py::list attachments(const Artifact &artifact) {
  const narae_artifact *handle = artifact.handle.get();
  py::list names;
  for (size_t i = 0, n = narae_artifact_attachment_count(handle); i < n; ++i)
    names.append(text(narae_artifact_attachment_name(handle, i)));
  return names;
}

/// The bytes of an attachment; None when there is none of that name.
py::object attachment(const Artifact &artifact, const std::string &name) {
  size_t size = 0;
  const void *data =
      narae_artifact_attachment(artifact.handle.get(), name.c_str(), &size);
  if (!data)
    return py::none();
  return py::bytes(static_cast<const char *>(data), size);
}

/// (tensor, bytes, kind, axis, window) of each state.
py::list states(const Session &session) {
  narae_session *handle = session.handle.get();
  py::list result;
  for (size_t i = 0, n = narae_session_state_count(handle); i < n; ++i) {
    const narae_state_info &info = *narae_session_state_info(handle, i);
    result.append(py::make_tuple(describe(info.tensor), info.bytes,
                                 text(info.kind), info.axis, info.window));
  }
  return result;
}

void readState(Session &session, size_t index, uintptr_t address,
               uint64_t bytes) {
  py::gil_scoped_release released;
  std::lock_guard<std::mutex> lock(session.mutex);
  check(narae_session_state_read(session.handle.get(), index,
                                 reinterpret_cast<void *>(address), bytes));
}

void writeState(Session &session, size_t index, uintptr_t address,
                uint64_t bytes) {
  py::gil_scoped_release released;
  std::lock_guard<std::mutex> lock(session.mutex);
  check(narae_session_state_write(session.handle.get(), index,
                                  reinterpret_cast<void *>(address), bytes));
}

void resetStates(Session &session) {
  py::gil_scoped_release released;
  std::lock_guard<std::mutex> lock(session.mutex);
  check(narae_session_state_reset(session.handle.get()));
}

void appendText(void *context, const char *data, size_t size) {
  static_cast<std::string *>(context)->append(data, size);
}

py::str deviceReport(Session &session, const std::string &kind) {
  std::string result;
  {
    py::gil_scoped_release released;
    std::lock_guard<std::mutex> lock(session.mutex);
    check(narae_session_device_report(session.handle.get(), kind.c_str(),
                                      appendText, &result));
  }
  return text(result);
}

void recordTrace(void *context, const char *kernel, const char *nodes,
                 uint64_t begin, uint64_t end) {
  static_cast<std::vector<TraceTuple> *>(context)->emplace_back(kernel, nodes,
                                                                begin, end);
}

narae_tensor tensorOf(const TensorTuple &tuple) {
  const auto &[type, shape, address] = tuple;
  return {static_cast<narae_type>(type), shape.size(), shape.data(),
          reinterpret_cast<void *>(address)};
}

/// Runs an entry and hands its outputs to `receive` before the next run may
/// begin: they may point into the session.
py::object run(Session &session, size_t entry,
               const std::vector<TensorTuple> &inputs,
               const std::vector<std::optional<TensorTuple>> &outputs,
               const py::function &receive, std::vector<TraceTuple> *trace) {
  std::vector<narae_tensor> in, out;
  for (const TensorTuple &tuple : inputs)
    in.push_back(tensorOf(tuple));
  for (const std::optional<TensorTuple> &tuple : outputs)
    out.push_back(tuple ? tensorOf(*tuple) : narae_tensor{});
  std::unique_lock<std::mutex> lock(session.mutex, std::defer_lock);
  {
    py::gil_scoped_release released;
    lock.lock();
    narae_session *handle = session.handle.get();
    if (trace)
      narae_session_set_trace(handle, recordTrace, trace);
    narae_status *status = narae_session_run(handle, entry, in.data(),
                                             in.size(), out.data(), out.size());
    narae_session_set_trace(handle, nullptr, nullptr);
    check(status);
  }
  py::list results;
  for (const narae_tensor &tensor : out)
    results.append(
        py::make_tuple(static_cast<int>(tensor.type),
                       py::tuple(py::cast(std::vector<int64_t>(
                           tensor.shape, tensor.shape + tensor.rank))),
                       reinterpret_cast<uintptr_t>(tensor.data)));
  return receive(results);
}

/// Copies bytes between two addresses that the Python side vouches for.
void copyMemory(uintptr_t to, uintptr_t from, size_t bytes) {
  if (bytes)
    std::memcpy(reinterpret_cast<void *>(to),
                reinterpret_cast<const void *>(from), bytes);
}

/// Reads an array of zero-terminated strings.
py::list readStrings(uintptr_t address, size_t count) {
  const char *const *strings = reinterpret_cast<const char *const *>(address);
  py::list result;
  for (size_t i = 0; i < count; ++i)
    result.append(py::bytes(strings[i] ? strings[i] : ""));
  return result;
}

} // namespace

void narae::python::bindRuntime(py::module_ &module) {
  py::register_exception_translator([](std::exception_ptr thrown) {
    try {
      if (thrown)
        std::rethrow_exception(thrown);
    } catch (const Failure &failure) {
      PyErr_SetObject(PyExc_RuntimeError, text(failure.message).ptr());
    }
  });
  py::class_<Artifact>(module, "Artifact")
      .def(py::init<const std::string &, bool,
                    const std::optional<std::string> &>(),
           py::call_guard<py::gil_scoped_release>())
      .def("entries", &entries)
      .def("report",
           [](const Artifact &artifact) {
             return text(narae_artifact_report(artifact.handle.get()));
           })
      .def("target",
           [](const Artifact &artifact) {
             return text(narae_artifact_target(artifact.handle.get()));
           })
      .def("weight_bytes",
           [](const Artifact &artifact) {
             return narae_artifact_weight_bytes(artifact.handle.get());
           })
      .def("metadata",
           [](const Artifact &artifact) {
             return text(narae_artifact_metadata(artifact.handle.get()));
           })
      .def("attachments", &attachments)
      .def("attachment", &attachment);
  py::class_<Session>(module, "Session")
      .def(py::init<const Artifact &, const std::optional<std::string> &,
                    int32_t>(),
           py::call_guard<py::gil_scoped_release>())
      .def("run",
           [](Session &session, size_t entry,
              const std::vector<TensorTuple> &inputs,
              const std::vector<std::optional<TensorTuple>> &outputs,
              const py::function &receive) {
             return run(session, entry, inputs, outputs, receive, nullptr);
           })
      .def("run_traced",
           [](Session &session, size_t entry,
              const std::vector<TensorTuple> &inputs,
              const std::vector<std::optional<TensorTuple>> &outputs,
              const py::function &receive) {
             std::vector<TraceTuple> trace;
             py::object result =
                 run(session, entry, inputs, outputs, receive, &trace);
             py::list times;
             for (const auto &[kernel, nodes, begin, end] : trace)
               times.append(
                   py::make_tuple(text(kernel), text(nodes), begin, end));
             return py::make_tuple(result, times);
           })
      .def("arena_bytes",
           [](const Session &session) {
             return narae_session_arena_bytes(session.handle.get());
           })
      .def("device_report", &deviceReport)
      .def("states", &states)
      .def("read_state", &readState)
      .def("write_state", &writeState)
      .def("reset_states", &resetStates);
  module.def("type_name", [](int type) {
    return narae_type_name(static_cast<narae_type>(type));
  });
  module.def("list_devices", [] {
    std::string result;
    check(narae_list_devices(appendText, &result));
    return text(result);
  });
  module.def("copy_memory", &copyMemory);
  module.def("read_strings", &readStrings);
}
