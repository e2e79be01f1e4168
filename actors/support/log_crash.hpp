#pragma once

namespace tunerd {

/// From now on a process that dies of SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT
/// or std::terminate says so in a CRITICAL line, and every line accepted before
/// is in the file (`dump_log`); the kernel has it, so that only a crash of the
/// machine loses it. Then happens what would have happened without: the handler
/// there was before runs, or the process dies of the signal and leaves a core.
///
/// Once is enough, further calls change nothing. The main thread, if it calls
/// first, survives a stack overflow for long enough; other threads need an
/// alternate stack of their own for that. Whoever sets handlers afterwards
/// replaces these. Not for a program that handles faults and lives on: the log
/// is closed by the first one.
void install_crash_handlers();

} // namespace tunerd
