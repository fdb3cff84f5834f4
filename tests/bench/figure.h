/* What the benchmarks share: two clocks, the middle of what was measured, and the lines that tell it. */
#ifndef TESTS_BENCH_FIGURE_H
#define TESTS_BENCH_FIGURE_H

#include <stdbool.h>
#include <stddef.h>

enum { FIGURE_RUNS_MOST = 101 };

struct span {
    double wall_s;
    double cpu_s; /* of this process, all threads */
};

struct span figure_now(void);
struct span figure_since(struct span start);

/* The same thing measured several times. */
struct spans {
    struct span items[FIGURE_RUNS_MOST];
    int count;
};
void figure_add(struct spans *spans, struct span span);
double figure_wall(const struct spans *spans);
double figure_cpu(const struct spans *spans);

/* A number from the environment. */
int figure_number(const char *name, int otherwise);

/* One JSON line with the medians, times `scale` (1000: milliseconds). */
void figure_print(const char *name, const struct spans *spans, double scale, const char *unit);
/* The same as a rate: `count` things in each span. */
void figure_print_rate(const char *name, const struct spans *spans, double count, const char *unit);
/* One value that no clock gave. */
void figure_print_value(const char *name, double value, const char *unit);

#endif
