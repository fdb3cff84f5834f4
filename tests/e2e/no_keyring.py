#!/usr/bin/python3
"""no_keyring.py ERROR COMMAND ...: runs it where the kernel refuses every call about keys with that error (EPERM, ENOSYS, EDQUOT ...)."""
import ctypes
import errno
import os
import struct
import sys

CALLS = {"x86_64": (248, 249, 250), "aarch64": (217, 218, 219)}[os.uname().machine]  # add_key, request_key, keyctl
LOAD, EQUALS, RETURN, ALLOW, REFUSE = 0x20, 0x15, 0x06, 0x7FFF0000, 0x00050000

program = [struct.pack("HBBI", LOAD, 0, 0, 0)]
for at, call in enumerate(CALLS):
    program.append(struct.pack("HBBI", EQUALS, len(CALLS) - at, 0, call))
program.append(struct.pack("HBBI", RETURN, 0, 0, ALLOW))
program.append(struct.pack("HBBI", RETURN, 0, 0, REFUSE | getattr(errno, sys.argv[1])))
code = ctypes.create_string_buffer(b"".join(program))


class Program(ctypes.Structure):
    _fields_ = [("len", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


libc = ctypes.CDLL(None, use_errno=True)
filter_program = Program(len(program), ctypes.addressof(code))
if libc.prctl(38, 1, 0, 0, 0) != 0 or libc.prctl(22, 2, ctypes.byref(filter_program), 0, 0) != 0:
    sys.exit("seccomp: " + os.strerror(ctypes.get_errno()))
os.execv(sys.argv[2], sys.argv[2:])
