//===- Artifacts.h - Artifacts, sessions and their inputs -----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_TOOLS_NARAE_ARTIFACTS_H
#define NARAE_TOOLS_NARAE_ARTIFACTS_H

#include "lib/artifact/Status.h"
#include "narae/runtime.h"
#include "tools/narae-run/Feeds.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace narae::tool {

struct ArtifactDelete {
  void operator()(narae_artifact *artifact) const {
    narae_artifact_release(artifact);
  }
};
struct SessionDelete {
  void operator()(narae_session *session) const {
    narae_session_release(session);
  }
};
using ArtifactPtr = std::unique_ptr<narae_artifact, ArtifactDelete>;
using SessionPtr = std::unique_ptr<narae_session, SessionDelete>;

/// Takes over a status of the C API.
Status fromC(narae_status *status);
Expected<ArtifactPtr> loadArtifact(const std::string &path);
/// `device` may be empty: the one that the artifact was compiled for.
Expected<SessionPtr> makeSession(narae_artifact *artifact,
                                 const std::string &device, int32_t threads);
/// The entry's index; the first one for an empty name.
Expected<size_t> findEntry(const narae_artifact *artifact,
                           const std::string &name);

/// Makes the inputs of an entry: `inputs` are NAME=VALUE as `narae run` takes
/// them. Inputs not named there are random, with the sizes that `dims` has for
/// their dynamic dimensions, and 16 (within the bounds) where it has none.
Expected<std::vector<Feed>>
makeInputs(const narae_artifact *artifact, size_t entry,
           const std::vector<std::string> &inputs,
           const std::map<std::string, int64_t> &dims, uint64_t seed);
/// Reads NAME=SIZE into `dims`.
Status addSize(const std::string &text, std::map<std::string, int64_t> &dims);

/// Runs once. Results are valid until the session's next run.
Expected<std::vector<narae_tensor>> runOnce(narae_session *session,
                                            const narae_artifact *artifact,
                                            size_t entry,
                                            std::vector<Feed> &feeds);

} // namespace narae::tool

#endif // NARAE_TOOLS_NARAE_ARTIFACTS_H
