//===- CApi.cpp - The C API of the runtime -------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/artifact/Types.h"
#include "narae/runtime.h"
#include "runtime/Artifact.h"
#include "runtime/Registry.h"
#include "runtime/Session.h"

#include <cstddef>
#include <cstring>
#include <exception>
#include <new>

using namespace narae;
using namespace narae::runtime;

struct narae_status {
  std::string message;
};

/// For errors when there is no memory left to describe them.
static narae_status &outOfMemory() {
  static narae_status status{"out of memory"};
  return status;
}

static narae_status *toC(const Status &status) {
  return status.ok() ? nullptr : new narae_status{status.message()};
}

/// Calls `body`, which returns a Status; no exception gets out.
template <typename Fn>
static narae_status *guarded(Fn body) {
  try {
    try {
      return toC(body());
    } catch (const std::bad_alloc &) {
      return &outOfMemory();
    } catch (const std::exception &failure) {
      return new narae_status{std::string("internal error: ") + failure.what()};
    }
  } catch (...) {
    return &outOfMemory();
  }
}

/// Whether an options struct of the caller's version has a field.
#define NARAE_HAS_OPTION(options, type, field)                                 \
  ((options) &&                                                                \
   (options)->struct_size >= offsetof(type, field) + sizeof((options)->field))

const char *narae_status_message(const narae_status *status) {
  return status ? status->message.c_str() : "";
}

void narae_status_free(narae_status *status) {
  if (status != &outOfMemory())
    delete status;
}

size_t narae_type_size(narae_type type) { return artifact::typeSize(type); }

const char *narae_type_name(narae_type type) {
  return artifact::typeName(type);
}

static artifact::ReadOptions convertOptions(const narae_load_options *options) {
  artifact::ReadOptions result;
  if (NARAE_HAS_OPTION(options, narae_load_options, verify_weights))
    result.verifyWeights = options->verify_weights != 0;
  if (NARAE_HAS_OPTION(options, narae_load_options, weights_dir) &&
      options->weights_dir)
    result.weightsDir = options->weights_dir;
  return result;
}

static Status wrapReader(Expected<std::unique_ptr<artifact::Reader>> reader,
                         narae_artifact **result) {
  if (reader.failed())
    return reader.status();
  *result = new narae_artifact(std::move(*reader));
  return Status::success();
}

narae_status *narae_artifact_load(const char *path,
                                  const narae_load_options *options,
                                  narae_artifact **artifact) {
  return guarded([&] {
    *artifact = nullptr;
    if (!path)
      return Status::error("no path was given");
    return wrapReader(artifact::Reader::open(path, convertOptions(options)),
                      artifact);
  });
}

narae_status *narae_artifact_load_memory(const void *data, size_t size,
                                         const narae_load_options *options,
                                         narae_artifact **artifact) {
  return guarded([&] {
    *artifact = nullptr;
    return wrapReader(
        artifact::Reader::fromMemory(data, size, convertOptions(options)),
        artifact);
  });
}

void narae_artifact_release(narae_artifact *artifact) {
  if (artifact)
    artifact->release();
}

size_t narae_artifact_entry_count(const narae_artifact *artifact) {
  return artifact->entries.size();
}

const char *narae_artifact_entry_name(const narae_artifact *artifact,
                                      size_t entry) {
  return entry < artifact->entries.size() ? artifact->entries[entry].name
                                          : nullptr;
}

size_t narae_artifact_input_count(const narae_artifact *artifact,
                                  size_t entry) {
  return entry < artifact->entries.size()
             ? artifact->entries[entry].inputs.size()
             : 0;
}

size_t narae_artifact_output_count(const narae_artifact *artifact,
                                   size_t entry) {
  return entry < artifact->entries.size()
             ? artifact->entries[entry].outputs.size()
             : 0;
}

const narae_tensor_info *narae_artifact_input(const narae_artifact *artifact,
                                              size_t entry, size_t i) {
  return i < narae_artifact_input_count(artifact, entry)
             ? &artifact->entries[entry].inputs[i].info
             : nullptr;
}

const narae_tensor_info *narae_artifact_output(const narae_artifact *artifact,
                                               size_t entry, size_t i) {
  return i < narae_artifact_output_count(artifact, entry)
             ? &artifact->entries[entry].outputs[i].info
             : nullptr;
}

static const char *textOf(const flatbuffers::String *string) {
  return string ? string->c_str() : "";
}

const char *narae_artifact_report(const narae_artifact *artifact) {
  return textOf(artifact->reader->program().report());
}

const char *narae_artifact_target(const narae_artifact *artifact) {
  return textOf(artifact->reader->program().target());
}

uint64_t narae_artifact_weight_bytes(const narae_artifact *artifact) {
  return artifact->reader->weightBytes();
}

const char *narae_artifact_metadata(const narae_artifact *artifact) {
  return textOf(artifact->reader->program().metadata());
}

size_t narae_artifact_attachment_count(const narae_artifact *artifact) {
  const auto *attachments = artifact->reader->program().attachments();
  return attachments ? attachments->size() : 0;
}

const char *narae_artifact_attachment_name(const narae_artifact *artifact,
                                           size_t i) {
  if (i >= narae_artifact_attachment_count(artifact))
    return nullptr;
  return textOf(artifact->reader->program()
                    .attachments()
                    ->Get(static_cast<flatbuffers::uoffset_t>(i))
                    ->name());
}

const void *narae_artifact_attachment(const narae_artifact *artifact,
                                      const char *name, size_t *size) {
  for (size_t i = 0, n = narae_artifact_attachment_count(artifact); i < n;
       ++i) {
    if (std::strcmp(narae_artifact_attachment_name(artifact, i), name) != 0)
      continue;
    artifact::Bytes bytes = artifact->reader->attachment(i);
    *size = static_cast<size_t>(bytes.size);
    return bytes.data;
  }
  *size = 0;
  return nullptr;
}

narae_status *narae_session_create(narae_artifact *artifact,
                                   const narae_session_options *options,
                                   narae_session **session) {
  return guarded([&] {
    *session = nullptr;
    const char *device = nullptr;
    int32_t threads = 0;
    if (NARAE_HAS_OPTION(options, narae_session_options, device))
      device = options->device;
    if (NARAE_HAS_OPTION(options, narae_session_options, threads))
      threads = options->threads;
    Expected<std::unique_ptr<Session>> created =
        Session::create(artifact, device, threads);
    if (created.failed())
      return created.status();
    *session = new narae_session{std::move(*created)};
    return Status::success();
  });
}

void narae_session_release(narae_session *session) { delete session; }

narae_status *narae_session_run(narae_session *session, size_t entry,
                                const narae_tensor *inputs, size_t input_count,
                                narae_tensor *outputs, size_t output_count) {
  return guarded([&] {
    return session->body->run(entry, inputs, input_count, outputs,
                              output_count);
  });
}

size_t narae_session_state_count(const narae_session *session) {
  return session->body->stateCount();
}

const narae_state_info *narae_session_state_info(const narae_session *session,
                                                 size_t i) {
  return i < session->body->stateCount() ? &session->body->stateInfo(i)
                                         : nullptr;
}

narae_status *narae_session_state_read(narae_session *session, size_t i,
                                       void *data, uint64_t bytes) {
  return guarded([&] { return session->body->readState(i, data, bytes); });
}

narae_status *narae_session_state_write(narae_session *session, size_t i,
                                        const void *data, uint64_t bytes) {
  return guarded([&] { return session->body->writeState(i, data, bytes); });
}

narae_status *narae_session_state_reset(narae_session *session) {
  return guarded([&] { return session->body->resetStates(); });
}

void narae_session_set_trace(narae_session *session, narae_trace_fn fn,
                             void *context) {
  session->body->setTrace(fn, context);
}

narae_status *narae_session_device_report(narae_session *session,
                                          const char *kind, NaraeSink sink,
                                          void *context) {
  return guarded([&] {
    return kind ? session->body->deviceReport(kind, sink, context)
                : Status::error("no kind of report was given");
  });
}

uint64_t narae_session_arena_bytes(const narae_session *session) {
  return session->body->arenaBytes();
}

narae_status *narae_register_backend(const NaraeBackendRuntime *backend) {
  return guarded([&] { return registerBackend(backend); });
}

narae_status *narae_load_plugin(const char *path) {
  return guarded([&] {
    return path ? loadPlugin(path).status()
                : Status::error("no path was given");
  });
}

narae_status *narae_list_devices(NaraeSink sink, void *context) {
  return guarded([&] {
    std::string text = listDevices();
    sink(context, text.data(), text.size());
    return Status::success();
  });
}

const char *narae_version(void) { return NARAE_VERSION_TEXT; }
