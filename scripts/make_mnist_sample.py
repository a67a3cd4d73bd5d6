"""Make the bundled dataset mnist_sample: the first digits of MNIST as an ordinary TFDS directory.

    python scripts/make_mnist_sample.py --mnist DIR/mnist/3.0.1 --out mixup_pipeline/data/mnist_sample/1.0.0

TFDS stores MNIST in random order, so the first records are a fair sample. Records are copied byte for byte.
"""

import json
import shutil
from itertools import islice
from pathlib import Path
from typing import Any

import click

from mixup_pipeline.records.framing import frame, read_records

EXAMPLES = {"train": 6000, "test": 1000}
ATTRIBUTION = """\
mnist_sample: the first 6,000 training and 1,000 test images of MNIST, in the order of the TFDS dataset mnist 3.0.1.

MNIST is copyright of Yann LeCun (Courant Institute, NYU) and Corinna Cortes (Google Labs, New York), made with
Christopher J.C. Burges from NIST Special Databases 1 and 3 of the US National Institute of Standards and Technology. It
is made available under the terms of the Creative Commons Attribution-Share Alike 3.0 licence:
https://creativecommons.org/licenses/by-sa/3.0/

Home of the dataset: http://yann.lecun.com/exdb/mnist/
Changed here: nothing but the selection. This folder stays under that licence; the rest of the project is Apache-2.0.
"""


@click.command()
@click.option("--mnist", required=True, type=click.Path(exists=True, path_type=Path), help="Prepared TFDS mnist 3.0.1.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder to write.")
def main(mnist: Path, out: Path) -> None:
    """Copy the first records of each split and describe them."""
    out.mkdir(parents=True, exist_ok=True)
    info: dict[str, Any] = json.loads((mnist / "dataset_info.json").read_text())
    for split in info["splits"]:
        name, count = split["name"], EXAMPLES[split["name"]]
        source = mnist / f"mnist-{name}.tfrecord-00000-of-00001"
        records = [payload for _, payload, _, _ in islice(read_records(source, source.name), count)]
        (out / f"mnist_sample-{name}.tfrecord-00000-of-00001").write_bytes(b"".join(map(frame, records)))
        split.update(numBytes=str(sum(map(len, records))), shardLengths=[str(count)])
    description = "A sample of MNIST: 6,000 training and 1,000 test digits."
    info.update(name="mnist_sample", version="1.0.0", description=description)
    info.pop("moduleName")
    (out / "dataset_info.json").write_text(json.dumps(info, indent=2) + "\n")
    shutil.copyfile(mnist / "features.json", out / "features.json")
    (out / "label.labels.txt").write_text("\n".join(map(str, range(10))))
    (out / "ATTRIBUTION.txt").write_text(ATTRIBUTION)


if __name__ == "__main__":
    main()
