/// The second umbrella: saving and loading. Needs nlohmann/json and zlib besides what gradus.hpp needs.
#pragma once
#include <gradus/gradus.hpp>

#include <gradus/io/architecture.hpp>
#include <gradus/io/atomic_file.hpp>
#include <gradus/io/gzip.hpp>
#include <gradus/io/json.hpp>
#include <gradus/io/json_fields.hpp>
#include <gradus/io/model_checkpoint.hpp>
#include <gradus/io/model_file.hpp>
#include <gradus/io/named_view.hpp>
#include <gradus/io/npz.hpp>
#include <gradus/io/objects.hpp>
#include <gradus/io/registry.hpp>
#include <gradus/io/safetensors.hpp>
#include <gradus/io/weights.hpp>
