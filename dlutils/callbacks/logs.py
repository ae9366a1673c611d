"""TensorBoard logs, written and read without TensorFlow."""

import pathlib
import struct

HEAD, TAIL = 12, 4  # bytes around a record: its length and that length's checksum; its own checksum


class EventLog:
    """Write what `fit` reports after each epoch, and the learning rate, as a TensorBoard log.

    folder: where the file goes; made where it is missing. One run, one folder: TensorBoard
    (`tensorboard --logdir PARENT`) draws each folder as a line of its own. Epochs are counted from
    1. Written by tensorboardX, which needs neither TensorFlow nor TensorBoard; raises
    ModuleNotFoundError where it is not installed.

    Example:
        log = callbacks.EventLog("logs/adam")
        model.fit(x, y, epochs=8, verbose=0, callbacks=[log])
        callbacks.read_events("logs/adam")["loss"]

    >>> from dlutils import callbacks
    >>> callbacks.EventLog("logs/adam").folder
    'logs/adam'
    """

    def __init__(self, folder):
        super().__init__()
        self.folder, self._writer = str(folder), None

    def on_train_begin(self, logs=None):
        self.close()  # the fit before was interrupted
        try:
            import tensorboardX
        except ModuleNotFoundError as problem:
            raise ModuleNotFoundError(
                "EventLog writes with tensorboardX, which is not installed here: "
                "`pip install tensorboardX`, or leave this callback out.",
                name=problem.name,
            ) from None
        # tensorboardX names a file by the second: two short fits would write over each other.
        number = len(list(pathlib.Path(self.folder).glob("*tfevents*")))
        self._writer = tensorboardX.SummaryWriter(self.folder, filename_suffix=f".{number}")

    def on_epoch_end(self, epoch, logs=None):
        from keras import ops

        rate = float(ops.convert_to_numpy(self.model.optimizer.learning_rate))
        for name, value in {**(logs or {}), "learning_rate": rate}.items():
            self._writer.add_scalar(name, float(value), epoch + 1)

    def on_train_end(self, logs=None):
        self.close()

    def close(self):
        """Write what is left and close the file, which the end of a `fit` does by itself."""
        if self._writer is not None:
            self._writer.close()
        self._writer = None


def read_events(folder):
    """The numbers in a folder's TensorBoard logs: dict name -> (steps, values), two float lists.

    A log is a row of records, each a length (8 bytes), a checksum (4), an `Event` as a protocol
    buffer, and a checksum (4); several files count as one, in the order of their names. What is no
    number (pictures, histograms) is passed over, and so is a last record that is not whole yet.
    Raises FileNotFoundError where there is no log.

    Example:
        steps, losses = callbacks.read_events("logs/adam")["loss"]

    >>> from dlutils import callbacks
    >>> try:
    ...     callbacks.read_events("no such folder")
    ... except FileNotFoundError as problem:
    ...     print(str(problem).partition(":")[0])
    There is no TensorBoard log in 'no such folder'
    """
    from tensorboardX.proto.event_pb2 import Event

    files = sorted(pathlib.Path(folder).glob("*tfevents*"))
    if not files:
        raise FileNotFoundError(
            f"There is no TensorBoard log in {str(folder)!r}: name the folder that the training "
            "was given, not the one above it."
        )
    found = {}
    for record in (record for file in files for record in _records(file.read_bytes())):
        event = Event.FromString(record)
        for value in event.summary.value:
            if value.WhichOneof("value") == "simple_value":
                steps, values = found.setdefault(value.tag, ([], []))
                steps.append(float(event.step))
                values.append(value.simple_value)
    return found


def _records(data):
    """The records of a log file, without their frames."""
    at = 0
    while at + HEAD <= len(data):
        (length,) = struct.unpack_from("<Q", data, at)
        end = at + HEAD + length
        if end + TAIL > len(data):  # still being written
            return
        yield data[at + HEAD : end]
        at = end + TAIL
