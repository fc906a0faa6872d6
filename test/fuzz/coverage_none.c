// In a build with -Dfuzz=true everything is instrumented, and only fuzz targets have somebody who counts (coverage.c).
void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_pc(void) {}
