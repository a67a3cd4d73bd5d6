"""Run as a program: let TFDS download and prepare one dataset. The last line printed says what went wrong.

This is a process of its own, because preparing a dataset imports TensorFlow, which augmenting never does.
"""

import difflib
import sys


def main(name: str, data_dir: str) -> int:
    import tensorflow_datasets as tfds

    try:
        tfds.builder(name, data_dir=data_dir).download_and_prepare()
    except tfds.core.DatasetNotFoundError:
        near = difflib.get_close_matches(name, [*tfds.list_builders(with_community_datasets=False), "mnist_sample"], 1)
        sys.stdout.write(f"TFDS knows no dataset of this name{f' (did you mean {near[0]}?)' if near else ''}")
        return 1
    except Exception as error:  # whatever TFDS raises, the user is told and the program ends
        sys.stdout.write(f"TFDS could not download it ({type(error).__name__}: {' '.join(str(error).split())[:200]})")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
