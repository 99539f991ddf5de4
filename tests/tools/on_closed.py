#!/usr/bin/python3
"""on_closed.py FOLDER: prints each path in FOLDER of which watchdog's on_closed is told; once it watches, says "established" on
standard error, as inotifywait does. Until a signal."""

import signal
import sys

from watchdog.events import FileSystemEventHandler
from watchdog.observers import Observer


class Consumer(FileSystemEventHandler):
    def on_closed(self, event):
        print(event.src_path, flush=True)


def main():
    observer = Observer()
    observer.schedule(Consumer(), sys.argv[1])
    observer.start()
    print("established", file=sys.stderr, flush=True)
    signal.pause()


if __name__ == "__main__":
    main()
