"""Runs a command in a pseudo-terminal of some columns, and prints what the terminal receives.

usage: run_in_terminal.py COLUMNS COMMAND [ARGUMENT...]
"""

import fcntl
import os
import pty
import struct
import sys
import termios


def main():
    columns, command = int(sys.argv[1]), sys.argv[2:]
    child, terminal = pty.fork()
    if child == 0:
        # The parent sets the size before it lets this process go on.
        sys.stdin.readline()
        os.execvp(command[0], command)
    size = struct.pack("HHHH", 24, columns, 0, 0)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, size)
    settings = termios.tcgetattr(terminal)
    settings[3] &= ~termios.ECHO
    termios.tcsetattr(terminal, termios.TCSANOW, settings)
    os.write(terminal, b"\n")
    received = b""
    while True:
        try:
            more = os.read(terminal, 65536)
        except OSError:  # Linux: the child has closed its end
            break
        if not more:
            break
        received += more
    _, status = os.waitpid(child, 0)
    # A terminal gets a carriage return with each line end.
    sys.stdout.buffer.write(received.replace(b"\r\n", b"\n"))
    sys.exit(os.waitstatus_to_exitcode(status))


main()
