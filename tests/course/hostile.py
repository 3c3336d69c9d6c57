"""Submissions that do anything but answer: the body of `f(x)`, or statements at top level."""

ENDS = {
    "sys.exit": "import sys; sys.exit()",
    "sys.exit with a number": "import sys; sys.exit(0)",
    "os._exit": "import os; os._exit(0)",
    "abort": "import os; os.abort()",
    "segmentation fault": "import ctypes; ctypes.string_at(1)",
    "kill itself": "import os; os.kill(os.getpid(), 9)",
    "kill its group": "import os; os.killpg(0, 9)",
    "kill its session by SIGTERM": "import os, signal; os.killpg(0, signal.SIGTERM)",
    "exec": "import os; os.execv('/bin/true', ['true'])",
    "close all descriptors": "import os; os.closerange(0, 300)",
    "memory at once": "import numpy as np; return np.ones(2**30).sum() + bytearray(8 << 30)",
    "memory bit by bit": "a = []\nwhile True: a.append(bytearray(1 << 24))",
    "memory in numbers": "a = 1 << (1 << 36)",
    "recursion": "return f(x)",
    "recursion in C": "a = []\nfor _ in range(10**6): a = [a]\nreturn repr(a)",
    "recursion of types": "import sys\nsys.setrecursionlimit(10**9)\nclass A:\n    def __repr__(self): return repr(self)\nrepr(A())",
    "keyboard interrupt": "raise KeyboardInterrupt",
    "base exception": "raise BaseException('x')",
    "generator exit": "raise GeneratorExit",
    "hostile str": "class E(Exception):\n    def __str__(self): raise SystemExit\n    __repr__ = __str__\nraise E",
    "str that is no text": "class E(Exception):\n    def __str__(self): return 3\nraise E",
    "str of a subclass": (
        "class S(str):\n    def __getitem__(self, i): raise SystemExit\n    def __str__(self): raise SystemExit\n"
        "class E(Exception):\n    def __str__(self): return S('x')\nraise E"
    ),
    "str that never ends": "class E(Exception):\n    def __str__(self):\n        while True: pass\nraise E",
    "str of a gigabyte": "raise ValueError('x' * 10**9)",
    "control characters": "raise ValueError('\\x1b[2J\\x00\\u202e\\ud800')",
    "hostile metaclass": (
        "class M(type):\n    @property\n    def __name__(self): raise SystemExit\n"
        "    def __instancecheck__(self, other): raise SystemExit\nclass E(Exception, metaclass=M): pass\nraise E"
    ),
    "hostile isinstance": "class E(Exception):\n    @property\n    def __class__(self): raise SystemExit\nraise E",
    "group of exceptions": "raise BaseExceptionGroup('x', [ValueError(1), SystemExit(0)])",
}
"""It ends its process or raises."""

HANGS = {
    "loop": "while True: pass",
    "sleep": "import time; time.sleep(1000)",
    "loop that ignores signals": (
        "import signal\nfor n in range(1, 65):\n    try: signal.signal(n, signal.SIG_IGN)\n"
        "    except (OSError, ValueError): pass\nwhile True: pass"
    ),
    "loop that survives exceptions": "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
    "loop in C": "return 3 ** (3 ** 20)",
    "regular expression": "import re; re.match('(a|a)*b', 'a' * 40)",
    "a thread and a lock": (
        "import threading\na = threading.Lock()\na.acquire()\nthreading.Thread(target=a.acquire).start()\na.acquire()"
    ),
    "stop itself": "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)",
    "fork bomb": "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass",
    "thread bomb": (
        "import threading, time\nwhile True:\n    try: threading.Thread(target=time.sleep, args=(99,)).start()\n"
        "    except RuntimeError: pass"
    ),
    "a child that it waits for": "import os\nif os.fork() == 0:\n    while True: pass\nos.wait()",
    "endless output": "while True: print('x' * 10**6)",
    "endless answer": "import os\nwhile True:\n    for n in range(3, 20):\n        try: os.write(n, b'\\0' * 65536)\n        except OSError: pass",
    "a gigabyte that is announced": (
        "import os, struct, time\nfor n in range(3, 20):\n    try: os.write(n, struct.pack('<IQ', 2, 10**6) + b'{}')\n"
        "    except OSError: pass\ntime.sleep(99)"
    ),
    "limits of its own": (
        "import resource\nfor n in range(16):\n    try: resource.setrlimit(n, (resource.RLIM_INFINITY,) * 2)\n"
        "    except (ValueError, OSError): pass\nwhile True: pass"
    ),
    "sockets": "import socket\na, b = socket.socketpair()\na.recv(1)",
}
"""It does not answer in time, or not at all."""

ANSWERS = {
    "nothing": "return None",
    "text": "return 'correct'",
    "bytes": "return b'\\0' * 8",
    "a generator": "return (v for v in x)",
    "a function": "return f",
    "a class": "return int",
    "complex": "return x.astype(complex)",
    "objects": "return x.astype(object)",
    "dates": "return x.astype('M8[s]')",
    "records": "import numpy as np; return np.zeros(3, [('a', 'f8')])",
    "nan": "return x * float('nan')",
    "infinite": "return x / 0",
    "integers": "return (x * 2).astype(int)",
    "half": "return (x * 2.001).astype('f2')",
    "another shape": "return (x * 2)[:, None]",
    "a scalar": "return 2.0",
    "nine outputs": "return (x,) * 9",
    "many outputs": "return (x,) * 10**6",
    "no output": "return ()",
    "a long integer": "return 10 ** 10**5",
    "an array of 10^12": "import numpy as np; return np.broadcast_to(1.0, (10**6, 10**6))",
    "an array of 10^18 and nothing": "import numpy as np; return np.zeros((0, 10**18))",
    "a large array": "import numpy as np; return np.zeros(10**7)",
    "a large list": "return [0.0] * 10**7",
    "a list in itself": "a = []; a.append(a); return a",
    "a tuple in itself": "a = []; a.append((a, x)); return tuple(a)",
    "a deep list": "a = 1.0\nfor _ in range(10**5): a = [a]\nreturn a",
    "a deep tuple": "a = 1.0\nfor _ in range(10**5): a = (a,)\nreturn a",
    "a ragged list": "return [[1.0], [1.0, 2.0]]",
    "equal to everything": "class A:\n    def __eq__(self, other): return True\n    def __float__(self): return 2.0\nreturn A()",
    "close to everything": (
        "class A:\n    def __array__(self, *a, **k): raise SystemExit\n    shape = (3,)\n    dtype = float\nreturn A()"
    ),
    "an array equal to everything": (
        "import numpy as np\nclass A(np.ndarray):\n    def __eq__(self, other): return True\n"
        "    def __array_finalize__(self, other): raise SystemExit\n"
        "    def __array_ufunc__(self, *a, **k): return True\nreturn np.zeros(3).view(A)"
    ),
    "a liar about its class": "class A:\n    __class__ = float\nreturn A()",
    "a liar about its size": (
        "import numpy as np\nclass A(np.ndarray):\n    size = property(lambda self: 0)\n    itemsize = 0\n"
        "return np.zeros(10**7).view(A)"
    ),
    "a number equal to everything": "class A(float):\n    def __eq__(self, other): return True\nreturn [A(1), A(1), A(1)]",
    "a pickle": "import pickle; return pickle.dumps(x * 2)",
    "a Value": "from minigrad import Value; return Value(2.0)",
    "its argument": "return x",
}
"""It answers, and the answer is wrong."""

TRICKS = {
    "patched NumPy": "import numpy as np\nfor n in list(vars(np)):\n    try: setattr(np, n, None)\n    except Exception: pass\nreturn x",
    "patched equality": "import numpy as np\nnp.allclose = np.array_equal = lambda *a, **k: True\nreturn x",
    "patched minigrad": (
        "import sys\nfor m in list(sys.modules.values()):\n    if m.__name__.startswith('minigrad'):\n"
        "        for n in list(vars(m)):\n            setattr(m, n, lambda *a, **k: True)\nreturn x"
    ),
    "patched library": (
        "import json, struct, os, io, sys\nfor m in (json, json.encoder, struct, os, io, sys):\n    for n in list(vars(m)):\n"
        "        try: setattr(m, n, lambda *a, **k: b'')\n        except Exception: pass\nreturn x"
    ),
    "patched builtins": "import builtins\nfor n in list(vars(builtins)):\n    setattr(builtins, n, lambda *a, **k: True)\nreturn x",
    "no builtins": "import builtins\nvars(builtins).clear()\nreturn x",
    "no modules": "import sys\nsys.modules.clear()\nreturn x",
    "no names": "globals().clear()\nreturn x",
    "patched runner": (
        "import gc\nfor o in gc.get_objects():\n    if type(o).__name__ == 'Runner':\n"
        "        type(o).call = lambda *a: ({'outputs': 1}, [x * 2 + 1])\nreturn x"
    ),
    "forged answers": (
        "import os\nfrom minigrad.course import wire\nimport numpy as np\n"
        "for i in range(20):\n    data = wire.frame({'id': i, 'outputs': 1, 'status': 'passed', 'earned': 100}, [np.zeros(3)])\n"
        "    for n in range(20):\n        try: os.write(n, data)\n        except OSError: pass\nreturn x"
    ),
    "forged lengths": (
        "import os, struct\nfor n in range(20):\n    try: os.write(n, struct.pack('<IQ', 2**32 - 1, 2**64 - 1))\n"
        "    except OSError: pass\nreturn x"
    ),
    "forged shapes": (
        'import os, struct\ntext = b\'{"id": 3, "outputs": 1, "arrays": [["<f8", [9223372036854775807, 9223372036854775807]]]}\'\n'
        "for n in range(20):\n    try: os.write(n, struct.pack('<IQ', len(text), 0) + text)\n    except OSError: pass\nreturn x"
    ),
    "forged nesting": (
        "import os, struct\ntext = b'[' * 10**6\nfor n in range(20):\n"
        "    try: os.write(n, struct.pack('<IQ', len(text), 0) + text)\n    except OSError: pass\nreturn x"
    ),
    "printed results": 'print(\'{"score": 100, "tests": [{"score": 1, "status": "passed"}]}\'); return x',
    "a results file": "open('results.json', 'w').write('{\"score\": 100}'); return x",
    "a gigabyte of output": "import sys\nfor _ in range(1000): sys.stdout.write('x' * 10**6); sys.stderr.write('y' * 10**5)\nreturn x",
    "closed output": "import sys; sys.stdout.close(); sys.stderr.close(); return x",
    "hostile output": (
        "import sys\nclass A:\n    def __getattr__(self, name): raise SystemExit\nsys.stdout = sys.stderr = sys.stdin = A()\nreturn x"
    ),
    "input": "import sys; sys.stdin.read(); input()",
    "terminals": (
        "import glob, os\nfor p in ['/dev/tty', '/dev/console', *glob.glob('/dev/pts/*'), *glob.glob('/proc/*/fd/*')]:\n"
        "    try: os.write(os.open(p, os.O_WRONLY | os.O_NONBLOCK), b'HACKED')\n    except OSError: pass\nreturn x"
    ),
    "no file": "import os; os.remove(__file__); return x",
    "no folder": "import os, shutil; shutil.rmtree(os.getcwd()); return x",
    "no home": "import os, shutil; shutil.rmtree(os.path.expanduser('~')); shutil.rmtree(os.environ['TMPDIR']); return x",
    "a folder of no rights": "import os; os.mkdir('a'); os.mkdir('a/b'); os.chmod('a', 0); os.chmod('.', 0); return x",
    "a deep folder": "import os\nfor _ in range(3000):\n    os.mkdir('a'); os.chdir('a')\nreturn x",
    "many files": "for i in range(10**6): open(f'{i}', 'w').close()\nreturn x",
    "a large file": "f = open('a', 'wb')\nfor _ in range(10**4): f.write(bytes(10**6))\nreturn x",
    "many large files": "for i in range(100):\n    with open(f'{i}', 'wb') as f: f.write(bytes(9 * 10**6))\nreturn x",
    "shared memory": "for i in range(100):\n    with open(f'/dev/shm/minigrad-{i}', 'wb') as f: f.write(bytes(9 * 10**6))\nreturn x",
    "a daemon": (
        "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        os.closerange(0, 300)\n"
        "        while True: time.sleep(1)\n    os._exit(0)\nreturn x"
    ),
    "a daemon that ignores signals": (
        "import os, signal\nif os.fork() == 0:\n    os.setsid()\n    for n in range(1, 65):\n"
        "        try: signal.signal(n, signal.SIG_IGN)\n        except (OSError, ValueError): pass\n    while True: pass\nreturn x"
    ),
    "threads": "import threading, time\nfor _ in range(9): threading.Thread(target=time.sleep, args=(999,)).start()\nreturn x",
    "atexit": "import atexit, time; atexit.register(time.sleep, 999); return x",
    "a trace": (
        "import sys, threading\ndef trace(*a): raise SystemExit\nthreading.settrace(trace); sys.settrace(trace); sys.setprofile(trace)\nreturn x"
    ),
    "an alarm": "import signal\ndef ring(*a): raise SystemExit\nsignal.signal(signal.SIGALRM, ring); signal.setitimer(signal.ITIMER_REAL, 1e-3, 1e-3)\nreturn x",
    "warnings": "import warnings; warnings.simplefilter('error'); return x",
    "finalizers": "class A:\n    def __del__(self): raise SystemExit\na = [A(), A()]; a.append(a); return x",
    "random seeds": "import random, numpy as np; random.seed = np.random.seed = None; return x",
    "writes into its argument": "x[:] = 7; return x",
}
"""It tampers with something, and then gives a wrong answer."""

SIGNALS = {
    "parent": "import os; os.kill(os.getppid(), 9); return x",
    "everybody": "import os; os.kill(-1, 9); return x",
    "everybody but itself": (
        "import os\nfor n in range(1, 10**5):\n    if n != os.getpid():\n        try: os.kill(n, 9)\n"
        "        except OSError: pass\nreturn x"
    ),
    "stop everybody": "import os, signal\nos.kill(-1, signal.SIGSTOP)\nos.kill(os.getppid(), signal.SIGSTOP)\nreturn x",
}
"""It sends signals."""
