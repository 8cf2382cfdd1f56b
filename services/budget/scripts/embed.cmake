# cmake -DSCRIPTS=a,b -DDIRECTORY=... -DOUTPUT=... -P embed.cmake
# Writes a C++ source with one function for each script (declared in services/budget/scripts.h). A script that begins
# with `-- include: x, y` is preceded by x.lua and y.lua.
string(REPLACE "," ";" names "${SCRIPTS}")
set(code "// Generated from services/budget/scripts.\n#include \"services/budget/scripts.h\"\n\nnamespace tollgate::scripts {\n")
foreach(name IN LISTS names)
  file(READ "${DIRECTORY}/${name}.lua" body)
  set(source "")
  if(body MATCHES "^-- include: ([a-z_, ]+)\n")
    string(REGEX REPLACE ", *" ";" fragments "${CMAKE_MATCH_1}")
    foreach(fragment IN LISTS fragments)
      file(READ "${DIRECTORY}/${fragment}.lua" text)
      string(APPEND source "${text}\n")
    endforeach()
  endif()
  string(APPEND source "${body}")
  string(APPEND code "\nconst RedisScript& ${name}() {\n"
    "  static const RedisScript script(\"${name}\", R\"lua(${source})lua\");\n  return script;\n}\n")
endforeach()
string(APPEND code "\n}  // namespace tollgate::scripts\n")
file(WRITE "${OUTPUT}" "${code}")
