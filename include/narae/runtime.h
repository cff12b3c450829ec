//===- runtime.h - The C API of the Narae runtime ---------------*- C -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===---------------------------------------------------------------------===//
//
// Loads `.narae` artifacts and runs them. Handles are opaque, every function
// that can fail returns a status that the caller frees, and no C++ exception
// crosses. An artifact is immutable and may be shared by threads; a session
// is used by one thread at a time.
//
//===---------------------------------------------------------------------===//

#ifndef NARAE_RUNTIME_H
#define NARAE_RUNTIME_H

#include "narae/backend.h"

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define NARAE_API __attribute__((visibility("default")))
#else
#define NARAE_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/// Null means success. Free with narae_status_free.
typedef struct narae_status narae_status;
NARAE_API const char *narae_status_message(const narae_status *status);
NARAE_API void narae_status_free(narae_status *status);

/// Element types; the numbers are stored in artifacts and never change.
typedef enum narae_type {
  NARAE_F32 = 1,
  NARAE_F64 = 2,
  NARAE_F16 = 3,
  NARAE_BF16 = 4,
  NARAE_I8 = 5,
  NARAE_I16 = 6,
  NARAE_I32 = 7,
  NARAE_I64 = 8,
  NARAE_U8 = 9,
  NARAE_U16 = 10,
  NARAE_U32 = 11,
  NARAE_U64 = 12,
  NARAE_BOOL = 13, ///< one byte, 0 or 1
  NARAE_F8E4M3FN = 14,
  NARAE_F8E5M2 = 15,
  NARAE_F8E4M3FNUZ = 16,
  NARAE_F8E5M2FNUZ = 17,
  NARAE_F8E8M0 = 18,
  NARAE_I4 = 19,
  NARAE_U4 = 20,
  NARAE_I2 = 21,
  NARAE_U2 = 22,
  NARAE_F4E2M1 = 23, ///< types below a byte take one byte an element
  /// `const char *`, the address of a zero-terminated string; a tensor's data
  /// is an array of them. Inputs are copied when a run begins. Those of
  /// outputs, in the caller's array as well, are valid until the session's next
  /// run.
  NARAE_STRING = 24,
  // Quantised blocks along the last dimension, as GGUF lays them out. A row's
  // last block is filled up; the shape is that of the elements.
  NARAE_BLOCK_Q4_0 = 25,
  NARAE_BLOCK_Q4_1 = 26,
  NARAE_BLOCK_Q5_0 = 27,
  NARAE_BLOCK_Q5_1 = 28,
  NARAE_BLOCK_Q8_0 = 29,
  NARAE_BLOCK_Q2_K = 30,
  NARAE_BLOCK_Q3_K = 31,
  NARAE_BLOCK_Q4_K = 32,
  NARAE_BLOCK_Q5_K = 33,
  NARAE_BLOCK_Q6_K = 34,
  NARAE_BLOCK_IQ4_NL = 35
} narae_type;

/// Bytes of one element in a buffer, of one block for types in blocks; 0 for
/// an unknown type.
NARAE_API size_t narae_type_size(narae_type type);
/// "f32", "i64", ...
NARAE_API const char *narae_type_name(narae_type type);

typedef struct narae_artifact narae_artifact;
typedef struct narae_session narae_session;

typedef struct narae_load_options {
  size_t struct_size;
  int32_t verify_weights;  ///< nonzero: hash weights beyond 1 GiB too
  const char *weights_dir; ///< where external weights are; null: beside it
} narae_load_options;

/// Maps and checks a file. Nothing of it is used before it is verified.
NARAE_API narae_status *narae_artifact_load(const char *path,
                                            const narae_load_options *options,
                                            narae_artifact **artifact);
/// The same from memory, which must stay valid and be page-aligned.
NARAE_API narae_status *
narae_artifact_load_memory(const void *data, size_t size,
                           const narae_load_options *options,
                           narae_artifact **artifact);
NARAE_API void narae_artifact_release(narae_artifact *artifact);

/// A dimension: `value` when static (>= 0), else -1 and a name (may be "").
/// Bounds are inclusive; max -1 means unbounded.
typedef struct narae_dim {
  int64_t value;
  int64_t min, max;
  const char *name;
} narae_dim;

typedef struct narae_tensor_info {
  const char *name;
  narae_type type;
  size_t rank;
  const narae_dim *dims;
} narae_tensor_info;

NARAE_API size_t narae_artifact_entry_count(const narae_artifact *artifact);
NARAE_API const char *narae_artifact_entry_name(const narae_artifact *artifact,
                                                size_t entry);
NARAE_API size_t narae_artifact_input_count(const narae_artifact *artifact,
                                            size_t entry);
NARAE_API size_t narae_artifact_output_count(const narae_artifact *artifact,
                                             size_t entry);
NARAE_API const narae_tensor_info *
narae_artifact_input(const narae_artifact *artifact, size_t entry, size_t i);
NARAE_API const narae_tensor_info *
narae_artifact_output(const narae_artifact *artifact, size_t entry, size_t i);
/// The compiler's report and the target description, as JSON text.
NARAE_API const char *narae_artifact_report(const narae_artifact *artifact);
NARAE_API const char *narae_artifact_target(const narae_artifact *artifact);

/// What the artifact says of itself to its users, as JSON text; "" if it says
/// nothing. Language models: {"language_model": {...}}.
NARAE_API const char *narae_artifact_metadata(const narae_artifact *artifact);
/// Files that travel in the artifact, by name; null where there is none.
/// They live as long as the artifact.
NARAE_API size_t
narae_artifact_attachment_count(const narae_artifact *artifact);
NARAE_API const char *
narae_artifact_attachment_name(const narae_artifact *artifact, size_t i);
NARAE_API const void *narae_artifact_attachment(const narae_artifact *artifact,
                                                const char *name, size_t *size);

typedef struct narae_session_options {
  size_t struct_size;
  /// Null: the device the artifact was compiled for. That with options where it
  /// begins with a comma (",timing"). A path of a .json file is a chip of the
  /// artifact's backend.
  const char *device;
  int32_t threads; ///< 0: all cores
} narae_session_options;

NARAE_API narae_status *
narae_session_create(narae_artifact *artifact,
                     const narae_session_options *options,
                     narae_session **session);
NARAE_API void narae_session_release(narae_session *session);

/// A dense row-major tensor in the caller's memory.
typedef struct narae_tensor {
  narae_type type;
  size_t rank;
  const int64_t *shape;
  void *data;
} narae_tensor;

/// Runs an entry. `inputs` are in the order of the artifact. `outputs[i]`
/// may come with data (then its type and shape must be exact and the result
/// is written there) or null data: then data and shape point into the session
/// and are valid until its next run.
NARAE_API narae_status *narae_session_run(narae_session *session, size_t entry,
                                          const narae_tensor *inputs,
                                          size_t input_count,
                                          narae_tensor *outputs,
                                          size_t output_count);

/// A tensor that a session keeps from run to run; all entries share it.
typedef struct narae_state_info {
  narae_tensor_info tensor; ///< all dimensions are static
  uint64_t bytes;
  const char *kind; ///< "growing", "ring" or "plain"
  uint32_t axis;    ///< of the first two: the dimension that counts slots
  int64_t window;   ///< of a ring: the positions that it serves
} narae_state_info;

/// States are zero in a new session. They are read and written whole: `bytes`
/// must be the state's. A run that failed leaves them in between.
NARAE_API size_t narae_session_state_count(const narae_session *session);
NARAE_API const narae_state_info *
narae_session_state_info(const narae_session *session, size_t i);
NARAE_API narae_status *narae_session_state_read(narae_session *session,
                                                 size_t i, void *data,
                                                 uint64_t bytes);
NARAE_API narae_status *narae_session_state_write(narae_session *session,
                                                  size_t i, const void *data,
                                                  uint64_t bytes);
/// Makes all states zero again.
NARAE_API narae_status *narae_session_state_reset(narae_session *session);

/// Receives one finished dispatch of a traced run: kernel name, model nodes,
/// start and end in nanoseconds.
typedef void (*narae_trace_fn)(void *context, const char *kernel,
                               const char *nodes, uint64_t begin_ns,
                               uint64_t end_ns);
/// Sets or clears (null) the trace callback of a session.
NARAE_API void narae_session_set_trace(narae_session *session,
                                       narae_trace_fn fn, void *context);
/// What the session's device has measured of the launches so far, in its own
/// time: simulators count cycles. `kind` is "text", "json" or "trace" (Chrome
/// trace format). Nothing is written where the device has nothing to tell.
NARAE_API narae_status *narae_session_device_report(narae_session *session,
                                                    const char *kind,
                                                    NaraeSink sink,
                                                    void *context);
/// Bytes of the session's arena and of its weights.
NARAE_API uint64_t narae_session_arena_bytes(const narae_session *session);
NARAE_API uint64_t narae_artifact_weight_bytes(const narae_artifact *artifact);

/// Adds a backend's runtime side for the whole process.
NARAE_API narae_status *
narae_register_backend(const NaraeBackendRuntime *backend);
/// Opens a plugin (a shared library that exports narae_backend_register) and
/// adds its runtime side; one that only compiles is taken, too, and adds none.
NARAE_API narae_status *narae_load_plugin(const char *path);
/// The devices of all backends as JSON: {"BACKEND": [{"name": ...}, ...]} with
/// the fields of `list_devices` in narae/backend.h; null for a backend that
/// lists none, and a string, the error, where that failed.
NARAE_API narae_status *narae_list_devices(NaraeSink sink, void *context);
/// The runtime's version, as "0.1.0".
NARAE_API const char *narae_version(void);

#ifdef __cplusplus
}
#endif

#endif // NARAE_RUNTIME_H
