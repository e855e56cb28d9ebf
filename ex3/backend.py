"""The one door to TensorFlow and Keras: ``from ex3.backend import keras, tf``.

Settings of the user's environment (``KERAS_BACKEND``, ``keras.json``) are overruled here, before and right after the
import, and TensorFlow's messages on stderr are held back.
"""

import gc
import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ex3.errors import ConfigError, Ex3Error

ALIGNMENT = 64  # bytes; TensorFlow reads no memory that begins elsewhere


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """Hold back what native code writes on file descriptor 2; replay it if the block fails."""
    sys.stderr.flush()
    saved = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except (Ex3Error, MemoryError):  # they explain themselves
            raise
        except Exception:  # not Ctrl-C: what was held back would explain nothing
            held.seek(0)
            os.write(saved, held.read())
            raise
        finally:
            os.dup2(saved, 2)
            os.close(saved)


@contextmanager
def _quick_import() -> Iterator[None]:
    """Save a quarter of an import's time.

    No search for garbage interrupts it, which makes half a million objects that stay. Keras does without pandas, whose
    tables it would accept as data.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    hidden = sys.modules.setdefault("pandas", None) is None  # type: ignore[arg-type]  # importing it fails then
    try:
        yield
    finally:
        if hidden:
            del sys.modules["pandas"]
        gc.freeze()  # later searches pass over what is there now
        if was_enabled:
            gc.enable()


os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["MPLBACKEND"] = "agg"  # Keras imports matplotlib; the user's own backend may not exist
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

with _silent_stderr(), _quick_import():
    try:
        import keras
        import tensorflow as tf
    except (AttributeError, OSError, TypeError, ValueError) as error:
        settings = Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser() / "keras.json"
        if not settings.exists():
            raise
        raise ConfigError(f"{settings}: Keras cannot be imported with it ({error}); delete it") from error
    _has_gpu = bool(tf.config.list_physical_devices("GPU"))  # with the last of the start-up messages

logging.getLogger("tensorflow").setLevel(logging.ERROR)  # it counts compiled functions, and there is one per run
keras.config.set_floatx("float32")
keras.config.set_image_data_format("channels_last")


def as_tensor(array: np.ndarray) -> tf.Tensor:
    """Return a tensor that shares the array's memory where TensorFlow can use it as it is, and a copy elsewhere.

    A copy of MNIST takes half a second. Whoever changes a shared array changes the tensor. A GPU gets its own copy.
    """
    is_aligned = array.flags.c_contiguous and array.flags.writeable and array.ctypes.data % ALIGNMENT == 0
    can_be_shared = is_aligned and not _has_gpu
    return tf.experimental.dlpack.from_dlpack(array.__dlpack__()) if can_be_shared else tf.constant(array)


def prepare(seed: int, threads: int, precision: str) -> None:
    """Make what is built next depend on these three alone.

    Args:
        seed: Seed of Python's, NumPy's and TensorFlow's global generators.
        threads: Threads of one TensorFlow operation, and operations at a time.
        precision: ``float32`` or ``mixed_bfloat16``, the Keras dtype policy of the layers.

    Raises:
        ConfigError: TensorFlow runs already, with another number of threads.
    """
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    except RuntimeError as error:
        raise ConfigError(
            f"threads = {threads}: TensorFlow runs already in this process, with another number of threads, and cannot "
            "change it; start a new one"
        ) from error
    keras.utils.clear_session(free_memory=False)
    keras.utils.set_random_seed(seed)
    keras.config.set_dtype_policy(precision)
