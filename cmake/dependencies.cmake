# System packages only. Each becomes one target under tollgate::, so that no other file knows where it came from.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(Protobuf REQUIRED)
find_package(absl REQUIRED)
find_package(Boost 1.81 REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(simdjson REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(CLI11 REQUIRED)
pkg_check_modules(GRPC REQUIRED IMPORTED_TARGET grpc++)
pkg_check_modules(HIREDIS REQUIRED IMPORTED_TARGET hiredis)
# The core alone: its CMake package asks for the web server of a part that is not used.
pkg_check_modules(PROMETHEUS REQUIRED IMPORTED_TARGET prometheus-cpp-core)
# TLS to Redis came with hiredis 1.0. Without it such a configuration is refused.
pkg_check_modules(HIREDIS_SSL IMPORTED_TARGET hiredis_ssl>=1.0)
if(HIREDIS_SSL_FOUND)
  set(TOLLGATE_REDIS_TLS 1)
else()
  set(TOLLGATE_REDIS_TLS 0)
endif()
find_program(GRPC_CPP_PLUGIN grpc_cpp_plugin REQUIRED)
find_library(GRPC_REFLECTION grpc++_reflection REQUIRED)

# Asio and Beast are compiled once (cmake/asio.cc) instead of in every file that includes them.
add_library(tollgate_asio STATIC ${CMAKE_CURRENT_LIST_DIR}/asio.cc)
add_library(tollgate::asio ALIAS tollgate_asio)
target_compile_definitions(tollgate_asio PUBLIC
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED)
target_link_libraries(tollgate_asio PUBLIC Boost::headers OpenSSL::SSL OpenSSL::Crypto Threads::Threads)
