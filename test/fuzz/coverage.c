// GCC's -fsanitize-coverage=trace-pc calls one function for each basic block; libFuzzer counts in arrays of 8-bit
// counters and refuses that function. This joins the two: the linker sends the calls here (--wrap), where each block
// gets a counter by its address. In C because only C++ is instrumented for coverage: this file must not be.
#include <stdint.h>

enum { kCounterBits = 16 };

static uint8_t counters[1 << kCounterBits];

void __sanitizer_cov_8bit_counters_init(uint8_t* start, uint8_t* stop);
void __wrap___sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_cmpf(float, float);
void __sanitizer_cov_trace_cmpd(double, double);

__attribute__((constructor)) static void announce(void) {
  __sanitizer_cov_8bit_counters_init(counters, counters + sizeof counters);
}

__attribute__((no_sanitize("address", "undefined"))) void __wrap___sanitizer_cov_trace_pc(void) {
  uint64_t const block = (uint64_t)(uintptr_t)__builtin_return_address(0);
  ++counters[block * 0x9e3779b97f4a7c15ULL >> (64 - kCounterBits)];
}

// Comparisons of floating point numbers, of which libFuzzer knows nothing.
void __sanitizer_cov_trace_cmpf(float a, float b) {
  (void)a;
  (void)b;
}
void __sanitizer_cov_trace_cmpd(double a, double b) {
  (void)a;
  (void)b;
}
