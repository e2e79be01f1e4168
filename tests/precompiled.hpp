#pragma once

#include "runtime/precompiled.hpp"

#include <nlohmann/json.hpp>

#include <catch2/catch.hpp>
