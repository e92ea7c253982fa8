"""Programs that attack the machine, and the reason each is to fail for.

One that gets through prints ESCAPED and ends with success. Some words are filled in: `SECRET` is a file nobody shall
touch, `OUTSIDE` its folder, `PARENT` the process that started the sandbox, and `SOURCE` a file of this package.
"""

from __future__ import annotations

CALL = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
def call(*arguments):
    result = libc.syscall(*(ctypes.c_long(given) if isinstance(given, int) else given for given in arguments))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
"""

DENIED = "PermissionError|Operation not permitted|Permission denied|BlockingIOError|can't start new thread"

NETWORK = {
    "a TCP socket": "import socket; socket.create_connection(('127.0.0.1', 80))",
    "a UDP socket": "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
    "a raw socket": "import socket; socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)",
    "an IPv6 socket": "import socket; socket.socket(socket.AF_INET6)",
    "a socket of the docker daemon": "import socket; socket.socket(socket.AF_UNIX).connect('/var/run/docker.sock')",
    "a netlink socket": "import socket; socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
    "a packet socket": "import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
    "a socket of the virtual machine's host": "import socket; socket.socket(socket.AF_VSOCK)",
    "a pair of sockets of another family": "import socket; socket.socketpair(socket.AF_INET)",
    "one end of a pair sent to an address": """
import socket
one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
one.sendto(b"x", "/run/systemd/journal/socket")
""",
    "one end of a pair connected elsewhere": """
import socket
one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
one.connect("/run/systemd/journal/socket")
""",
    "a name looked up": "import socket; socket.getaddrinfo('localhost', 80); socket.gethostbyname('example.com')",
    "a page": "import urllib.request; urllib.request.urlopen('http://127.0.0.1/')",
    "io_uring, which makes sockets without calling socket": CALL + "call(425, 8, ctypes.create_string_buffer(256))",
}

PROCESSES = {
    "a fork bomb": "import os\nwhile True: os.fork()",
    "a double fork to a daemon": "import os\nif os.fork() == 0:\n os.setsid()\n os.fork()",
    "vfork by number": CALL + "call(58)",
    "clone by number, without a thread": CALL + "call(56, 17, 0, 0, 0, 0)",
    "clone3 by number": CALL + "call(435, ctypes.create_string_buffer(88), 88)",
    "a shell": "import os; assert os.system('id') == 0",
    "a subprocess": "import subprocess; subprocess.run(['/bin/true'], check=True)",
    "posix_spawn": "import os; os.posix_spawn('/bin/true', ['true'], {})",
    "another program in its place": "import os; os.execv('/bin/echo', ['echo', 'ESCAPED'])",
    "execveat on a descriptor": CALL + "call(322, os.open('/usr/lib/os-release', os.O_RDONLY), b'', 0, 0, 0x1000)",
    "multiprocessing": "import multiprocessing; multiprocessing.Pool(2)",
    "a session of its own": "import os; os.setsid()",
    "killing the parent": "import os; os.kill(os.getppid(), 9)",
    "stopping the parent": "import os, signal; os.kill(PARENT, signal.SIGSTOP)",
    "killing everything": "import os; os.kill(-1, 9)",
    "killing by process descriptor": "import os, signal; signal.pidfd_send_signal(os.pidfd_open(PARENT), 9)",
    "a thread signal to the parent": CALL + "call(234, PARENT, PARENT, 9)",
    "a queued signal to the parent": CALL + "call(129, PARENT, 9, ctypes.create_string_buffer(128))",
    "a signal by way of a descriptor's owner": """
import fcntl, os
read, write = os.pipe()
fcntl.fcntl(read, 10, 9); fcntl.fcntl(read, fcntl.F_SETOWN, PARENT)
""",
    "a signal by way of a descriptor's owner, by ioctl": """
import fcntl, os, struct
fcntl.ioctl(0, 0x8901, struct.pack("i", PARENT))
""",
    "tracing the parent": CALL + "call(101, 16, PARENT, 0, 0)",
    "reading the parent's memory": CALL + "call(310, PARENT, ctypes.create_string_buffer(16), 1, 0, 1, 0)",
    "writing the parent's memory": "open('/proc/PARENT/mem', 'r+b')",
    "taking the parent's descriptors": CALL + "call(438, call(434, PARENT, 0), 1, 0)",
    "the parent's limits": "import resource; resource.prlimit(PARENT, resource.RLIMIT_CPU, (1, 1))",
    "the parent's priority": "import os; os.setpriority(os.PRIO_PROCESS, PARENT, 19)",
    "the parent's processors": "import os; os.sched_setaffinity(PARENT, {0})",
    "the parent's scheduler": "import os; os.sched_setscheduler(PARENT, os.SCHED_IDLE, os.sched_param(0))",
    "typing into the parent's terminal": "import fcntl; fcntl.ioctl(0, 0x5412, b'x')",
    "another user": "import os; os.setuid(12345)",
    "a user namespace": CALL + "call(272, 0x10000000)",
    "a mount": CALL + "call(165, b'none', b'/tmp', b'tmpfs', 0, 0)",
    "a change of root": "import os; os.chroot('.')",
    "a kernel module": CALL + "call(175, 0, 0, b'')",
    "a BPF program": CALL + "call(321, 5, ctypes.create_string_buffer(128), 128)",
    "the kernel's keys": CALL + "call(250, 0, -3, 1)",
    "the clock of the machine": "import time; time.clock_settime(time.CLOCK_REALTIME, 0)",
    "the name of the machine": "import socket; socket.sethostname('mine')",
    "a reboot": CALL + "call(169, 0xfee1dead, 672274793, 0x1234567, 0)",
    "shared memory of System V": CALL + "call(29, 1, 4096, 0o1666)",
    "a message queue": CALL + "call(240, b'/queue', 0o102, 0o600, 0)",
    "raising its own limits": "import resource; resource.setrlimit(resource.RLIMIT_CPU, (1000, 1000))",
    "another seccomp filter": CALL + "call(157, 22, 2, 0, 0, 0)",
    "capabilities": CALL + "call(126, ctypes.create_string_buffer(8), ctypes.create_string_buffer(24))",
}

FILES = {
    "the passwords": "print(open('/etc/shadow').read(), 'ESCAPED')",
    "the users": "print(open('/etc/passwd').read(), 'ESCAPED')",
    "a secret": "print(open('SECRET').read(), 'ESCAPED')",
    "a secret, by a symbolic link": "import os; os.symlink('SECRET', 'link'); print(open('link').read(), 'ESCAPED')",
    "a secret, by a hard link": "import os; os.link('SECRET', 'link'); print(open('link').read(), 'ESCAPED')",
    "a secret, by a path that goes up": "print(open('../' * 20 + 'SECRET').read(), 'ESCAPED')",
    "a secret, by openat2": CALL + "call(437, -100, b'SECRET', ctypes.create_string_buffer(24), 24)",
    "a secret, by its handle": CALL + "call(303, -100, b'SECRET', ctypes.create_string_buffer(256), 0, 0)",
    "a secret, renamed": "import os; os.rename('SECRET', 'mine')",
    "a secret, truncated": "import os; os.truncate('SECRET', 0)",
    "a secret, truncated on opening": "import os; os.open('SECRET', os.O_RDONLY | os.O_TRUNC)",
    "a secret, deleted": "import os; os.unlink('SECRET')",
    "a secret, made readable to all": "import os; os.chmod('SECRET', 0o777)",
    "a secret, given away": "import os; os.chown('SECRET', 0, 0)",
    "a secret, touched": "import os; os.utime('SECRET')",
    "a secret, with an attribute": "import os; os.setxattr('SECRET', 'user.x', b'x')",
    "a secret, by fchmod": "import os; os.fchmod(os.open('SECRET', os.O_PATH), 0o777)",
    "its folder": "import os; print(os.listdir('OUTSIDE'), 'ESCAPED')",
    "a file outside": "open('OUTSIDE/file', 'w').write('x')",
    "a file outside, without a name": "import os; os.open('OUTSIDE', os.O_TMPFILE | os.O_RDWR)",
    "a folder outside": "import os; os.mkdir('OUTSIDE/folder')",
    "a device": "import os; os.mknod('null', 0o20666, os.makedev(1, 3)); print('ESCAPED')",
    "a fifo": "import os; os.mkfifo('fifo')",
    "the parent's environment": "print(open('/proc/PARENT/environ').read(), 'ESCAPED')",
    "the parent's command line": "print(open('/proc/PARENT/cmdline').read(), 'ESCAPED')",
    "the list of processes": "import os; print(os.listdir('/proc'), 'ESCAPED')",
    "its own process's files": "print(open('/proc/self/maps').read(), 'ESCAPED')",
    "the memory of the machine": "open('/dev/mem', 'rb')",
    "the terminal": "open('/dev/tty', 'w')",
    "shared memory": "open('/dev/shm/x', 'w').write('x')",
    "the standard library, to change it": "import os; open(os.__file__, 'a').write('# x')",
    "the source of the sandbox": "print(open('SOURCE').read(), 'ESCAPED')",
    "every descriptor it was born with": """
import os, stat
for descriptor in range(1000):
    try:
        os.fstat(descriptor)
    except OSError:
        continue
    kind = stat.S_IFMT(os.fstat(descriptor).st_mode)
    if kind != (stat.S_IFIFO if descriptor else stat.S_IFREG):  # pipes, and standard input
        print("ESCAPED", descriptor, oct(kind))
raise SystemExit(1)
""",
    "its environment": """
import os
print("ESCAPED" if "SANDBOX_TEST_SECRET" in os.environ else "")
raise SystemExit(1)
""",
}

AMOUNTS = {
    "memory": ("x = bytearray(10 ** 10)", "MemoryError"),
    "memory, a little at a time": (
        """
x = []
while True: x.append(bytearray(1 << 20))
""",
        "MemoryError",
    ),
    "memory without an address": (CALL + "call(319, b'x', 0)", DENIED),
    "memory in pipes": (
        """
import os
while True: os.write(os.pipe()[1], bytes(1 << 16))
""",
        "Too many open files",
    ),
    "an integer without end": ("x = 9 ** 9 ** 9", "processor time|MemoryError|ran for more|OverflowError"),
    "digits without end": ("print(str(9 ** 10 ** 6))", "ValueError|processor time|ran for more"),
    "a compressed bomb": (
        """
import zlib
x = zlib.compress(bytes(10 ** 8))
while True: x += zlib.decompress(x[:97000] or x)
""",
        "MemoryError|processor time|ran for more",
    ),
    "a zip bomb": (
        """
import io, zipfile
file = io.BytesIO()
with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
    archive.writestr("x", bytes(10 ** 8))
whole = b""
for _ in range(20): whole += zipfile.ZipFile(file).read("x")
""",
        "MemoryError|processor time|ran for more",
    ),
    "a disk, by one file": (
        """
with open('x', 'wb') as file:
 while True: file.write(bytes(1 << 20))
""",
        "File too large|bytes of files",
    ),
    "a disk, by a sparse file": ("with open('x', 'wb') as file: file.truncate(1 << 40)", "File too large"),
    "a disk, by blocks behind the end of a file": (
        CALL + "call(285, os.open('x', os.O_RDWR | os.O_CREAT), 1, 0, 1 << 40)",
        DENIED,
    ),
    "a disk, by many files": (
        """
n = 0
while True:
 n += 1
 with open(str(n), 'wb') as file: file.write(bytes(1 << 18))
""",
        "files",
    ),
    "inodes": (
        """
n = 0
while True:
 n += 1
 open(str(n), 'w').close()
""",
        "files",
    ),
    "folders in folders": (
        """
import os
while True: os.mkdir('x'); os.chdir('x')
""",
        DENIED,
    ),
    "a flood of output": ("while True: print('x' * 10000)", "to stdout"),
    "a flood of errors": (
        """
import sys
while True: sys.stderr.write('x' * 10000)
""",
        "to stderr",
    ),
    "a flood past Python": (
        """
import os
while True: os.write(1, bytes(1 << 16))
""",
        "to stdout",
    ),
    "a flood to every descriptor": (
        """
import os
while True:
 for n in range(3, 30):
  try: os.write(n, bytes(1 << 16))
  except OSError: pass
""",
        "to report|ran for more",
    ),
    "an infinite loop": ("while True: pass", "processor time|ran for more"),
    "an infinite loop in C": ("sum(iter(int, 1))", "processor time|ran for more"),
    "a catastrophic regular expression": (
        "import re; re.match('(a+)+$', 'a' * 40 + 'b')",
        "processor time|ran for more",
    ),
    "a long sleep": ("import time; time.sleep(1000)", "ran for more"),
    "a read without end": ("import os; os.read(os.pipe()[0], 1)", "ran for more"),
    "ignoring every signal": (
        """
import signal
for n in range(1, 64):
 try: signal.signal(n, signal.SIG_IGN)
 except (OSError, ValueError): pass
while True: pass
""",
        "processor time|ran for more",
    ),
    "blocking every signal": (
        """
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 64))
while True: pass
""",
        "processor time|ran for more",
    ),
    "closing every descriptor": (
        """
import os, time
os.closerange(0, 100)
time.sleep(1000)
""",
        "ran for more",
    ),
    "threads without end": (
        """
import threading, time
threading.stack_size(1 << 15)
while True: threading.Thread(target=time.sleep, args=(100,)).start()
""",
        "threads|can't start new thread",
    ),
    "a thread left running": (
        """
import threading, time
threading.Thread(target=time.sleep, args=(100,)).start()
""",
        "ran for more",
    ),
    "a busy thread left running": (
        """
import threading
def loop():
 while True: pass
threading.Thread(target=loop).start()
""",
        "processor time|ran for more",
    ),
    "recursion": (
        """
def f(): f()
f()
""",
        "RecursionError",
    ),
    "recursion past Python's limit": (
        """
import sys
sys.setrecursionlimit(10 ** 9)
f = lambda: f()
f()
""",
        "SIGSEGV|MemoryError|RecursionError|processor time|ran for more",
    ),
    "a source that is too deep": (
        "x = " + "(" * 5000 + ")" * 5000,
        "SyntaxError|MemoryError|RecursionError",
    ),
    "a null pointer": ("import ctypes; ctypes.string_at(0)", "SIGSEGV"),
    "code of its own making": (
        """
import ctypes, mmap
m = mmap.mmap(-1, 4096, prot=7)
m.write(b'\\xb8\\x39\\0\\0\\0\\x0f\\x05\\x0f\\x0b')  # fork, then ud2
ctypes.CFUNCTYPE(None)(ctypes.addressof(ctypes.c_char.from_buffer(m)))()
""",
        "SIGILL",
    ),
    "32-bit calls": (
        """
import ctypes, mmap
m = mmap.mmap(-1, 4096, prot=7)
m.write(b'\\xb8\\x02\\0\\0\\0\\xcd\\x80\\xc3')  # int 0x80
ctypes.CFUNCTYPE(None)(ctypes.addressof(ctypes.c_char.from_buffer(m)))()
""",
        "SIGSYS|SIGSEGV",
    ),
    "calls of the x32 kind": (CALL + "call(0x40000000 + 57)", DENIED),
    "an abort": ("import os; os.abort()", "crashed"),
    "an unpickled shell": (
        """
import pickle
pickle.loads(b"cos\\nsystem\\n(S'id'\\ntR.")
raise SystemExit(1)
""",
        "exit status 1",
    ),
    "an unpickled bomb": (
        """
import pickle
x = str(pickle.loads(b'I0\\n' + b'2\\x86' * 40 + b'.'))  # a pair of the same pair of the same pair ...
""",
        "MemoryError|processor time|ran for more",
    ),
    "an exception that cannot be shown": (
        """
class E(Exception):
 def __str__(self): raise SystemExit(0)
raise E
""",
        ".",
    ),
    "a raising destructor": (
        """
class A:
 def __del__(self): raise SystemExit(0)
a = A()
del a
raise SystemExit(3)
""",
        "exit status 3|SystemExit: 0",
    ),
    "the last word": (
        """
import atexit, time
atexit.register(time.sleep, 1000)
""",
        "ran for more",
    ),
    "a report of its own": (
        """
import os
for n in range(3, 30):
 try: os.write(n, b'{"tests": 1}\\n{"passed": true}\\n{"end": true}\\n')
 except OSError: pass
raise SystemExit(5)
""",
        "exit status 5",
    ),
}
"""Programs that want too much of something, with the reasons they may fail for."""

PROGRAMS: dict[str, tuple[str, str]] = {
    **{f"network: {name}": (source, DENIED + "|name resolution") for name, source in NETWORK.items()},
    **{
        f"processes: {name}": (source, DENIED + "|Function not implemented|AssertionError|ValueError")
        for name, source in PROCESSES.items()
    },
    **{f"files: {name}": (source, DENIED + "|No such|exit status 1") for name, source in FILES.items()},
    **{f"amounts: {name}": program for name, program in AMOUNTS.items()},
}
