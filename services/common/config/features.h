// `features` of an upstream and of a catalog's endpoint: what it takes of the protocol.
#pragma once

#include "services/common/config/document.h"
#include "tollgate/v1/features.pb.h"

namespace tollgate {

void read_features(Section section, v1::Features& features);

// What `upstream` says and `model` adds: lists of flags are joined, else what `model` says counts.
v1::Features merged(const v1::Features& upstream, const v1::Features& model);

}  // namespace tollgate
