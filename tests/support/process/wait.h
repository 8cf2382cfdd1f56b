// Waiting for a condition instead of sleeping.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

namespace tollgate::testing {

// Far longer than anything should take on a busy machine: it ends a test that hangs, and times nothing.
inline constexpr std::chrono::milliseconds kPatience{20000};

// Looks every few milliseconds. False: it did not become true in time.
bool wait_until(const std::function<bool()>& condition, std::chrono::milliseconds patience = kPatience);

// True as soon as a TCP connection to it succeeds.
bool wait_for_port(const std::string& host, std::uint16_t port, std::chrono::milliseconds patience = kPatience);

// A TCP port of 127.0.0.1 for a program that cannot report the port it was given: kept from everybody else until this
// process ends, so that the program can also be started there again. Throws std::runtime_error when there is none.
std::uint16_t free_port();

}  // namespace tollgate::testing
