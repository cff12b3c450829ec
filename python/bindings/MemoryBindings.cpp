//===- MemoryBindings.cpp - The memory planner for Python -----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Models cross as tuples; `narae/memory.py` has the classes.
//
//===----------------------------------------------------------------------===//

#include "lib/memory/planner/Csv.h"
#include "lib/memory/planner/Generator.h"
#include "lib/memory/planner/Model.h"
#include "python/bindings/Bindings.h"

#include <pybind11/stl.h>

namespace py = pybind11;
using namespace narae;
using narae::python::text;

namespace {

/// (name, lower, upper, size, alignment, offset, space)
using BufferTuple = std::tuple<std::string, int64_t, int64_t, uint64_t,
                               uint64_t, std::optional<uint64_t>, uint32_t>;
/// (name, capacity, reserve, granule)
using SpaceTuple =
    std::tuple<std::string, std::optional<uint64_t>, uint64_t, uint64_t>;
/// (buffers, whether they share)
using GroupTuple = std::pair<std::vector<uint32_t>, bool>;

memory::Model makeModel(const std::vector<BufferTuple> &buffers,
                        const std::vector<SpaceTuple> &spaces,
                        const std::vector<GroupTuple> &groups) {
  memory::Model model;
  for (const auto &[name, capacity, reserve, granule] : spaces)
    model.spaces.push_back({name, capacity, reserve, granule});
  for (const auto &[name, lower, upper, size, alignment, offset, space] :
       buffers) {
    model.buffers.push_back({name, lower, upper, size, alignment, offset});
    model.spaceOf.push_back(space);
  }
  for (const auto &[members, shares] : groups)
    model.groups.push_back({members, shares});
  return model;
}

py::list texts(const std::vector<std::string> &strings) {
  py::list result;
  for (const std::string &string : strings)
    result.append(text(string));
  return result;
}

BufferTuple describe(const memory::Buffer &buffer) {
  return {buffer.name,
          buffer.lower,
          buffer.upper,
          buffer.size,
          buffer.alignment,
          buffer.offset,
          0};
}

py::list describe(const memory::Problem &problem) {
  py::list result;
  for (const memory::Buffer &buffer : problem.buffers) {
    auto [name, lower, upper, size, alignment, offset, space] =
        describe(buffer);
    result.append(py::make_tuple(text(name), lower, upper, size, alignment,
                                 offset, space));
  }
  return result;
}

/// Keeps decisions until the GIL is held again.
struct Recorder : memory::Observer {
  using Trial = std::tuple<size_t, std::string, std::optional<uint64_t>, bool>;
  using Place = std::tuple<uint32_t, uint64_t,
                           std::vector<std::pair<uint64_t, uint32_t>>>;
  std::vector<Trial> trials;
  std::vector<Place> places;

  void tried(size_t part, const std::string &strategy,
             std::optional<uint64_t> peak, bool isKept) override {
    trials.emplace_back(part, strategy, peak, isKept);
  }
  void placed(uint32_t buffer, uint64_t offset,
              const std::vector<memory::Rejection> &rejected) override {
    std::vector<std::pair<uint64_t, uint32_t>> pairs;
    for (const memory::Rejection &rejection : rejected)
      pairs.emplace_back(rejection.offset, rejection.blocker);
    places.emplace_back(buffer, offset, std::move(pairs));
  }
};

py::tuple allocate(const std::vector<BufferTuple> &buffers,
                   const std::vector<SpaceTuple> &spaces,
                   const std::vector<GroupTuple> &groups,
                   std::optional<uint64_t> budget, uint32_t threads,
                   bool records) {
  memory::Model model = makeModel(buffers, spaces, groups);
  memory::Options options;
  Recorder recorder;
  options.budget = budget.value_or(options.budget);
  options.threads = threads;
  options.observer = records ? &recorder : nullptr;
  memory::Solution solution;
  {
    py::gil_scoped_release released;
    solution = memory::allocate(model, options);
  }
  py::list plans;
  for (const memory::Plan &plan : solution.spaces)
    plans.append(py::make_tuple(plan.peak, plan.lowerBound, plan.strategy,
                                plan.isProvenTooLarge));
  return py::make_tuple(solution.offsets, plans, recorder.trials,
                        recorder.places);
}

/// \param peaks of the spaces.
py::list verify(const std::vector<BufferTuple> &buffers,
                const std::vector<SpaceTuple> &spaces,
                const std::vector<GroupTuple> &groups,
                const std::vector<uint64_t> &offsets,
                const std::vector<uint64_t> &peaks) {
  memory::Model model = makeModel(buffers, spaces, groups);
  memory::Solution solution;
  solution.offsets = offsets;
  for (uint64_t peak : peaks)
    solution.spaces.emplace_back().peak = peak;
  return texts(memory::verify(model, solution));
}

/// (buffers, errors) of CSV text.
py::tuple readCsv(const std::string &bytes) {
  std::vector<std::string> errors;
  std::optional<memory::Problem> problem = memory::readCsv(bytes, errors);
  return py::make_tuple(problem ? describe(*problem) : py::list(),
                        texts(errors));
}

py::str writeCsv(const std::vector<BufferTuple> &buffers,
                 const std::optional<std::vector<uint64_t>> &offsets) {
  memory::Problem problem;
  problem.buffers = makeModel(buffers, {}, {}).buffers;
  memory::Plan plan;
  plan.offsets = offsets.value_or(std::vector<uint64_t>());
  return text(memory::writeCsv(problem, offsets ? &plan : nullptr));
}

/// (buffers, offsets of a perfect plan, its peak)
py::tuple generate(uint32_t numBuffers, int64_t duration, uint64_t capacity,
                   uint64_t alignment, uint64_t seed, int pattern) {
  memory::GeneratedProblem generated =
      memory::generate({numBuffers, duration, capacity, alignment, seed,
                        static_cast<memory::Pattern>(pattern)});
  return py::make_tuple(describe(generated.problem), generated.solution.offsets,
                        generated.solution.peak);
}

} // namespace

void narae::python::bindMemory(py::module_ &module) {
  module.def("memory_allocate", &allocate);
  module.def("memory_check", [](const std::vector<BufferTuple> &buffers,
                                const std::vector<SpaceTuple> &spaces,
                                const std::vector<GroupTuple> &groups) {
    return texts(memory::check(makeModel(buffers, spaces, groups)));
  });
  module.def("memory_lower_bounds", [](const std::vector<BufferTuple> &buffers,
                                       const std::vector<SpaceTuple> &spaces,
                                       const std::vector<GroupTuple> &groups) {
    return memory::lowerBounds(makeModel(buffers, spaces, groups));
  });
  module.def("memory_verify", &verify);
  module.def("memory_read_csv", &readCsv);
  module.def("memory_write_csv", &writeCsv);
  module.def("memory_generate", &generate);
}
