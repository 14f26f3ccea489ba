"""The peers of the comparison: how each is installed or built, and run."""
import os
import pathlib
import re
import subprocess
import sys

from .common import BATCH

HERE = pathlib.Path(__file__).resolve().parent
REQUIREMENTS = HERE.parent / "requirements.txt"

# Projects of requirements.txt, and what must be importable.
PYTHON = {
    "torch": (["numpy", "torch"], "import torch"),
    "jax": (["numpy", "keras", "jax", "jaxlib"], "import jax, keras"),
    "tensorflow": (["numpy", "keras", "tensorflow", "tensorflow-cpu"], "import tensorflow, keras"),
    # Its package carries the headers; importing it would ask for a C++ extension.
    "rltools": (["rltools"], "import importlib.metadata as m, importlib.util as u; "
                             "print(u.find_spec('rltools').submodule_search_locations[0], m.version('rltools'), sep='\\n')"),
}

# They do a part of the step only, so they are shown but never the best peer.
PARTS = {"onednn"}

LABELS = {"gradus": "Gradus", "torch": "PyTorch", "torch compiled": "PyTorch, compiled", "jax": "Keras on JAX",
          "tensorflow": "Keras on TensorFlow", "rltools": "RLtools", "dlib": "dlib",
          "onednn": "oneDNN's LSTMs alone"}

ALL = list(BATCH)
NOTES = {
    "torch": "PyTorch's LSTM has no recurrent dropout: its lstm_text drops only the embeddings.",
    "torch compiled": "torch.compile leaves nn.LSTM as it is; its first steps are those of a filled cache.",
    "jax": "Keras on JAX trains with fit(), 32 steps a call for the dense models.",
    "tensorflow": "Keras on TensorFlow trains with fit(), 32 steps a call for the dense models.",
    "rltools": "RLtools takes every size as a template argument and is compiled with -O3 -ffast-math -march=native. It has "
               "no LSTM, and computes the loss's gradient without its value.",
    "dlib": "dlib has no LSTM.",
    "onednn": "oneDNN runs the LSTMs alone, forward and backward: no embedding, dropout, Dense, loss or optimizer.",
}


class Peer:
    """One system: `command(workload, threads, seconds)` is a command line, `environment` goes with it."""

    def __init__(self, name, command, environment=None, workloads=ALL):
        self.name, self.command, self.environment, self.workloads = name, command, environment or {}, workloads


class LeftOut(Exception):
    """Why a peer is not in the comparison."""


def quiet(command, environment=None):
    """Runs a command; LeftOut with its last line where it fails."""
    try:
        done = subprocess.run([str(c) for c in command], env={**os.environ, **(environment or {})}, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    except OSError as error:
        raise LeftOut(str(error)) from None
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    if done.returncode:
        wrong = [line for line in lines if re.search(r"\berror\b", line, re.IGNORECASE)]
        raise LeftOut((wrong or lines or [f"{command[0]} failed"])[-1].strip())
    return done.stdout


def pinned(projects):
    """The lines of requirements.txt of these projects."""
    lines = [line.strip() for line in REQUIREMENTS.read_text().splitlines()]
    return [line for line in lines if re.split(r"[=;\s]", line)[0] in projects]


class Environments:
    """Pythons that have the peers: the given one, left as it is, or a virtual environment for each peer.

    One for all would be unfair: Keras on JAX imports TensorFlow where it finds it, and then needs twice the memory and
    several times as long to start.
    """

    def __init__(self, given, directory):
        self.given, self.directory = given, pathlib.Path(directory)

    def provide(self, name):
        """The Python of this peer, which is installed into it where it must be."""
        projects, statement = PYTHON[name]
        environment = {"KERAS_BACKEND": name, "TF_CPP_MIN_LOG_LEVEL": "3"}
        if self.given:
            quiet([self.given, "-c", statement], environment)
            return self.given
        directory, pins = self.directory / name, pinned(projects)
        stamp = directory / "pinned.txt"
        python = directory / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        try:
            if not stamp.exists() or stamp.read_text().splitlines() != pins:
                raise LeftOut("installed from other pins")
            quiet([python, "-c", statement], environment)
        except LeftOut:
            print(f"installing {name} into {directory}", file=sys.stderr, flush=True)
            try:
                quiet([sys.executable, "-m", "venv", directory])
            except LeftOut as why:
                raise LeftOut(f"no virtual environment (Debian's python3-venv): {why}") from None
            quiet([python, "-m", "pip", "install", "--disable-pip-version-check", "-q", *pins])
            quiet([python, "-c", statement], environment)
            stamp.write_text("\n".join(pins) + "\n")
        return python


def build(source, directory, flags):
    """The program of a C++ peer, compiled where it is older than what it is made of."""
    source, program = HERE / source, pathlib.Path(directory) / pathlib.Path(source).stem
    made_of = (source, HERE / "common.hpp", HERE.parent / "openblas_core.hpp", REQUIREMENTS, pathlib.Path(__file__))
    newest = max(file.stat().st_mtime for file in made_of)
    if not program.exists() or program.stat().st_mtime < newest:
        print(f"compiling {program.name}", file=sys.stderr, flush=True)
        program.parent.mkdir(parents=True, exist_ok=True)
        quiet([os.environ.get("CXX", "c++"), "-O3", "-march=native", "-std=c++17", source, "-o", program, *flags()])
    return program


def rltools_flags(environments):
    package, version = quiet([environments.provide("rltools"), "-c", PYTHON["rltools"][1]]).splitlines()
    return ["-ffast-math", f'-DRLTOOLS_VERSION="{version}"', f"-I{package}/external/rl_tools/include", "-lopenblas"]


def dlib_flags(_):
    return ["-DDLIB_USE_BLAS", "-lopenblas", *quiet(["pkg-config", "--cflags", "--libs", "dlib-1"]).split()]


# Source, flags and workloads.
COMPILED = {
    "rltools": ("rltools_train.cpp", rltools_flags, ["mlp_small", "mlp_mnist"]),
    "dlib": ("dlib_train.cpp", dlib_flags, ["mlp_small", "mlp_mnist"]),
    "onednn": ("onednn_lstm.cpp", lambda _: ["-ldnnl"], ["lstm_text", "lstm_char"]),
}
NAMES = list(dict.fromkeys([*PYTHON, *COMPILED]))


def prepare(names, python, directory, compile_torch=False):
    """The peers that can be had, and for the others why not. Writes only into `directory`."""
    environments = Environments(python, directory)
    found, left_out = [], {}

    def script(interpreter, file, *more):
        return lambda workload, threads, seconds: [interpreter, HERE / file, "--workload", workload, "--threads",
                                                   threads, "--seconds", seconds, *more]

    def compiled(program):
        return lambda workload, threads, seconds: [program, workload, seconds]

    for name in names:
        try:
            if name in COMPILED:
                source, flags, workloads = COMPILED[name]
                program = build(source, directory, lambda: flags(environments))
                found.append(Peer(name, compiled(program), workloads=workloads))
                continue
            interpreter = environments.provide(name)
            if name == "torch":
                found.append(Peer(name, script(interpreter, "torch_train.py")))
                if compile_torch:
                    found.append(Peer("torch compiled", script(interpreter, "torch_train.py", "--compile")))
            else:
                found.append(Peer(name, script(interpreter, "keras_train.py"), {"KERAS_BACKEND": name}))
        except LeftOut as why:
            left_out[name] = str(why)
    return found, left_out
