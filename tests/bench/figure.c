/* What the benchmarks share: two clocks, the middle of what was measured, and the lines that tell it. */
#include "tests/bench/figure.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tests/bench/median.h"

struct span
figure_now(void)
{
    struct timespec wall, cpu;

    clock_gettime(CLOCK_MONOTONIC, &wall);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    return (struct span){(double)wall.tv_sec + (double)wall.tv_nsec / 1e9,
                         (double)cpu.tv_sec + (double)cpu.tv_nsec / 1e9};
}

struct span
figure_since(struct span start)
{
    struct span end = figure_now();

    return (struct span){end.wall_s - start.wall_s, end.cpu_s - start.cpu_s};
}

void
figure_add(struct spans *spans, struct span span)
{
    assert(spans->count < FIGURE_RUNS_MOST);
    spans->items[spans->count++] = span;
}

static double
middle(const struct spans *spans, bool is_cpu)
{
    double values[FIGURE_RUNS_MOST];

    assert(spans->count > 0);
    for (int i = 0; i < spans->count; i++)
        values[i] = is_cpu ? spans->items[i].cpu_s : spans->items[i].wall_s;
    return median(values, (size_t)spans->count);
}

double
figure_wall(const struct spans *spans)
{
    return middle(spans, false);
}

double
figure_cpu(const struct spans *spans)
{
    return middle(spans, true);
}

int
figure_number(const char *name, int otherwise)
{
    const char *text = getenv(name);

    return text != NULL ? (int)strtol(text, NULL, 10) : otherwise;
}

static void
print(const char *name, double wall, double cpu, const char *unit, int runs)
{
    printf("{\"figure\":\"%s\",\"value\":%.3f,\"unit\":\"%s\",\"peer\":null,\"ratio\":null,\"cpu\":%.3f,\"runs\":%d}\n",
           name, wall, unit, cpu, runs);
    fflush(stdout);
}

void
figure_print(const char *name, const struct spans *spans, double scale, const char *unit)
{
    print(name, figure_wall(spans) * scale, figure_cpu(spans) * scale, unit, spans->count);
}

void
figure_print_rate(const char *name, const struct spans *spans, double count, const char *unit)
{
    print(name, count / figure_wall(spans), count / figure_cpu(spans), unit, spans->count);
}

void
figure_print_value(const char *name, double value, const char *unit)
{
    printf("{\"figure\":\"%s\",\"value\":%.3f,\"unit\":\"%s\",\"peer\":null,\"ratio\":null,\"runs\":1}\n", name, value,
           unit);
    fflush(stdout);
}
