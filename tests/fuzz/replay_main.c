/* Runs one fuzz entry over the files given: the corpus is replayed with any compiler. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { INPUT_BYTES = 1 << 20 };

int
main(int argc, char **argv)
{
    uint8_t *bytes = malloc(INPUT_BYTES);

    if (bytes == NULL)
        return 1;
    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "rb");
        if (file == NULL) {
            perror(argv[i]);
            free(bytes);
            return 1;
        }
        size_t len = fread(bytes, 1, INPUT_BYTES, file);
        (void)fclose(file);
        printf("%s\n", argv[i]);
        fflush(stdout);
        (void)LLVMFuzzerTestOneInput(bytes, len);
    }
    free(bytes);
    return 0;
}
