"""Processes that need not import: one process imports what nearly every notebook imports, once, and whoever asks gets a copy of it (a fork).

usage: python scripts/nursery.py SCRIPT ARGUMENTS   or   python scripts/nursery.py -m MODULE ARGUMENTS

runs a script or a module in such a copy, as `python` would, with this process' arguments, environment, folder, streams and priority. It lives as long as
the copy and ends with its exit status. Where no nursery, which `opened` starts, is ready, it becomes a plain `python`.
"""
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time

VARIABLE = 'CLINBERT_NURSERY'   # the socket that a nursery listens at
MODULES = ('torch', 'transformers', 'transformers.modeling_utils', 'transformers.models.auto.modeling_auto', 'transformers.models.bert.modeling_bert',
           'transformers.models.bert.tokenization_bert', 'transformers.pipelines', 'accelerate', 'datasets', 'evaluate', 'sklearn.metrics', 'scipy.stats', 'numba',
           'pandas', 'pyarrow.parquet', 'matplotlib.pyplot', 'IPython', 'ipykernel.kernelapp', 'papermill', 'nbconvert', 'nbformat', 'jinja2', 'pygments.formatters')


# The side that asks

def ask(arguments, address):
    "Run `arguments` in a copy of the nursery at `address`; its exit status. Raises OSError if nobody is there."
    client = socket.socket(socket.AF_UNIX)
    client.connect(address)
    wish = dict(arguments=arguments, environment=dict(os.environ), folder=os.getcwd(), nice=os.nice(0))
    socket.send_fds(client, [b'+'], [0, 1, 2])
    client.sendall(json.dumps(wish).encode() + b'\n')
    answers = client.makefile()
    copy = int(answers.readline())
    for number in (signal.SIGINT, signal.SIGTERM): signal.signal(number, lambda number, frame: os.kill(copy, number))
    return int(answers.readline() or 1)


# The nursery

def prepare(modules):
    "Import what copies will need. A module that is not installed is left to those who need it."
    import gc
    import importlib
    gc.disable()   # which would look through a million new objects again and again
    os.environ.setdefault('MPLBACKEND', 'module://matplotlib_inline.backend_inline')   # which a kernel asks for, and which is read once
    for name in modules:
        try: importlib.import_module(name)
        except ImportError: pass
    gc.freeze()
    gc.enable()


def become(wish, streams):
    "In a fresh copy: turn into the process that was asked for, and end with it."
    import atexit
    import ctypes
    import random
    import runpy
    import threading
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)   # die with the nursery
    os.setsid()
    for number, stream in enumerate(streams): os.dup2(stream, number)
    sys.stdout.reconfigure(line_buffering=os.isatty(1))
    for number in (signal.SIGINT, signal.SIGTERM): signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    os.environ.clear()
    os.environ.update(wish['environment'])
    os.chdir(wish['folder'])
    os.nice(max(0, wish['nice'] - os.nice(0)))
    random.seed()
    if numpy := sys.modules.get('numpy'): numpy.random.seed()
    kind, *rest = wish['arguments'] if wish['arguments'][0] == '-m' else ('', *wish['arguments'])
    if rest[0] == 'ipykernel_launcher' and (pandas := sys.modules.get('pandas')):
        pandas.set_option('display.max_columns', 20)   # which pandas chooses when it is imported, and otherwise in a terminal
    sys.argv = rest
    sys.path[0] = wish['folder'] if kind else os.path.dirname(os.path.abspath(rest[0]))
    sys.path[1:1] = [p for p in wish['environment'].get('PYTHONPATH', '').split(os.pathsep) if p and p not in sys.path]
    status = 0
    try:
        if kind: runpy.run_module(rest[0], run_name='__main__', alter_sys=True)
        else: runpy.run_path(rest[0], run_name='__main__')
    except SystemExit as e:
        if isinstance(e.code, str): print(e.code, file=sys.stderr)
        status = e.code if isinstance(e.code, int) else int(e.code is not None)
    except BaseException:
        import traceback
        traceback.print_exc()
        status = 1
    threading._shutdown()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr): stream.flush()
    os._exit(status)   # what is left is taking a million objects to pieces


def serve(address, *modules):
    "Import, then make a copy for everyone who asks, until the standard input ends. Who asks before is told that nobody is there, and need not wait."
    signal.signal(signal.SIGINT, signal.SIG_IGN)   # those who ask pass it on to their copies
    prepare(modules)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f'{address}.bound')
    listener.listen(64)
    os.rename(f'{address}.bound', address)
    at_work, waiting = {}, selectors.DefaultSelector()   # process → socket of the one who asked
    waiting.register(listener, selectors.EVENT_READ)
    waiting.register(0, selectors.EVENT_READ)
    while True:
        for key, _ in waiting.select(timeout=.05):
            if key.fd == 0: os._exit(0)
            if key.fileobj is listener:
                client, _ = listener.accept()
                streams = socket.recv_fds(client, 1, 3)[1]
                try: wish = json.loads(client.makefile().readline())
                except (OSError, ValueError): continue   # it has gone before it said what it wants
                copy = os.fork()
                if not copy:
                    waiting.close(), listener.close(), client.close()
                    for other in at_work.values(): other.close()
                    become(wish, streams)
                for stream in streams: os.close(stream)
                at_work[copy] = client
                client.sendall(b'%d\n' % copy)
                waiting.register(client, selectors.EVENT_READ, copy)
            elif key.data in at_work:   # the one who asked has gone
                os.kill(key.data, signal.SIGKILL)
                waiting.unregister(key.fileobj)
        for copy in list(at_work):
            done, status = os.waitpid(copy, os.WNOHANG)
            if not done: continue
            client = at_work.pop(copy)
            if client.fileno() in waiting.get_map(): waiting.unregister(client)
            code = os.waitstatus_to_exitcode(status)
            try: client.sendall(b'%d\n' % (code if code >= 0 else 128 - code))
            except OSError: pass
            client.close()


class opened:
    "A context in which a nursery is open: what it yields are the variables that lead there a process and the kernels that it starts."

    def __init__(self, folder, modules=MODULES, wait=False):
        "Its files go to `folder`; with `wait` it is ready when the context is entered."
        self.folder, self.modules, self.wait = os.path.abspath(folder), modules, wait

    def __enter__(self):
        address, kernel = f'{self.folder}/nursery', f'{self.folder}/kernels/python3'
        os.makedirs(kernel, exist_ok=True)
        command = [sys.executable, os.path.abspath(__file__), '-m', 'ipykernel_launcher', '-f', '{connection_file}']
        with open(f'{kernel}/kernel.json', 'w') as out: json.dump(dict(argv=command, display_name='Python 3', language='python'), out)
        environment = os.environ | dict(OMP_NUM_THREADS='1')   # one thread, or a copy would lack the others
        self.process = subprocess.Popen([sys.executable, __file__, '--serve', address, *self.modules], stdin=subprocess.PIPE, env=environment)
        while self.wait and not os.path.exists(address) and self.process.poll() is None: time.sleep(.05)
        return {VARIABLE: address, 'JUPYTER_PATH': os.pathsep.join(filter(None, [self.folder, os.environ.get('JUPYTER_PATH')]))}

    def __exit__(self, *error):
        self.process.kill()   # and with it all copies
        self.process.wait()
        self.process.stdin.close()


def main(arguments):
    if arguments[0] == '--serve': serve(*arguments[1:])
    if address := os.environ.get(VARIABLE):
        try: sys.exit(ask(arguments, address))
        except (OSError, ValueError): pass
    os.execv(sys.executable, [sys.executable, *arguments])


if __name__ == '__main__': main(sys.argv[1:])
