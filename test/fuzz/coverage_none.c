// In a build with -Dfuzz=true everything is instrumented, and only fuzz targets have somebody who counts (coverage.c).
void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_cmpf(float a, float b);
void __sanitizer_cov_trace_cmpd(double a, double b);

__attribute__((weak)) void __sanitizer_cov_trace_pc(void) {}
__attribute__((weak)) void __sanitizer_cov_trace_cmpf(float a, float b) {
  (void)a;
  (void)b;
}
__attribute__((weak)) void __sanitizer_cov_trace_cmpd(double a, double b) {
  (void)a;
  (void)b;
}
