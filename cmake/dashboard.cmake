# DASHBOARD_SOURCE: gateway/dashboard as a C++ source. Without npm the gateway says how to get it.
find_program(NPM npm)
if(NPM)
  set(dashboard_default ON)
else()
  set(dashboard_default OFF)
endif()
option(TOLLGATE_DASHBOARD "Build the dashboard into the gateway (needs Node 18 and npm)" ${dashboard_default})

if(TOLLGATE_DASHBOARD)
  find_program(NODE NAMES node nodejs REQUIRED)
  set(dashboard ${PROJECT_SOURCE_DIR}/gateway/dashboard)
  file(GLOB_RECURSE dashboard_files CONFIGURE_DEPENDS ${dashboard}/src/* ${dashboard}/public/*)
  set(DASHBOARD_SOURCE ${CMAKE_CURRENT_BINARY_DIR}/dashboard_files.cc)
  add_custom_command(OUTPUT ${DASHBOARD_SOURCE}
    COMMAND ${NODE} ${dashboard}/build.mjs --dist ${CMAKE_CURRENT_BINARY_DIR}/dashboard --out ${DASHBOARD_SOURCE}
    DEPENDS ${dashboard_files} ${dashboard}/build.mjs ${dashboard}/index.html ${dashboard}/package-lock.json
      ${dashboard}/tsconfig.json ${dashboard}/vite.config.ts
    COMMENT "Building the dashboard (without it: -DTOLLGATE_DASHBOARD=OFF)" VERBATIM)
else()
  set(DASHBOARD_SOURCE dashboard_absent.cc)
endif()
