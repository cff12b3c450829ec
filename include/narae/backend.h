//===- backend.h - The plugin API of a Narae backend ------------*- C -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===---------------------------------------------------------------------===//
//
// A backend is two tables of C functions: a compiler side, which turns kernel
// bodies into objects, and a runtime side, which loads and launches them. A
// plugin exports `narae_backend_register` and hands both tables over; the
// backends in this tree use the same tables and nothing else.
//
// Ownership: strings and blobs handed *to* the backend live for the call.
// Results are delivered through sinks, so no allocator crosses the boundary.
// No exception may cross it either.
//
// Compatibility: NARAE_BACKEND_API_VERSION is the meaning of the tables, and
// NARAE_BACKEND_SCHEMA_HASH their layout: a hash of the declarations here and
// of the artifact's schema, made when Narae is built. A plugin of another
// version or hash is refused. Only members below the line "optional from here"
// of a table are left out of the hash: a table may end anywhere among them
// (`struct_size` says where), or have nulls there, and new ones are added at
// the end (NARAE_HAS tells).
//
//===---------------------------------------------------------------------===//

#ifndef NARAE_BACKEND_H
#define NARAE_BACKEND_H

#include "narae/backend_schema.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Version of this header's ABI. A plugin built against another is refused.
#define NARAE_BACKEND_API_VERSION 2

/// Whether a table goes as far as an optional member, and has it.
#define NARAE_HAS(type, table, member)                                         \
  ((table)->struct_size >= offsetof(type, member) + sizeof((table)->member) && \
   (table)->member)

/// Receives bytes or text from a backend; `context` is the caller's.
typedef void (*NaraeSink)(void *context, const char *data, size_t size);

/// Receives one diagnostic: the op's location as printed by MLIR, a message.
typedef struct NaraeDiagnosticSink {
  void *context;
  void (*emit)(void *context, const char *location, const char *message);
} NaraeDiagnosticSink;

/// A string that is not zero-terminated.
typedef struct NaraeStringRef {
  const char *data;
  size_t size;
} NaraeStringRef;

/// What a compilation is for.
typedef struct NaraeCompileOptions {
  size_t struct_size;
  NaraeStringRef target; ///< the full target name, as "cpu:x86-64-v3"
  int32_t opt_level;     ///< 0 .. 3
  int32_t exact;         ///< nonzero: no approximations beyond f32 rounding
  int32_t threads;       ///< threads the compiler may use
  /// Nonzero: weights stay in the model's own files, so kernels read them as
  /// they are stored there.
  int32_t keep_weights;
  /// Nonzero: the object also carries what an emulator of the device needs.
  int32_t emulatable;
} NaraeCompileOptions;

/// What a kernel does, for estimates of its time.
typedef struct NaraeKernelWork {
  size_t struct_size;
  NaraeStringRef kernel; ///< the kernel's name
  double operations;     ///< scalar operations, two a multiply-add
  uint64_t bytes_read;
  uint64_t bytes_written;
} NaraeKernelWork;

/// The compiler side. Kernel modules cross as a pointer to the operation of
/// an MLIR module (`MlirModule.ptr` of MLIR's C API); a backend whose
/// `mlir_version` is not the host's is refused.
typedef struct NaraeBackendCompiler {
  size_t struct_size;
  uint32_t api_version;
  const char *name;         ///< "cpu"
  const char *mlir_version; ///< LLVM_VERSION_STRING it was built with, or NULL
  /// Lists the chips of this backend, one name a line ("x86-64-v3").
  void (*list_chips)(NaraeSink sink, void *context);
  /// Writes the target description as JSON. Returns 0, or 1 with a message in
  /// `errors` when the chip is unknown.
  int (*describe_target)(NaraeStringRef target, NaraeSink json, void *context,
                         NaraeDiagnosticSink *errors);
  /// Whether a kernel can be built around the op. `op` is an MlirOperation's
  /// pointer. Returns 0, or 1 with the reason and a way out in `errors`.
  int (*supports)(void *op, const NaraeCompileOptions *options,
                  NaraeDiagnosticSink *errors);
  /// Chooses tiles, layouts and workspace of all kernels of a module in
  /// place: may add attributes to `rt.kernel` and pack operands.
  int (*configure)(void *module, const NaraeCompileOptions *options,
                   NaraeDiagnosticSink *errors);
  /// Compiles every kernel of the module to one object ("elf", "ptx", ...).
  int (*compile)(void *module, const NaraeCompileOptions *options,
                 NaraeSink object, void *context, NaraeDiagnosticSink *errors);
  // ---- optional from here ----
  /// The time that a kernel takes on the target, for plans. Returns 0 with
  /// `*picoseconds` set, or 1 where the backend has no better answer than the
  /// roofline of the target description.
  int (*kernel_cost)(NaraeStringRef target, const NaraeKernelWork *work,
                     uint64_t *picoseconds);
} NaraeBackendCompiler;

typedef struct NaraeDevice NaraeDevice; ///< owned by the backend
typedef struct NaraeObject NaraeObject; ///< a loaded object
typedef struct NaraeKernel NaraeKernel; ///< an entry point of an object
typedef struct NaraeQueue NaraeQueue;   ///< commands run in order
typedef struct NaraeEvent NaraeEvent;   ///< a point in a queue

/// One launch. Buffers are device addresses; parameters are the kernel's
/// integer arguments.
typedef struct NaraeLaunch {
  size_t struct_size;
  NaraeKernel *kernel;
  void *const *buffers; ///< lives for the call, as `params` does
  size_t buffer_count;
  const int64_t *params;
  size_t param_count;
  /// Bytes of scratch memory *per part*, as planned (64-byte aligned).
  uint64_t scratch_bytes;
  /// Estimated scalar operations; small launches need not be split.
  uint64_t work;
} NaraeLaunch;

typedef struct NaraeDeviceOptions {
  size_t struct_size;
  NaraeStringRef device; ///< "cpu", "nvidia:0"
  int32_t threads;       ///< 0: as many as the device has
} NaraeDeviceOptions;

/// Which side of a copy is the host's memory.
typedef enum NaraeCopyKind {
  NARAE_COPY_TO_DEVICE = 0,
  NARAE_COPY_TO_HOST = 1,
  NARAE_COPY_ON_DEVICE = 2
} NaraeCopyKind;

/// The runtime side. Functions return 0, or nonzero with a message written to
/// `error` (at most `error_size` bytes, zero-terminated; none for a size of
/// 0). A function that failed has changed nothing. Several threads may call
/// at once, but not for the same queue.
///
/// A queue's commands run in their order, at some time after the call that
/// appends them. An error that shows only then is the result of the next
/// `wait` for the queue or for one of its events. The order between queues is
/// that of events.
typedef struct NaraeBackendRuntime {
  size_t struct_size;
  uint32_t api_version;
  const char *name;
  int (*open)(const NaraeDeviceOptions *options, NaraeDevice **device,
              char *error, size_t error_size);
  void (*close)(NaraeDevice *device);
  /// Refuses a target description that this device cannot run.
  int (*check_target)(NaraeDevice *device, NaraeStringRef target_json,
                      char *error, size_t error_size);
  /// Memory for kernels, aligned to 64 bytes or more; also for 0 bytes there
  /// is an address. The runtime adds offsets to it, and never reads through it
  /// unless `is_host_memory`. More than there is, is an error, after which
  /// smaller requests succeed as before.
  int (*allocate)(NaraeDevice *device, uint64_t bytes, void **address,
                  char *error, size_t error_size);
  /// Takes memory back that no command uses any more; null is nothing.
  void (*release)(NaraeDevice *device, void *address);
  /// Nonzero when device addresses are host addresses: then no copies happen.
  int (*is_host_memory)(NaraeDevice *device);
  /// Checks and loads an object. It comes from a file, so any bytes may come.
  int (*load)(NaraeDevice *device, const void *object, size_t size,
              NaraeObject **result, char *error, size_t error_size);
  void (*unload)(NaraeDevice *device, NaraeObject *object);
  /// The kernel of a name; it lives as long as the object.
  int (*find)(NaraeDevice *device, NaraeObject *object, const char *name,
              NaraeKernel **kernel, char *error, size_t error_size);
  int (*create_queue)(NaraeDevice *device, NaraeQueue **queue, char *error,
                      size_t error_size);
  /// Waits for what is in the queue. Its events are released before.
  void (*destroy_queue)(NaraeDevice *device, NaraeQueue *queue);
  /// Appends a copy. Addresses need no alignment. Host memory stays as it is,
  /// and allocated, until a `wait` has come past the copy.
  int (*copy)(NaraeDevice *device, NaraeQueue *queue, void *to,
              const void *from, uint64_t bytes, NaraeCopyKind kind, char *error,
              size_t error_size);
  /// Appends a launch.
  int (*launch)(NaraeDevice *device, NaraeQueue *queue,
                const NaraeLaunch *launch, char *error, size_t error_size);
  /// Marks the point that the queue has come to. A backend whose queues run
  /// at once may give a null event.
  int (*record)(NaraeDevice *device, NaraeQueue *queue, NaraeEvent **event,
                char *error, size_t error_size);
  /// Waits for an event of the queue and releases it; with a null event, for
  /// the queue.
  int (*wait)(NaraeDevice *device, NaraeQueue *queue, NaraeEvent *event,
              char *error, size_t error_size);
  // ---- optional from here ----
  /// Writes the devices that `open` takes as a JSON array, one object each:
  /// "name", "kind" ("processor", "simulator", ...), "description",
  /// "chiplets", "cores", "memory_bytes", "reserved_bytes", "version" (of its
  /// driver or instruction set). What is not known is left out.
  int (*list_devices)(NaraeSink json, void *context, char *error,
                      size_t error_size);
  /// Tells the model's nodes behind a kernel, for messages and reports.
  void (*annotate)(NaraeDevice *device, NaraeKernel *kernel,
                   NaraeStringRef nodes);
  /// Nonzero when the device only tells how long launches take: it computes
  /// nothing, so weights and states need no copies and outputs mean nothing.
  int (*is_timing_only)(NaraeDevice *device);
  /// What the device has measured on a queue since it was opened: its own time,
  /// not the host's. `kind` is "text", "json" or "trace" (Chrome trace format).
  /// Writes nothing where it has nothing to tell.
  int (*report)(NaraeDevice *device, NaraeQueue *queue, const char *kind,
                NaraeSink sink, void *context, char *error, size_t error_size);
  /// Writes the code of an object as text, each kernel under a line
  /// "KERNEL:". Objects are not trusted.
  int (*disassemble)(const void *object, size_t size, NaraeSink sink,
                     void *context, char *error, size_t error_size);
  /// Makes what is appended from now on wait for an event of another queue,
  /// without the host. The event stays to be waited for, and that happens
  /// after a wait for `queue`. Without this the host waits between queues.
  int (*queue_wait)(NaraeDevice *device, NaraeQueue *queue, NaraeEvent *event,
                    char *error, size_t error_size);
  /// Bytes of memory that the device has for `allocate`, and that are free.
  int (*memory)(NaraeDevice *device, uint64_t *total, uint64_t *free,
                char *error, size_t error_size);
} NaraeBackendRuntime;

/// Whether a backend's table has an optional function.
#define NARAE_RUNTIME_HAS(table, function)                                     \
  NARAE_HAS(NaraeBackendRuntime, table, function)

/// What a plugin hands over; either side may be null.
typedef struct NaraeBackend {
  size_t struct_size;
  uint32_t api_version;
  uint64_t schema_hash; ///< NARAE_BACKEND_SCHEMA_HASH
  const NaraeBackendCompiler *compiler;
  const NaraeBackendRuntime *runtime;
} NaraeBackend;

/// The symbol a plugin exports.
typedef const NaraeBackend *(*NaraeBackendRegisterFn)(void);
#define NARAE_BACKEND_SYMBOL "narae_backend_register"

/// Kernels of a backend whose objects are ELF on the host have this type:
/// buffers and parameters as in the launch, the part of `parts` to compute,
/// and scratch memory of this part.
typedef void (*NaraeHostKernelFn)(void *const *buffers, const int64_t *params,
                                  int64_t part, int64_t parts, void *scratch);

#ifdef __cplusplus
}
#endif

#endif // NARAE_BACKEND_H
