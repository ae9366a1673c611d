"""`python -m dlutils.datasets` lists all data sets; `... prepare NAME` fetches some for later."""

import argparse
import sys

from dlutils.datasets import catalogue, listing, prepared, preparing, tfds
from dlutils.datasets.errors import DatasetUnavailable


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        """One sentence and exit code 1, instead of the usage and 2."""
        self.exit(1, f"{self.prog}: {message}\n")


def parser():
    """The command's arguments."""
    top = _Parser(prog="python -m dlutils.datasets", description="The data sets of the course.")
    folder = argparse.ArgumentParser(add_help=False)
    folder.add_argument("--data-dir", metavar="DIR", help="folder of TensorFlow Datasets")
    top.set_defaults(command="list", data_dir=None)
    commands = top.add_subparsers(dest="command", metavar="list | prepare")
    commands.add_parser("list", parents=[folder], help="all names, and what is here (default)")
    prepare = commands.add_parser("prepare", parents=[folder], help="download sets for later")
    prepare.add_argument("names", nargs="+", metavar="NAME", choices=catalogue.names())
    prepare.add_argument(
        "--file-format",
        choices=["tfrecord", "array_record"],
        help="array_record can be read without TensorFlow, tfrecord by tfds.load",
    )
    return top


def main(arguments=None):
    """Run the command; the exit code: 0, or 1 where something could not be done."""
    given = parser().parse_args(arguments)
    try:
        if given.command != "prepare":
            print(listing.table(given.data_dir))
            return 0
        # All of them, also after one that failed.
        done = [_prepare(name, given.data_dir, given.file_format) for name in given.names]
        return 0 if all(done) else 1
    except KeyboardInterrupt:
        print("interrupted; the next call goes on from what has arrived", file=sys.stderr)
        return 1


def _prepare(name, data_dir, file_format):
    """Whether the set is there afterwards, which one line says."""
    if name in catalogue.EMBEDDED:
        print(f"{name}: embedded, nothing to prepare")
        return True
    try:
        folder = tfds.folder_of(name, data_dir)
        builder = prepared.open_builder(name, folder)
        if not prepared.is_prepared(builder):
            preparing.prepare(name, folder, file_format=file_format)
            builder = prepared.open_builder(name, folder)
        found = builder.info.file_format.value
        if file_format not in (None, found):
            raise DatasetUnavailable(
                f"{name} is prepared in {folder} in the {found} format, which {file_format} cannot "
                "stand beside; give another folder as --data-dir."
            )
    except (DatasetUnavailable, ValueError) as error:
        print(error, file=sys.stderr)
        return False
    print(f"{name}: prepared in {folder} ({found})")
    return True


if __name__ == "__main__":
    sys.exit(main())
