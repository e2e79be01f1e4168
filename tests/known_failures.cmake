# Every known failure that tunerd must not repeat (P1 ... L6, see docs/HACKING)
# is named in the tags of at least one test. Run from the repository's root:
#   cmake -P tests/known_failures.cmake

# Those that belong to later work, as ID=why. Entries that a test names are an
# error too: the list only shrinks.
set(later)

set(counts P=12 Q=13 A=6 E=3 W=7 L=6)

file(GLOB_RECURSE files tests/*.cpp)
set(tags "")
foreach(file IN LISTS files)
  file(READ ${file} text)
  string(REGEX MATCHALL "\\[[PQAEWL][0-9]+\\]" found "${text}")
  list(APPEND tags ${found})
endforeach()

set(missing "")
foreach(count IN LISTS counts)
  string(REPLACE "=" ";" pair ${count})
  list(GET pair 0 family)
  list(GET pair 1 last)
  foreach(number RANGE 1 ${last})
    set(id ${family}${number})
    string(FIND "${tags}" "[${id}]" place)
    string(REGEX MATCH "(^|;)${id}=" excused "${later}")
    if(place EQUAL -1 AND NOT excused)
      list(APPEND missing ${id})
    elseif(NOT place EQUAL -1 AND excused)
      message(SEND_ERROR "${id} is listed as later work, but a test names it")
    endif()
  endforeach()
endforeach()
if(missing)
  message(FATAL_ERROR "no test names: ${missing}")
endif()
message(STATUS "every known failure is named by a test")
