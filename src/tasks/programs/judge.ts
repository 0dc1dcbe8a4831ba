// The Python program of a trial, which is two processes. The worker runs the candidate and answers calls of it; the judge runs
// the tests by calling it, and alone writes the verdict. What the candidate returns crosses a pipe as plain data and is compared
// on the other side: it holds neither the tests, nor the expected values, nor the channel of the verdict.

/** Shared: messages, and the objects of the other side. Plain data is sent by value, all else by a number. */
const PEER = `
import builtins, collections, datetime, decimal, fractions, io, os, pickle, struct, sys

BASES = (int, float, complex, str, bytes, bytearray, tuple, list, dict, set, frozenset)
PLAIN = {*BASES, bool, type(None), type(...), range, slice, collections.Counter, collections.OrderedDict, collections.defaultdict, collections.deque,
    datetime.date, datetime.time, datetime.datetime, datetime.timedelta, datetime.timezone, decimal.Decimal, fractions.Fraction}
NAMES = {(kind.__module__, kind.__qualname__) for kind in PLAIN} | {('numpy', 'dtype'), ('numpy', 'ndarray'), ('numpy._core.multiarray', '_reconstruct'),
    ('numpy.core.multiarray', '_reconstruct'), ('numpy._core.numeric', '_frombuffer'), ('numpy.core.numeric', '_frombuffer')}

def is_array(value):
    return type(value).__module__ == 'numpy' and type(value).__name__ == 'ndarray' and not value.dtype.hasobject

def base_of(value):
    return next((base for base in BASES if isinstance(value, base)), None)

def exact(value):
    """A value of a subclass, by what the base class stores."""
    base = base_of(value)
    if base in (int, float, complex): return base.__pos__(value)
    if base is str: return ''.join(str.__iter__(value))
    return base(dict.items(value) if base is dict else base.__iter__(value))

class Remote:
    """An object of the other side."""
    def __init__(self, peer, number): self.__dict__.update(_peer=peer, _number=number)
    def __getattr__(self, name):
        if name.startswith('__'): raise AttributeError(name)
        return self._peer.ask('get', self._number, name)
    def __call__(self, *args, **kwargs): return self._peer.call(self._number, args, kwargs)
    def __len__(self): return self._peer.ask('apply', 'len', self._number)
    def __iter__(self): return self._peer.ask('apply', 'iter', self._number)
    def __next__(self): return self._peer.ask('apply', 'next', self._number)
    def __getitem__(self, key): return self._peer.ask('apply', 'item', self._number, key)
    def __str__(self): return self._peer.ask('apply', 'str', self._number)
    def __bool__(self): return self._peer.ask('apply', 'bool', self._number) is True
    def __eq__(self, other): return self is other or (isinstance(other, Remote) and self._peer.ask('apply', 'same', self._number, other) is True)
    __hash__ = object.__hash__

APPLY = {'len': len, 'iter': iter, 'next': next, 'item': lambda value, key: value[key], 'str': str, 'bool': bool, 'same': lambda one, two: one == two}

class Peer:
    def __init__(self, source, sink, trusts):
        self.source, self.sink, self.trusts, self.held = os.fdopen(source, 'rb'), os.fdopen(sink, 'wb'), trusts, []

    def pack(self, message):
        peer, out = self, io.BytesIO()
        class Pickler(pickle.Pickler):
            def persistent_id(self, value):
                kind = type(value)
                if kind is Remote: return ('yours', value._number)
                if kind in PLAIN or is_array(value) or (kind is type and value in PLAIN) or (kind.__module__, kind.__qualname__) == ('numpy', 'dtype'): return None
                if base_of(value) is not None or (kind.__module__ == 'numpy' and hasattr(value, 'item') and kind.__name__ != 'ndarray'): return None
                if kind.__module__.startswith('numpy') and kind.__name__.endswith('DType'): return None
                if (getattr(value, '__module__', ''), getattr(value, '__name__', '')) in NAMES: return None
                peer.held.append(value)
                return ('mine', len(peer.held) - 1)
            def reducer_override(self, value):
                kind = type(value)
                if kind in PLAIN or kind is type or not isinstance(kind, type): return NotImplemented
                if base_of(value) is not None: return (base_of(value), (exact(value),))
                if kind.__module__ == 'numpy' and kind.__name__ not in ('ndarray', 'dtype') and hasattr(value, 'item'):
                    item = value.item()
                    return (type(item), (item,)) if type(item) in BASES else (bool, (item,))
                return NotImplemented
        Pickler(out, 4).dump(message)
        return out.getvalue()

    def unpack(self, data):
        peer = self
        class Unpickler(pickle.Unpickler):
            def find_class(self, module, name):
                if not peer.trusts and (module, name) not in NAMES: raise pickle.UnpicklingError(f'{module}.{name}')
                return super().find_class(module, name)
            def persistent_load(self, mark):
                whose, number = mark
                return Remote(peer, number) if whose == 'mine' else peer.held[number]
        return Unpickler(io.BytesIO(data)).load()

    def send(self, *message): self.write(self.pack(message))

    def write(self, data):
        self.sink.write(struct.pack('<Q', len(data)) + data)
        self.sink.flush()

    def receive(self):
        head = self.source.read(8)
        if len(head) < 8: raise EOFError('the other side is gone')
        return self.unpack(self.source.read(struct.unpack('<Q', head)[0]))

    def ask(self, *request):
        self.send(*request)
        while True:
            word, *rest = self.receive()
            if word == 'value': return rest[0]
            if word == 'raise':
                kind = getattr(builtins, rest[0], Exception) if isinstance(rest[0], str) else Exception
                raise (kind if isinstance(kind, type) and issubclass(kind, BaseException) else Exception)(rest[1])
            self.serve(word, *rest)

    def call(self, number, args, kwargs):
        result, changed = self.ask('call', number, args, kwargs)
        for i, value in changed.items():
            if type(args[i]) in (list, bytearray): args[i][:] = value
            else: args[i].clear(), args[i].update(value)
        return result

    def serve(self, word, *rest):
        try:
            if word == 'call':
                number, args, kwargs = rest
                moving = [i for i, value in enumerate(args) if type(value) in (list, bytearray, dict, set)]
                before = [self.pack(args[i]) for i in moving]
                result = self.held[number](*args, **kwargs)
                answer = result, {i: args[i] for i, old in zip(moving, before) if self.pack(args[i]) != old}
            elif word == 'apply' and (self.trusts or rest[0] == 'next'): answer = APPLY[rest[0]](self.held[rest[1]], *rest[2:])
            elif word == 'get' and self.trusts: answer = getattr(self.held[rest[0]], rest[1])
            else: raise PermissionError(word)
            data = self.pack(('value', answer))
        except BaseException as error:
            data = self.pack(('raise', type(error).__name__, str(error)[:1000]))
        self.write(data)

    def can_pack(self, value):
        try: return bool(self.pack(value))
        except Exception: return False
`

/**
 * Imports what the candidate imports, then takes away what harms a machine (as the reference evaluation does, in whose process
 * these modules are loaded already: they need what is taken away), and runs it with nothing to read and its output thrown away.
 */
const WORK = `
import ast, resource, shutil, subprocess

def imports_of(program):
    try: nodes = list(ast.walk(ast.parse(program)))
    except (SyntaxError, ValueError, MemoryError, RecursionError): return
    for node in nodes:
        if isinstance(node, ast.Import): yield from (part.name for part in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level: yield node.module

def work(peer):
    _, program = peer.receive()
    sys.stdout = sys.stderr = io.StringIO()
    sys.stdin = io.StringIO()
    for name in imports_of(program):
        try: __import__(name)
        except BaseException: pass
    leave = os._exit
    try: resource.setrlimit(resource.RLIMIT_NPROC, (16, 16))
    except ValueError: pass
    for owner, names in ((os, 'system popen fork forkpty kill killpg remove unlink rmdir removedirs rename renames replace truncate chmod chown chroot '
        'lchown setuid putenv execv execve execvp execvpe spawnv spawnve posix_spawn _exit abort'), (shutil, 'rmtree move chown'), (subprocess, 'Popen run call'),
        (builtins, 'exit quit help')):
        for name in names.split():
            if hasattr(owner, name): setattr(owner, name, None)
    peer.send('ready')
    module = {'__name__': '__program__'}
    try: exec(compile(program, 'program', 'exec'), module)
    except BaseException as error:
        peer.send('failed', type(error).__name__)
        leave(1)
    modules = {name: value.__name__ for name, value in module.items() if type(value) is type(sys)}
    peer.send('loaded', modules, {name: value for name, value in module.items() if name not in modules and not name.startswith('__') and peer.can_pack(value)})
    try:
        while True: peer.serve(*peer.receive())
    except EOFError: leave(0)
`

/** The program of a trial, which it reads as JSON from its standard input once the worker has parted from it. */
export const JUDGE = `${PEER}${WORK}
import ctypes, importlib, json, re, signal
(source, their_sink), (their_source, sink) = os.pipe(), os.pipe()
if os.fork() == 0:
    void = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2): os.dup2(void, number)
    os.close(source), os.close(sink)
    work(Peer(their_source, their_sink, True))
os.close(their_source), os.close(their_sink)
try: ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE: no process of the same user may look inside or take descriptors out.
except (OSError, AttributeError): pass
trial = json.load(sys.stdin)
verdict = os.fdopen(os.dup(1), 'w')
sys.stdout = sys.stderr = io.StringIO()
signal.signal(signal.SIGALRM, lambda *_: os._exit(1))
peer = Peer(source, sink, False)
try:
    peer.send('program', trial['program'])
    if peer.receive() != ('ready',): os._exit(1)
    signal.setitimer(signal.ITIMER_REAL, trial['seconds'])
    word, modules, names = peer.receive()
    if word != 'loaded': os._exit(1)
    space, own = {'__name__': '__tests__'}, {}
    try: exec(compile(trial['given'], 'given', 'exec'), own)
    except Exception: own = {}
    own.pop(trial['entry'], None)
    # What the tests call a module of the library is that module, and what a task with a named function calls built in is built in.
    library = {name for name in sys.stdlib_module_names if re.search(rf'\\b{name}\\.', trial['tests'])}
    for name, target in modules.items():
        try: space[name] = importlib.import_module(name if name in library else target)
        except ImportError: pass
    for name, value in names.items():
        if name in library: space[name] = importlib.import_module(name)
        elif not trial['entry'] or name == trial['entry'] or not hasattr(builtins, name): space[name] = value
    space.update(own)
    exec(compile(trial['tests'], 'tests', 'exec'), space)
except BaseException:
    os._exit(1)
verdict.write('passed')
verdict.flush()
os._exit(0)
`
