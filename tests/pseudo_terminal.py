"""pseudo_terminal.py KEYS COMMAND...: runs a command on a terminal of 80 by 24, types KEYS, a piece whenever the program has gone quiet, and writes what
it shows to stdout. Pieces are separated by commas; "SIGTERM", "SIGINT" and the like are sent as signals, \\e is Escape. Ends with the command's status,
128 and the number of a signal that ended it, or 99 if the terminal is not left as it was found."""
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time


def shown(master, quiet, out):
    """What comes until nothing does for a while; False at the end."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        ready, _, _ = select.select([master], [], [], quiet)
        if not ready:
            return True
        try:
            text = os.read(master, 65536)
        except OSError:
            return False
        if not text:
            return False
        out.append(text)
    return True


def main():
    pieces = sys.argv[1].replace("\\e", "\033").split(",")
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    before = termios.tcgetattr(slave)
    child = os.fork()
    if not child:
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        for descriptor in (0, 1, 2):
            os.dup2(slave, descriptor)
        os.close(master)
        os.execvp(sys.argv[2], sys.argv[2:])
    out, alive = [], True
    for piece in pieces:
        alive = shown(master, 0.3, out)
        if piece.startswith("SIG"):
            os.kill(child, getattr(signal, piece))
        elif piece:
            os.write(master, piece.encode())
    shown(master, 0.3, out)
    for _ in range(100):
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            break
        time.sleep(0.1)
    else:
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    shown(master, 0.1, out)
    sys.stdout.buffer.write(b"".join(out).replace(b"\r\n", b"\n"))
    sys.stdout.flush()
    if termios.tcgetattr(slave) != before:
        return 99
    return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


sys.exit(main())
