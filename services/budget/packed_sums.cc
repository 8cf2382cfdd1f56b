#include "services/budget/packed_sums.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>

namespace tollgate {
namespace {

constexpr std::size_t kSums = 11;
using Numbers = std::array<std::int64_t, kSums>;

Numbers numbers_of(const v1::ActivitySums& sums) {
  return {sums.requests(),          sums.failed(),
          sums.input_tokens(),      sums.output_tokens(),
          sums.cache_read_tokens(), sums.cache_write_tokens(),
          sums.cost_nano_usd(),     sums.first_token_ms(),
          sums.duration_ms(),       sums.timed(),
          sums.failovers()};
}

v1::ActivitySums to_sums(const Numbers& numbers) {
  v1::ActivitySums sums;
  sums.set_requests(numbers[0]);
  sums.set_failed(numbers[1]);
  sums.set_input_tokens(numbers[2]);
  sums.set_output_tokens(numbers[3]);
  sums.set_cache_read_tokens(numbers[4]);
  sums.set_cache_write_tokens(numbers[5]);
  sums.set_cost_nano_usd(numbers[6]);
  sums.set_first_token_ms(numbers[7]);
  sums.set_duration_ms(numbers[8]);
  sums.set_timed(numbers[9]);
  sums.set_failovers(numbers[10]);
  return sums;
}

void put_big_endian(std::string& out, std::uint64_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
    out.push_back(static_cast<char>(value >> shift));
}

void put_integer(std::string& out, std::int64_t value) {
  const auto bits = static_cast<std::uint64_t>(value);
  if (value >= 0 && value < 128) {
    out.push_back(static_cast<char>(value));
  } else if (value >= 0 && value <= 0xffff) {
    out.push_back(static_cast<char>(0xcd));
    put_big_endian(out, bits, 2);
  } else if (value >= 0 && value <= 0xffffffff) {
    out.push_back(static_cast<char>(0xce));
    put_big_endian(out, bits, 4);
  } else {
    out.push_back(static_cast<char>(0xd3));
    put_big_endian(out, bits, 8);
  }
}

// Takes the bytes that it reads off the front of `in`.
std::optional<std::uint64_t> take_big_endian(std::string_view& in, std::size_t bytes) {
  if (in.size() < bytes)
    return std::nullopt;
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes; ++i)
    value = value << 8 | static_cast<unsigned char>(in[i]);
  in.remove_prefix(bytes);
  return value;
}

std::optional<std::int64_t> take_number(std::string_view& in) {
  if (in.empty())
    return std::nullopt;
  const auto type = static_cast<unsigned char>(in[0]);
  in.remove_prefix(1);
  if (type < 0x80)
    return type;
  if (type >= 0xe0)
    return static_cast<std::int8_t>(type);
  const bool is_signed = type >= 0xd0 && type <= 0xd3;
  if (is_signed || (type >= 0xcc && type <= 0xcf)) {
    const std::size_t bytes = std::size_t{1} << (type & 3);
    const std::optional<std::uint64_t> bits = take_big_endian(in, bytes);
    if (!bits)
      return std::nullopt;
    const int unused = 64 - 8 * static_cast<int>(bytes);
    return is_signed ? static_cast<std::int64_t>(*bits << unused) >> unused : static_cast<std::int64_t>(*bits);
  }
  // What Lua cannot keep as an integer.
  if (type == 0xcb) {
    const std::optional<std::uint64_t> bits = take_big_endian(in, 8);
    if (bits)
      return std::llround(std::bit_cast<double>(*bits));
  }
  return std::nullopt;
}

}  // namespace

v1::ActivitySums sums_of(const v1::ActivityRecord& record) {
  const v1::Usage& usage = record.usage();
  v1::ActivitySums sums;
  sums.set_requests(1);
  sums.set_failed(record.status() >= 400 ? 1 : 0);
  sums.set_input_tokens(usage.input_tokens());
  sums.set_output_tokens(usage.output_tokens());
  sums.set_cache_read_tokens(usage.cache_read_tokens());
  sums.set_cache_write_tokens(usage.cache_write_5m_tokens() + usage.cache_write_1h_tokens());
  sums.set_cost_nano_usd(record.cost_nano_usd());
  if (record.first_token_ms() > 0) {
    sums.set_first_token_ms(record.first_token_ms());
    sums.set_duration_ms(record.duration_ms());
    sums.set_timed(1);
  }
  sums.set_failovers(record.attempts_size() > 1 ? record.attempts_size() - 1 : 0);
  return sums;
}

void add_sums(v1::ActivitySums& sums, const v1::ActivitySums& more) {
  sums.set_requests(sums.requests() + more.requests());
  sums.set_failed(sums.failed() + more.failed());
  sums.set_input_tokens(sums.input_tokens() + more.input_tokens());
  sums.set_output_tokens(sums.output_tokens() + more.output_tokens());
  sums.set_cache_read_tokens(sums.cache_read_tokens() + more.cache_read_tokens());
  sums.set_cache_write_tokens(sums.cache_write_tokens() + more.cache_write_tokens());
  sums.set_cost_nano_usd(sums.cost_nano_usd() + more.cost_nano_usd());
  sums.set_first_token_ms(sums.first_token_ms() + more.first_token_ms());
  sums.set_duration_ms(sums.duration_ms() + more.duration_ms());
  sums.set_timed(sums.timed() + more.timed());
  sums.set_failovers(sums.failovers() + more.failovers());
}

std::string pack_sums(const v1::ActivitySums& sums) {
  std::string out;
  for (const std::int64_t number : numbers_of(sums))
    put_integer(out, number);
  return out;
}

std::optional<v1::ActivitySums> unpack_sums(std::string_view packed) {
  Numbers numbers;
  for (std::int64_t& number : numbers) {
    const std::optional<std::int64_t> taken = take_number(packed);
    if (!taken)
      return std::nullopt;
    number = *taken;
  }
  if (!packed.empty())
    return std::nullopt;
  return to_sums(numbers);
}

std::string pack_texts(std::initializer_list<std::string_view> texts) {
  std::string out;
  for (const std::string_view text : texts) {
    out.push_back(static_cast<char>(0xda));
    put_big_endian(out, text.size(), 2);
    out.append(text);
  }
  return out;
}

}  // namespace tollgate
