//===- NpuModule.cpp - The Python extension `_npu` ------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Machines, programs and the simulator of the NPU, without LLVM. A thin layer:
// `narae/npu.py` has the classes and the arrays.
//
//===----------------------------------------------------------------------===//

#include "backends/npu/isa/Assembly.h"
#include "backends/npu/timing/Timing.h"
#include "backends/targets/TargetFiles.h"

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <mutex>

namespace py = pybind11;
using namespace narae;
using namespace narae::npu;

namespace {

/// Becomes a ValueError.
void check(const Status &status) {
  if (status.failed())
    throw py::value_error(status.message());
}

py::str text(const std::string &bytes) {
  return py::reinterpret_steal<py::str>(
      PyUnicode_DecodeUTF8(bytes.data(), py::ssize_t(bytes.size()), "replace"));
}

std::string joined(const std::vector<std::string> &problems) {
  std::string result;
  for (const std::string &problem : problems)
    result += (result.empty() ? "" : "\n") + problem;
  return result;
}

Machine machineOf(const std::string &json) {
  std::vector<std::string> problems;
  Machine machine = readMachine(json, problems);
  if (!problems.empty())
    throw py::value_error(joined(problems));
  return machine;
}

/// (path, value, where it comes from, whether it is assumed) of all numbers.
py::list fieldsOf(Machine &machine) {
  py::list result;
  visitFields(machine, [&](const MachineField &field) {
    auto found = machine.provenance.find(field.path);
    Provenance origin =
        found == machine.provenance.end() ? Provenance() : found->second;
    py::object value = field.integer ? py::object(py::int_(*field.integer))
                                     : py::object(py::float_(*field.real));
    result.append(
        py::make_tuple(field.path, value, text(origin.text), origin.assumed));
  });
  return result;
}

Program assembled(const std::string &source) {
  std::vector<std::string> problems;
  Program program = assemble(source, problems);
  if (!problems.empty())
    throw py::value_error(joined(problems));
  return program;
}

Program programOf(const py::bytes &bytes) {
  std::string_view view = bytes;
  Expected<Program> program =
      readProgram(reinterpret_cast<const uint8_t *>(view.data()), view.size());
  check(program.status());
  return *program;
}

/// (kind, engine, word, message); the last three are empty for a deadlock.
py::object faultOf(const std::optional<Fault> &fault) {
  if (!fault)
    return py::none();
  return py::make_tuple(faultText(fault->kind), describe(fault->engine),
                        fault->word, text(fault->message));
}

/// A simulator that one thread uses at a time.
class Machinery {
public:
  Machinery(const Machine &machine, bool track, bool data, uint64_t limit)
      : simulator(machine, optionsOf(track, data, limit)) {}

  void load(const Program &program) {
    auto lock = enter();
    launched = false;
    check(simulator.load(program));
  }
  void launch(const std::vector<int64_t> &parameters) {
    auto lock = enter();
    check(simulator.launch(parameters));
    launched = true;
  }
  py::object run() {
    auto lock = enter();
    needLaunch();
    std::optional<Fault> fault;
    {
      py::gil_scoped_release released;
      fault = simulator.run();
    }
    return faultOf(fault);
  }
  /// (kind, word, instruction) of a step.
  py::tuple step(size_t stream) {
    auto lock = enter();
    needStream(stream);
    Step step = simulator.step(stream);
    static const char *const kinds[] = {"executed", "blocked", "finished",
                                        "faulted"};
    return py::make_tuple(kinds[int(step.kind)], step.word,
                          step.instruction ? text(print(*step.instruction))
                                           : py::str());
  }
  py::object fault() const { return faultOf(simulator.fault()); }
  /// (engine, status, word, registers) of a stream.
  py::tuple stream(size_t number) {
    auto lock = enter();
    needStream(number);
    const StreamState &state = simulator.state().streams[number];
    static const char *const statuses[] = {"ready", "blocked", "finished"};
    return py::make_tuple(
        describe(state.id), statuses[state.status], state.pc,
        std::vector<int64_t>(state.registers.begin(), state.registers.end()));
  }
  size_t streams() const { return simulator.state().streams.size(); }

  void write(int space, int32_t unit, int64_t address, const py::bytes &data) {
    auto lock = enter();
    std::string_view bytes = data;
    check(simulator.write(Space(space), unit, address, bytes.data(),
                          bytes.size()));
  }
  py::bytes read(int space, int32_t unit, int64_t address, size_t size) {
    auto lock = enter();
    // Before the memory for it is asked for.
    check(simulator.read(Space(space), unit, address, nullptr, 0));
    if (size > uint64_t(simulator.state().bytes(Space(space))))
      throw py::value_error(
          std::to_string(size) + " bytes are more than " +
          spaceText(Space(space)) + " " + std::to_string(unit) + " has, " +
          std::to_string(simulator.state().bytes(Space(space))));
    std::string bytes(size, '\0');
    check(simulator.read(Space(space), unit, address, bytes.data(), size));
    return bytes;
  }
  /// (fault, report as JSON, as text, timeline).
  py::tuple time(bool timeline, bool pipelinedFolds) {
    auto lock = enter();
    needLaunch();
    TimingOptions options;
    options.timeline = timeline;
    options.pipelinedFolds = pipelinedFolds;
    TimingReport report;
    std::string json, words, trace;
    {
      py::gil_scoped_release released;
      report = timeProgram(simulator, options);
      if (!report.fault) {
        json = reportJson(report, simulator.state().machine);
        words = reportText(report);
        trace = timeline ? traceJson(report) : "";
      }
    }
    return py::make_tuple(faultOf(report.fault), text(json), text(words),
                          text(trace));
  }
  uint64_t executed() const { return simulator.executed(); }

private:
  static SimulatorOptions optionsOf(bool track, bool data, uint64_t limit) {
    SimulatorOptions options;
    options.track = track && data;
    options.data = data;
    options.instructionLimit = limit;
    return options;
  }
  std::unique_lock<std::mutex> enter() {
    std::unique_lock<std::mutex> lock(mutex, std::try_to_lock);
    if (!lock)
      throw py::value_error("another thread is using this simulator");
    return lock;
  }
  void needLaunch() const {
    if (!launched)
      throw py::value_error("nothing is launched: call launch first");
    if (simulator.fault())
      throw py::value_error("the run ended with a fault: call launch again");
  }
  void needStream(size_t stream) const {
    needLaunch();
    if (stream >= streams())
      throw py::value_error("there is no stream " + std::to_string(stream) +
                            "; the program has " + std::to_string(streams()));
  }

  std::mutex mutex;
  Simulator simulator;
  bool launched = false;
};

} // namespace

PYBIND11_MODULE(_npu, module) {
  module.doc() = "The simulated NPU, without comfort.";
  module.def("target_names", &targets::names);
  module.def("read_target", [](const std::string &target) {
    std::string json, error;
    if (!targets::read(target, json, error))
      throw py::value_error(error);
    return text(json);
  });
  module.def("check_target", [](const std::string &json) {
    std::vector<std::string> problems;
    readMachine(json, problems);
    return problems;
  });

  py::class_<Machine>(module, "Machine")
      .def(py::init(&machineOf))
      .def_property_readonly("name",
                             [](const Machine &m) { return text(m.name); })
      .def("fields", &fieldsOf)
      .def("hash", &Machine::hash);

  py::class_<Program>(module, "Program")
      .def(py::init(&programOf))
      .def("bytes",
           [](const Program &program) {
             std::vector<uint8_t> bytes = writeProgram(program);
             return py::bytes(reinterpret_cast<const char *>(bytes.data()),
                              bytes.size());
           })
      .def("disassemble",
           [](const Program &program) { return text(disassemble(program)); })
      .def("check",
           [](const Program &program, const Machine &machine) {
             py::list problems;
             for (const std::string &problem : verify(program, machine))
               problems.append(text(problem));
             return problems;
           })
      .def("words", [](const Program &program) { return program.code.size(); })
      .def("streams",
           [](const Program &program) {
             std::vector<std::string> names;
             for (const Stream &stream : program.streams)
               names.push_back(describe(stream.engine));
             return names;
           })
      .def("parameters", [](const Program &program) {
        py::list result;
        for (const Parameter &parameter : program.parameters)
          result.append(py::make_tuple(text(parameter.name), parameter.low,
                                       parameter.high));
        return result;
      });
  module.def("assemble", &assembled);

  py::class_<Machinery>(module, "Simulator")
      .def(py::init<const Machine &, bool, bool, uint64_t>())
      .def("load", &Machinery::load)
      .def("launch", &Machinery::launch)
      .def("run", &Machinery::run)
      .def("step", &Machinery::step)
      .def("fault", &Machinery::fault)
      .def("stream", &Machinery::stream)
      .def("streams", &Machinery::streams)
      .def("write", &Machinery::write)
      .def("read", &Machinery::read)
      .def("time", &Machinery::time)
      .def("executed", &Machinery::executed);
}
