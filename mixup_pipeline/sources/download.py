"""Run as a program: let TFDS download and prepare one dataset. The last line printed says what went wrong.

This is a process of its own, because preparing a dataset imports TensorFlow, which augmenting never does.
"""

import difflib
import socket
import sys
import urllib.request

_KNOWN_HOST = "storage.googleapis.com"
"""Where TFDS keeps prepared datasets and most sources."""


def main(name: str, data_dir: str) -> int:
    """Prepare the dataset; 0 if that worked."""
    import tensorflow_datasets as tfds

    try:
        builder = tfds.builder(name, data_dir=data_dir)
        if not _has_network():  # TFDS would find that out after minutes of retries
            return _say(f"it cannot be downloaded, there is no network here ({_KNOWN_HOST} is not found)")
        builder.download_and_prepare()
    except tfds.core.DatasetNotFoundError:
        near = difflib.get_close_matches(name, [*tfds.list_builders(with_community_datasets=False), "mnist_sample"], 1)
        return _say(f"TFDS knows no dataset of this name{f' (did you mean {near[0]}?)' if near else ''}")
    except Exception as error:  # whatever TFDS raises, the user is told and the program ends
        return _say(f"TFDS could not download it ({type(error).__name__}: {' '.join(str(error).split())[:120]})")
    return 0


def _has_network() -> bool:
    if urllib.request.getproxies():  # a proxy finds the hosts
        return True
    try:
        socket.getaddrinfo(_KNOWN_HOST, 443)
    except OSError:
        return False
    return True


def _say(reason: str) -> int:
    sys.stdout.write(f"{reason}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
