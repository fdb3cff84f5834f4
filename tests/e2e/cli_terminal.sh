#!/bin/bash
# On a terminal: the passphrase is asked and not shown, colour is used and can be refused, tables fit.
. "$(dirname "$0")/lib.sh"

# terminal ANSWERS COMMAND ...: runs it on a terminal of 60 columns, types ANSWERS (lines) at its questions, and
# prints all that the terminal showed.
terminal() {
    /usr/bin/python3 -c '
import fcntl, os, pty, select, signal, struct, sys, termios
answers = [line + "\n" for line in sys.argv[1].split("\n") if line]
child, end = pty.fork()
if child == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
shown = b""
while True:
    if not select.select([end], [], [], 10)[0]:
        os.kill(child, signal.SIGKILL)
        break
    try:
        part = os.read(end, 4096)
    except OSError:
        break
    if not part:
        break
    shown += part
    if answers and (part.endswith(b": ") or part.endswith(b"? ")):
        os.write(end, answers.pop(0).encode())
sys.stdout.write(shown.decode().replace("\r\n", "\n"))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))' "$@"
}

export BAKEN_HOME=$WORK/anna XDG_STATE_HOME=$WORK/state
server_start
check_says "a new passphrase is asked twice" "once more" terminal $'het geheim\nhet geheim' \
    "$BAKEN" team create --server "$SERVER" --code-file "$CODE" --name Anna --roles coach,coordinator
check_equal "it is not shown" "$(grep -c geheim "$WORK/check.out")" 0
check_exit "two that differ make no store" 3 "" env BAKEN_HOME="$WORK/none" bash -c "$(declare -f terminal)"'
    terminal $'"'een\ntwee'"' "$@"' - "$BAKEN" team create --server "$SERVER" --code-file "$CODE" --name Anna
check_equal "no store was made" "$(find "$WORK/none" -name keyslots.json 2>/dev/null | wc -l)" 0
check_says "the passphrase is asked" "Passphrase:" terminal "het geheim" "$BAKEN" family add "A family with a code name that is long"
check_equal "it is not shown" "$(grep -c geheim "$WORK/check.out")" 0
check_exit "a wrong one" 7 "" terminal "iets anders" "$BAKEN" family list
check_exit "Ctrl-C gives up" 7 "" terminal $'\003' "$BAKEN" family list

echo "het geheim" >"$WORK/anna.passphrase"
export BAKEN_PASSPHRASE_FILE=$WORK/anna.passphrase
check_says "the table fits the terminal" "…" terminal "" "$BAKEN" family list
check_equal "no line is longer" "$(awk 'length($0) > 62' "$WORK/check.out" | wc -l)" 0
check_equal "NO_COLOR is heeded" "$(terminal "" "$BAKEN" family list | grep -c $'\033')" 0
check_equal "colour on a terminal" "$(unset NO_COLOR; TERM=xterm terminal "" "$BAKEN" family list | grep -c $'\033')" 1
check_equal "none on a dumb one" "$(unset NO_COLOR; TERM=dumb terminal "" "$BAKEN" family list | grep -c $'\033')" 0
check_equal "none in a pipe" "$(unset NO_COLOR; TERM=xterm "$BAKEN" family list --no-input | grep -c $'\033')" 0
finish
