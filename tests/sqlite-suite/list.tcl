# usage: testfixture list.tcl TESTDIR: prints "SUITE FILE" for each test file that the comparison runs:
# veryquick, the families of faults and crashes that it leaves out, and the suite of WAL mode.
set testdir [lindex $argv 0]
set argv0 [file join $testdir nothing]
set argv {}
source [file join $testdir permutations.test]

set beyond {
    *malloc* *ioerr* *fault* *_err* *crash* *corrupt* backup.test bigfile*.test btree8.test
    delete3.test incrvacuum* misc7.test savepoint*.test securedel2.test thread0*.test trans2.test
    vacuum3.test walprotocol*.test walslow.test walthread.test tempdb*.test
}

proc files_of {suite} {
    array set spec $::testspec($suite)
    return $spec(-files)
}

proc put {suite files} {
    foreach file [lsort -unique $files] {
        if {![info exists ::seen($suite,[file tail $file])]} {
            puts "$suite [file tail $file]"
            set ::seen($suite,[file tail $file]) 1
        }
    }
}

set quick [files_of veryquick]
set full {}
foreach file $alltests {
    if {[lsearch -exact $quick $file] >= 0} continue
    foreach pattern $beyond {
        if {[string match $pattern [file tail $file]]} {
            lappend full $file
            break
        }
    }
}
put veryquick $quick
put full $full
put wal [files_of wal]
exit 0
