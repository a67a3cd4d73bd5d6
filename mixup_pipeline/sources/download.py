"""A program that lets TFDS download and prepare one dataset. If that fails, its last line of output is the reason.

It runs in its own process because preparing a dataset imports TensorFlow, which `mixup-augment` never does.
"""

import difflib
import re
import socket
import sys
import urllib.request

_KNOWN_HOST = "storage.googleapis.com"
"""The host from which TFDS downloads prepared datasets and most sources."""


def main(name: str, data_dir: str) -> int:
    """Prepare the dataset. Returns the exit code: 0 for success, 1 for failure."""
    import tensorflow_datasets as tfds

    known, base = tfds.list_builders(with_community_datasets=False), re.split("[/:]", name)[0]
    if base not in known and not _of_a_community(name):  # nobody else is asked about it
        near = difflib.get_close_matches(base, [*known, "mnist_sample"], 1)
        meant = f" (did you mean {near[0]}?)" if near else ""
        return _fail(f"no such file or folder, and TFDS knows no dataset of this name{meant}")
    try:
        builder = tfds.builder(name, data_dir=data_dir)
        if not _has_network():  # TFDS would retry for minutes
            return _fail(f"it cannot be downloaded, there is no network here ({_KNOWN_HOST} is not found)")
        builder.download_and_prepare()
    except tfds.core.DatasetNotFoundError:
        return _fail("TFDS knows no dataset of this name")
    except Exception as error:  # TFDS may raise anything: report it and end
        return _fail(f"TFDS could not download it ({type(error).__name__}: {' '.join(str(error).split())[:120]})")
    return 0


def _of_a_community(name: str) -> bool:
    """Whether the name has a namespace: huggingface:mnist. A version may follow a colon too."""
    return re.match(r"\w+:[a-z]", name) is not None


def _has_network() -> bool:
    if urllib.request.getproxies():  # a proxy resolves the names of hosts
        return True
    try:
        socket.getaddrinfo(_KNOWN_HOST, 443)
    except OSError:
        return False
    return True


def _fail(reason: str) -> int:
    sys.stdout.write(f"{reason}\n")
    return 1
