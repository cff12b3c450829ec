/* run-toy FILE.narae [PLUGIN.so]: runs an artifact on inputs of ones, through
   the runtime's C API, and prints the first output. */

#include "narae/runtime.h"

#include <stdio.h>
#include <stdlib.h>

static void check(narae_status *status) {
  if (!status)
    return;
  fprintf(stderr, "run-toy: %s\n", narae_status_message(status));
  exit(1);
}

/* A tensor of ones with the shape of an input; dynamic dimensions are 1. */
static narae_tensor ones(const narae_tensor_info *info) {
  int64_t *shape = malloc((info->rank + 1) * sizeof(*shape));
  int64_t size = 1;
  for (size_t i = 0; i < info->rank; ++i) {
    shape[i] = info->dims[i].value < 0 ? 1 : info->dims[i].value;
    size *= shape[i];
  }
  float *data = malloc((size_t)(size + 1) * sizeof(*data));
  for (int64_t i = 0; i < size; ++i)
    data[i] = 1;
  narae_tensor tensor = {info->type, info->rank, shape, data};
  return tensor;
}

int main(int argc, char **argv) {
  if (argc < 2) {
    fprintf(stderr, "usage: run-toy FILE.narae [PLUGIN.so]\n");
    return 1;
  }
  if (argc > 2)
    check(narae_load_plugin(argv[2]));
  narae_artifact *artifact;
  narae_session *session;
  check(narae_artifact_load(argv[1], NULL, &artifact));
  check(narae_session_create(artifact, NULL, &session));

  size_t inputs = narae_artifact_input_count(artifact, 0);
  size_t outputs = narae_artifact_output_count(artifact, 0);
  narae_tensor *in = calloc(inputs + 1, sizeof(*in));
  narae_tensor *out = calloc(outputs + 1, sizeof(*out));
  for (size_t i = 0; i < inputs; ++i)
    in[i] = ones(narae_artifact_input(artifact, 0, i));
  check(narae_session_run(session, 0, in, inputs, out, outputs));

  int64_t size = 1;
  for (size_t i = 0; i < out[0].rank; ++i)
    size *= out[0].shape[i];
  for (int64_t i = 0; i < size; ++i)
    printf("%g%c", ((const float *)out[0].data)[i], i + 1 < size ? ' ' : '\n');
  narae_session_release(session);
  narae_artifact_release(artifact);
  for (size_t i = 0; i < inputs; ++i) {
    free((void *)in[i].shape);
    free(in[i].data);
  }
  free(in);
  free(out);
  return 0;
}
