// From the keywords of Session.add_group to a Group.
#pragma once

#include <nanobind/nanobind.h>

#include <vector>

#include "session.hpp"

namespace manyfit {

// Adds the group and returns its number; arrays that it will read and write are appended to `keep`.
int add_group(Session& session, const nanobind::kwargs& spec, std::vector<nanobind::object>& keep);

}  // namespace manyfit
