/* SQLite's memory from lists of free pieces. */
#ifndef TESTS_SIM_POOL_H
#define TESTS_SIM_POOL_H

/* Before SQLite's first use. One thread, and nobody asks how much memory there is. */
void pool_start(void);

#endif
