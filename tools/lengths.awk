# Reports functions over 60 lines and files over 500, and counts lines over 100 columns: figures to aim at, so
# nothing fails here.
FNR == 1 { if (last != "" && lines > 500) printf "%s: %d lines\n", last, lines; last = FILENAME; start = 0 }
{ lines = FNR }
length($0) > 100 { wide++; if (wide_in != FILENAME) { wide_files++; wide_in = FILENAME } }
/^[a-z][a-z0-9_]*\(/ { name = $0; sub(/\(.*/, "", name) }
/^\{/ { start = FNR }
/^\}/ {
    if (start && name != "" && FNR - start - 1 > 60)
        printf "%s:%d: %s has %d lines\n", FILENAME, start, name, FNR - start - 1
    start = 0
    name = ""
}
END {
    if (lines > 500)
        printf "%s: %d lines\n", last, lines
    if (wide)
        printf "%d lines over 100 columns, in %d files\n", wide, wide_files
}
