#pragma once

namespace tunerd {

#ifdef TUNERD_FAULTS
/// A place where a test lets the process die or an actor throw. Only builds
/// with TUNERD_FAULTS have it; elsewhere it compiles to nothing. The variable
/// TUNERD_FAULT holds `NAME=ACTION[@N]`, several separated by commas: at the
/// N-th visit (default 1) of NAME, `kill` ends the process by SIGKILL and
/// `throw` throws std::runtime_error.
void fault_point(const char* name);
#else
inline void fault_point(const char*) {
}
#endif

} // namespace tunerd
