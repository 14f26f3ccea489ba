/// NamedView: what files of several tensors are written from.
#pragma once
#include <gradus/core/view.hpp>

#include <string>
#include <utility>

GRADUS_BEGIN

/// A name and elements of one of Gradus's types.
using NamedView = std::pair<std::string, AnyView>;

GRADUS_END
