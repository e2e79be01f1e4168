#pragma once

#include "config/reader.hpp"
#include "config/settings.hpp"

namespace tunerd::config {

// One parser per section. Each throws `error` naming the first mistake.

void read_section(reader& in, approvals& out);
void read_section(reader& in, auth& out);
void read_section(reader& in, cluster& out);
void read_section(reader& in, http& out);
void read_section(reader& in, logging& out);
void read_section(reader& in, polling& out);
void read_section(reader& in, queue& out);
void read_section(reader& in, replicate& out);
void read_section(reader& in, simpletuner_io& out);
void read_section(reader& in, outbound& out);
void read_section(reader& in, retention& out);
void read_section(reader& in, sse& out);
void read_section(reader& in, storage& out);

} // namespace tunerd::config
