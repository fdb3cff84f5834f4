# usage: testfixture run.tcl TESTDIR SUITE FILE: one test file as permutations.test runs it in that suite, with
# two differences. An error between cases, at which a script would end with all its later cases unrun, fails
# there as a case of its own (LAST+N, the N-th after the case LAST). And where BAKEN_SUITE_VFS names no plain
# run, the disk of the crash tests lies beneath our VFS, where a disk is, and not above it.
set testdir [lindex $argv 0]
set suite [lindex $argv 1]
set file [lindex $argv 2]
set argv0 [file join $testdir nothing] ;# the suites are defined, and none is run
set argv {}
source [file join $testdir permutations.test]
set argv0 [file join $testdir permutations.test]
set cmdlinearg(maxerror) 3000 ;# ends loops that wait for what cannot come

set in_slave {
    # The commands of a script, cached so that a loop's body is compiled once. The body of a loop or a
    # condition is taken in steps too.
    proc steps_of {script} {
        if {[info exists ::steps($script)]} { return $::steps($script) }
        set steps {}
        set step ""
        foreach line [split $script "\n"] {
            append step $line "\n"
            if {![info complete $step]} continue
            if {[string trim $step] ne ""} { lappend steps [in_steps $step] }
            set step ""
        }
        if {$step ne ""} { lappend steps $step }
        return [set ::steps($script) $steps]
    }

    proc in_steps {step} {
        set step [regsub {\}\s*;\s*#[^\n]*$} [string trim $step] "\}"]
        if {![regexp {^(for|foreach|if|ifcapable|do_multiclient_test)\s} $step] ||
            [string index $step end] ne "\}"} { return $step }
        for {set at 0} {[set at [string first "\{" $step $at]] >= 0} {incr at} {
            set head [string range $step 0 $at-1]
            set body [string range $step $at end]
            if {[info complete $head] && ![catch {llength $body} count] && $count == 1} {
                return "$head\{run_steps $body\}"
            }
        }
        return $step
    }

    proc run_steps {script} {
        foreach step [steps_of $script] {
            set code [catch {uplevel #0 $step} result]
            if {$code == 1} {
                note_error $result
            } elseif {$code != 0} {
                return -code $code $result
            }
        }
    }

    proc note_error {result} {
        set name "$::G(perm:prefix)$::last_case+[incr ::errors_since]"
        puts "! $name got:      \[Error: $result\]"
        fail_test $name
    }

    set last_case start
    set errors_since 0
    proc note_case {command args} {
        set ::last_case [lindex $command 1]
        set ::errors_since 0
    }
    trace add execution sqlite3_memdebug_settitle enter note_case ;# do_test calls it with its name

    proc run_file {file} {
        info script $file
        set channel [open $file]
        set script [read $channel]
        close $channel
        if {[catch {run_steps $script} result options] == 1} { return -options $options $result }
    }

    # A process that runs crash.tcl gets our VFS above the one whose disk crashes, under the name of that. The
    # disk spoils the bytes that were being written and not their neighbours: durability rests on that.
    proc put_beneath {} {
        set channel [open crash.tcl]
        set script [read $channel]
        close $channel
        set beneath [expr {[string first sqlite3_crash_on_write $script] < 0 ? "crash" : "writecrash"}]
        set line {^\s*sqlite3_crash_(enable|on_write) .*$}
        regsub -all -line {^(\s*sqlite3_crashparams) +(-s \d+)?} $script {\1 -s 1 } script
        set channel [open crash.tcl w]
        puts $channel "sqlite3_initialize\nsqlite3_shutdown"
        puts $channel [regsub -line $line $script "&\nsqlite3_shutdown\nsqlite3_initialize"]
        close $channel
        return [list env BAKEN_SUITE_BENEATH=$beneath]
    }

    if {[info exists env(BAKEN_SUITE_VFS)] && $env(BAKEN_SUITE_VFS) ne "plain"} {
        rename exec exec_as_is
        proc exec {args} {
            if {[lindex $args 1] eq "crash.tcl"} { set args [concat [put_beneath] $args] }
            uplevel 1 [list exec_as_is {*}$args]
        }
        # Of a connection that could not be opened, its name would be taken for an address.
        foreach command {sqlite3_errcode sqlite3_extended_errcode sqlite3_errmsg} {
            rename $command ${command}_as_is
            proc $command {db} [string map [list COMMAND ${command}_as_is] {
                if {[string is alpha $db] && [info commands $db] eq ""} { error "$db is not open" }
                COMMAND $db
            }]
        }
        # Some files end at once where the system calls are not those of "unix"; they are, further down.
        rename test_syscall test_syscall_as_is
        proc test_syscall {args} {
            if {$args eq "defaultvfs"} { return unix }
            uplevel 1 [list test_syscall_as_is {*}$args]
        }
    }
}

rename slave_test_script run_in_slave
proc slave_test_script {script} {
    run_in_slave "$::in_slave\n[list run_file [lindex $script 1]]"
}

foreach path $alltests {
    if {[file tail $path] eq $file} { run_tests $suite {*}$testspec($suite) -files [list $path] }
}
finish_test
