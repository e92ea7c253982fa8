"""Solutions that are right, with their tests; and solutions that are wrong and want to pass all the same."""

from __future__ import annotations

RIGHT = {
    "arithmetic": (
        "def f(a, b): return a + b",
        """
assert f(2, 3) == 5
assert f(-1, 1) == 0
""",
    ),
    "recursion": (
        "def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)",
        "assert [fib(n) for n in range(10)] == [0, 1, 1, 2, 3, 5, 8, 13, 21, 34]",
    ),
    "memoized recursion": (
        """
from functools import cache
@cache
def ways(n): return 1 if n < 2 else ways(n - 1) + ways(n - 2)
""",
        "assert ways(300) == 359579325206583560961765665172189099052367214309267232255589801",
    ),
    "a sieve": (
        """
def primes(n):
    sieve = bytearray([1]) * (n + 1)
    for p in range(2, int(n ** 0.5) + 1):
        sieve[p * p :: p] = bytes(len(range(p * p, n + 1, p)))
    return [p for p in range(2, n + 1) if sieve[p]]
""",
        """
assert primes(30) == [2, 3, 5, 7, 11, 13, 17, 19, 23, 29]
assert len(primes(10 ** 6)) == 78498
""",
    ),
    "a big loop": (
        """
def total(n):
    s = 0
    for i in range(n): s += i
    return s
""",
        "assert total(3 * 10 ** 6) == 4499998500000",
    ),
    "a dictionary": (
        """
from collections import Counter
def count(text): return Counter(text.split())
""",
        "assert count('a b a') == {'a': 2, 'b': 1}",
    ),
    "tuples and sets": (
        "def pairs(xs): return {(x, y) for x in xs for y in xs if x < y}",
        """
assert pairs([1, 2, 3]) == {(1, 2), (1, 3), (2, 3)}
assert not isinstance(next(iter(pairs([1, 2]))), list)
""",
    ),
    "floats": (
        """
import math
def roots(a, b, c):
    d = math.sqrt(b * b - 4 * a * c)
    return (-b - d) / 2, (-b + d) / 2
""",
        "assert all(abs(x - y) < 1e-9 for x, y in zip(roots(1, -3, 2), (1.0, 2.0)))",
    ),
    "exact numbers": (
        """
from fractions import Fraction
from decimal import Decimal
def half(): return Fraction(1, 2), Decimal('0.5')
""",
        """
from fractions import Fraction
assert half() == (Fraction(1, 2), 0.5)
""",
    ),
    "bytes, complex numbers, ranges, nothing": (
        "def things(): return [b'x', 1j, range(3), None, True, float('inf')]",
        "assert things() == [b'x', 1j, range(3), None, True, float('inf')]",
    ),
    "a generator": (
        """
def squares():
    n = 0
    while True:
        yield n * n
        n += 1
""",
        """
from itertools import islice
assert list(islice(squares(), 4)) == [0, 1, 4, 9]
""",
    ),
    "a class": (
        """
class Stack:
    def __init__(self): self.items = []
    def push(self, x): self.items.append(x)
    def pop(self): return self.items.pop()
    def __len__(self): return len(self.items)
    def __repr__(self): return f'Stack({self.items})'
""",
        """
s = Stack()
s.push(1)
s.push(2)
assert len(s) == 2
assert s.pop() == 2
assert s.items == [1]
assert repr(s) == 'Stack([1])'
assert isinstance(s, Stack)
assert s
""",
    ),
    "objects that point at each other": (
        """
class Node:
    def __init__(self, value, next=None): self.value, self.next = value, next
def turned(node):
    before = None
    while node: node.next, before, node = before, node, node.next
    return before
""",
        """
head = Node(1, Node(2, Node(3)))
last = turned(head)
assert [last.value, last.next.value, last.next.next.value] == [3, 2, 1]
assert last.next.next is head
assert head.next is None
""",
    ),
    "an argument changed in place": (
        "def rotate(m): m[:] = [list(row) for row in zip(*m[::-1])]",
        """
m = [[1, 2], [3, 4]]
assert rotate(m) is None
assert m == [[3, 1], [4, 2]]
""",
    ),
    "a function of a function": (
        "def twice(f): return lambda x: f(f(x))",
        """
seen = []
assert twice(lambda x: seen.append(x) or x + 3)(1) == 7
assert seen == [1, 4]
""",
    ),
    "an exception of its own": (
        """
class Empty(ValueError): pass
def first(xs):
    if not xs: raise Empty('nothing there')
    return xs[0]
""",
        """
try:
    first([])
except Empty as error:
    assert str(error) == 'nothing there'
else:
    assert False
""",
    ),
    "keywords and defaults": (
        "def greet(name, *, greeting='Hello'): return f'{greeting}, {name}!'",
        """
assert greet('Ann', greeting='Hi') == 'Hi, Ann!'
assert greet('Bob') == 'Hello, Bob!'
""",
    ),
    "printing": (
        """
def f():
    print('working')
    return 1
""",
        "assert f() == 1",
    ),
    "a temporary file": (
        """
import tempfile, os
def f(text):
    with tempfile.NamedTemporaryFile('w+') as file:
        file.write(text)
        file.seek(0)
        back = file.read()
    open('own', 'w').write(back)
    os.remove('own')
    return back
""",
        "assert f('hello') == 'hello'",
    ),
    "threads": (
        """
import threading
def f(n):
    found = []
    threads = [threading.Thread(target=found.append, args=(i,)) for i in range(n)]
    for t in threads: t.start()
    for t in threads: t.join()
    return sorted(found)
""",
        "assert f(4) == [0, 1, 2, 3]",
    ),
    "asyncio": (
        """
import asyncio
async def one(): await asyncio.sleep(0); return 1
def f():
    async def all(): return sum(await asyncio.gather(one(), one()))
    return asyncio.run(all())
""",
        "assert f() == 2",
    ),
    "a time-out by signal": (
        """
import signal, time
def f():
    signal.signal(signal.SIGALRM, lambda *_: 1 / 0)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        time.sleep(50)
    except ZeroDivisionError: return 'rang'
""",
        "assert f() == 'rang'",
    ),
    "the standard library": (
        """
import json, re, random, datetime, statistics, heapq, itertools, string, sqlite3, zoneinfo, ctypes
def f(): return json.loads('[1]') + [datetime.date(2024, 1, 31).day, len(re.findall('a', 'banana'))]
""",
        "assert f() == [1, 31, 3]",
    ),
    "dataclasses": (
        """
from dataclasses import dataclass
@dataclass
class P:
    x: int
    y: int = 0
    def flipped(self): return P(self.y, self.x)
""",
        """
assert (P(1).flipped().x, P(1).flipped().y) == (0, 1)
assert str(P(1)) == 'P(x=1, y=0)'
""",
    ),
}

SQUARES = """
assert f(3) == 9
assert abs(f(4) - 16.0) < 1e-6
assert f(5) in [25]
assert not f(6) != 36
"""
"""The tests that the forgers are to be held to: `f(x)` is x squared."""

FORGERS = {
    "leaving on loading": "raise SystemExit(0)",
    "leaving when asked": "def f(x): raise SystemExit(0)",
    "leaving at once": "import os; os._exit(0)",
    "leaving at once when asked": """
import os
def f(x): os._exit(0)
""",
    "what equals everything": """
class Any:
    def __eq__(self, other): return True
    __ne__ = __lt__ = __le__ = __gt__ = lambda self, other: False
    __contains__ = __eq__
    __hash__ = lambda self: 0
    __sub__ = __rsub__ = lambda self, other: 0
    __abs__ = __float__ = __int__ = lambda self: 0
    __bool__ = lambda self: True
def f(x): return Any()
""",
    "an integer that equals everything": """
class Int(int):
    __eq__ = lambda self, other: True
    __ne__ = lambda self, other: False
    __sub__ = lambda self, other: Int(0)
    __hash__ = int.__hash__
def f(x): return Int(0)
""",
    "a text that equals everything": """
class Text(str):
    __eq__ = lambda self, other: True
    __hash__ = str.__hash__
def f(x): return Text("")
""",
    "a list that equals everything": """
class List(list):
    __eq__ = lambda self, other: True
def f(x): return List()
""",
    "a class that claims to be an integer": """
class Liar:
    __class__ = property(lambda self: int)
    __eq__ = lambda self, other: True
def f(x): return Liar()
""",
    "shadowed built-ins": """
def abs(x): return 0
def f(x): return 0
def all(x): return True
AssertionError = AttributeError = TypeError = NameError = Exception
""",
    "changed built-ins": """
import builtins
builtins.abs = lambda x: 0
builtins.AssertionError = SystemExit
int.__eq__ = lambda *_: True
def f(x): return 0
""",
    "a look around for what is expected": """
import gc, sys
def f(x):
    frame = sys._getframe()
    while frame:
        for value in [*frame.f_locals.values(), *frame.f_globals.values()]:
            if isinstance(value, str) and "assert f(" in value:
                return eval(value.split(f"f({x}) == ")[1].split()[0])
        frame = frame.f_back
    for thing in gc.get_objects():
        if isinstance(thing, dict) and "tests" in thing: return x * x
    return 0
""",
    "the tests' modules": """
import sys
def f(x):
    return vars(sys.modules["tests"])["expected"]
""",
    "the report, written by itself": """
import os
for n in range(3, 32):
    try: os.write(n, b'{"tests": 4}\\n' + b'{"test": "", "passed": true, "why": ""}\\n' * 4 + b'{"end": true}\\n')
    except OSError: pass
os._exit(0)
""",
    "the report, written by itself, when asked": """
import os
def f(x):
    for n in range(3, 32):
        try: os.write(n, b'{"end": true, "value": 1}\\n')
        except OSError: pass
    return 0
""",
    "replies ahead of their time": """
import os
def f(x):
    for n in range(3, 32):
        try: os.write(n, b'{"value": 9, "changed": []}\\n' * 9)
        except OSError: pass
    return 9
""",
    "a reply that is not JSON": """
import os
def f(x):
    for n in range(3, 9):
        try: os.write(n, b'x\\n')
        except OSError: pass
""",
    "a reply too deep": """
import os
def f(x):
    for n in range(3, 9):
        try: os.write(n, b'{"value": ' + b'[' * 50000)
        except OSError: pass
    os._exit(0)
""",
    "a reply too long": "def f(x): return 'x' * 10 ** 8",
    "a reply of an unknown kind": """
import os
def f(x):
    for n in range(3, 9):
        try: os.write(n, b'{"value": {"odd": 1}, "changed": []}\\n')
        except OSError: pass
""",
    "a value without end": """
def f(x):
    while True: yield x
""",
    "a value in itself": """
def f(x):
    y = []
    y.append(y)
    return y
""",
    "an integer of a million digits": "def f(x): return 1 << 10 ** 7",
    "an exception that means success elsewhere": """
import unittest
def f(x): raise unittest.SkipTest('later')
""",
    "an exception that ends loops": "def f(x): raise StopIteration",
    "an exception that ends generators": "def f(x): raise GeneratorExit",
    "an interrupt": "def f(x): raise KeyboardInterrupt",
    "an exception that cannot be shown": """
class E(Exception):
    def __init__(self): super().__init__(self)
    def __str__(self): raise SystemExit(0)
def f(x): raise E
""",
    "a function that is not there": "",
    "closing the line": """
import os
def f(x): os.closerange(3, 32)
""",
    "the library of the tests": """
import unittest
unittest.TestCase.assertEqual = lambda *_: None
def f(x): return 0
""",
    "the debugger": """
import sys
sys.settrace(lambda *_: None)
def f(x): return 0
""",
    "a thread that goes on": """
import threading, time
def loop():
    while True: time.sleep(0.1)
threading.Thread(target=loop).start()
def f(x): return 0
""",
}
